/**
 * What jobs require of hosts: read, put into a subject, and compared with what a host has.
 */

import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { consumerName } from "../cluster/names.ts";
import {
  checkedLabel,
  type HostCapacity,
  maybeRequirements,
  NO_REQUIREMENTS,
  parseRequirements,
  requirementsToken,
  requirementWords,
  satisfies,
} from "../cluster/requirements.ts";
import { RtoolError } from "../core/errors.ts";
import { submissionFields } from "../messages.ts";
import { parseQueue, queueFields } from "../messages_queue.ts";
import { bareRequest } from "../core/job.ts";
import { SEED, seeded } from "./random.ts";

const GIB = 2 ** 30;

const HOST: HostCapacity = {
  labels: ["gpu=1", "fast"],
  cores: 8,
  memoryBytes: 64 * GIB,
  packages: new Set(["data.table", "xml2"]),
};

const LABELS = ["gpu=1", "gpu=2", "fast", "a", "Z-9_", "any", "need"];
const PACKAGES = ["data.table", "xml2", "R6", "a.b.c"];

/** One requirement as it may be given. */
const given = fc.oneof(
  fc.constantFrom(...LABELS),
  fc.integer({ min: 1, max: 999_999 }).map((n) => `cores=${n}`),
  fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.constantFrom("", "KiB", "MiB", "GiB", "MB"))
    .map(([n, unit]) => `memory=${n}${unit}`),
  fc.constantFrom(...PACKAGES).map((name) => `package=${name}`),
);

const list = fc.array(given, { maxLength: 8 });

const host: fc.Arbitrary<HostCapacity> = fc.record({
  labels: fc.subarray(LABELS),
  cores: fc.integer({ min: 1, max: 999_999 }),
  memoryBytes: fc.integer({ min: 1, max: 2 ** 44 }),
  packages: fc.subarray(PACKAGES).map((names) => new Set(names)),
});

Deno.test("a host with the labels, the packages and enough of the rest satisfies, another not", () => {
  const cases: readonly (readonly [require: readonly string[], isEnough: boolean])[] = [
    [[], true],
    [["gpu=1"], true],
    [["gpu=2"], false],
    [["gpu"], false],
    [["cores=8"], true],
    [["cores=9"], false],
    [["memory=64GiB"], true],
    [["memory=65537MiB"], false],
    [["memory=1.5GiB", "package=data.table", "fast"], true],
    [["package=data"], false],
    [["cores=1", "package=xml"], false],
  ];
  for (const [require, isEnough] of cases) {
    assertEquals(satisfies(HOST, parseRequirements(require)), isEnough, require.join());
  }
});

Deno.test("a token is readable, and the same for the same requirements", () => {
  const token = (...texts: string[]) => requirementsToken(parseRequirements(texts));
  assertEquals(token(), NO_REQUIREMENTS);
  assertEquals(token("gpu=1"), "gpu=1");
  assertEquals(token("package=data.table", "cores=8"), "cores=8+package=data,table");
  assertEquals(token("memory=1.5GiB"), "memory=1536MiB");
  assertEquals(token("memory=1024MiB", "memory=1GB", "memory=1GiB"), "memory=1GiB");
  assertEquals(token("cores=2", "cores=08", "a", "a"), "a+cores=8");
});

Deno.test("what can be no requirement is refused with the reason", () => {
  const cases: readonly (readonly [text: string, why: string])[] = [
    ["", "a label is"],
    ["no.dots", "a label is"],
    ["-x", "a label is"],
    ["a b", "a label is"],
    ["x".repeat(65), "more than 64 characters"],
    ["cores", "a whole number"],
    ["cores=0", "a whole number"],
    ["cores=1.5", "a whole number"],
    ["cores=-1", "a whole number"],
    ["memory=lots", "a size"],
    ["memory=0", "a size"],
    ["package=", "name of a package"],
    ["package=.x", "name of a package"],
    ["package=a/b", "name of a package"],
  ];
  for (const [text, why] of cases) {
    const error = assertThrows(() => parseRequirements([text]), RtoolError, why);
    assertEquals(error.code, "bad_request");
  }
  const nine = Array.from({ length: 9 }, (_, n) => `l${n}`);
  assertThrows(() => parseRequirements(nine), RtoolError, "may have 8 requirements, and not 9");
});

Deno.test("a server cannot be told by a label what it finds out by itself", () => {
  for (const label of ["cores=64", "cores", "memory=1TiB", "package=xml2"]) {
    const { code, message, hint } = assertThrows(() => checkedLabel(label), RtoolError);
    assertEquals([code, message], ["bad_config", `Cannot use the label '${label}'`]);
    assertMatch(hint ?? "", /finds out by itself which (cores|memory|packages) it has/);
  }
  assertThrows(() => checkedLabel("no.dots"), RtoolError, "a label is");
  for (const label of LABELS.concat("coresx", "x".repeat(64))) checkedLabel(label);
});

Deno.test(`requirements come back from their token as they went (seed ${SEED})`, () => {
  fc.assert(
    fc.property(list, (texts) => {
      const requirements = parseRequirements(texts);
      assertEquals(maybeRequirements(requirementsToken(requirements)), requirements);
      assertEquals(parseRequirements(requirementWords(requirements)), requirements);
    }),
    seeded(500),
  );
});

Deno.test(`neither order nor repetition matters (seed ${SEED})`, () => {
  const shuffled = list.chain((texts) => {
    return fc.tuple(fc.constant(texts), fc.shuffledSubarray(texts, { minLength: texts.length }));
  });
  fc.assert(
    fc.property(shuffled, ([texts, others]) => {
      const token = requirementsToken(parseRequirements(texts));
      assertEquals(requirementsToken(parseRequirements(others)), token);
      const twice = [...others, ...texts].slice(0, 8);
      if (texts.length <= 4) assertEquals(requirementsToken(parseRequirements(twice)), token);
    }),
    seeded(500),
  );
});

Deno.test(`a greater host satisfies whatever a smaller one does (seed ${SEED})`, () => {
  fc.assert(
    fc.property(list, host, host, (texts, one, other) => {
      const both: HostCapacity = {
        labels: [...one.labels, ...other.labels],
        cores: Math.max(one.cores, other.cores),
        memoryBytes: Math.max(one.memoryBytes, other.memoryBytes),
        packages: new Set([...one.packages, ...other.packages]),
      };
      const requirements = parseRequirements(texts);
      if (satisfies(one, requirements)) assert(satisfies(both, requirements));
      if (!satisfies(both, requirements)) assert(!satisfies(one, requirements));
    }),
    seeded(500),
  );
});

Deno.test(`requiring one thing more never lets in another host (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(given, { maxLength: 7 }), given, host, (texts, more, each) => {
      if (!satisfies(each, parseRequirements(texts))) {
        assert(!satisfies(each, parseRequirements([...texts, more])));
      }
    }),
    seeded(500),
  );
});

Deno.test(`any text is refused, or stands in a subject and comes back (seed ${SEED})`, async () => {
  const alphabet = fc.constantFrom(..."ab19=.,+_- *>/\\\t\né", "cores=", "memory=", "package=");
  const texts = fc.array(fc.array(alphabet, { maxLength: 9 }).map((parts) => parts.join("")), {
    maxLength: 3,
  });
  await fc.assert(
    fc.asyncProperty(texts, async (texts) => {
      let requirements;
      try {
        requirements = parseRequirements(texts);
      } catch (error) {
        assert(error instanceof RtoolError);
        return;
      }
      const token = requirementsToken(requirements);
      assertMatch(token, /^[A-Za-z0-9_=,+-]+$/);
      assertMatch(await consumerName(token), /^[A-Za-z0-9_=,+-]{1,64}$/);
      assertEquals(maybeRequirements(token), requirements);
    }),
    seeded(2000),
  );
});

Deno.test(`any token means requirements that make just it, or nothing (seed ${SEED})`, () => {
  const part = fc.oneof(
    given.map((text) => text.replaceAll(".", ",")),
    fc.constantFrom(..."+,.=_*> ", "cores=", "08"),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }).map((parts) => parts.join("")), (token) => {
      const requirements = maybeRequirements(token);
      if (requirements) assertEquals(requirementsToken(requirements), token);
    }),
    seeded(1000),
  );
  for (const token of ["", "b+a", "a+a", "cores=08", "memory=1024MiB", "+", "a++b", "x.y"]) {
    assertEquals(maybeRequirements(token), undefined, token);
  }
  assertEquals(maybeRequirements("x".repeat(100_000)), undefined);
});

Deno.test("consumers of different tokens have different names of at most 64 characters", async () => {
  const long = Array.from({ length: 8 }, (_, n) => `${n}${"x".repeat(60)}`);
  const tokens = [[], ["any"], ["need"], ["gpu=1"], long, long.slice(1), ["x".repeat(58)]].map(
    (texts) => requirementsToken(parseRequirements(texts)),
  );
  const names = await Promise.all(tokens.map(consumerName));
  assertEquals(new Set(names).size, tokens.length);
  assertEquals(names.slice(0, 4), ["any", "need-any", "need-need", "need-gpu=1"]);
  assert(names.every((name) => name.length <= 64), names.join());
  // Not even a label made for it is called as a digest is.
  const made = names[4]!.slice("need-".length);
  assertNotEquals(await consumerName(made), names[4]);
});

Deno.test("a submit has a list of requirements; the one text of older clients is read as one", () => {
  const queue = { name: "q", require: ["gpu=1", "cores=8"], atMostOnce: false };
  assertEquals(queueFields(queue), { queue: "q", require: ["gpu=1", "cores=8"] });
  assertEquals(parseQueue(queueFields(queue)), { queue });
  assertEquals(parseQueue({ queue: "q", require: "gpu=1" }).queue?.require, ["gpu=1"]);
  for (const require of [1, [1], {}, ["a\0"]]) {
    assertThrows(() => parseQueue({ queue: "q", require }), RtoolError, "require");
  }
  const request = { ...bareRequest("1", undefined), queue: { name: "q", atMostOnce: false } };
  const fields = submissionFields({ request, codeBytes: 1, hasInput: false });
  assertEquals("require" in fields, false);
});
