/**
 * R's serialization format against R itself: what it writes is read, and what is written it takes
 * for the very same value.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import { decodeValue } from "../rdata/read.ts";
import type { RValue } from "../rdata/types.ts";
import { numeric } from "../rdata/values.ts";
import { encodeValue, type WriteOptions } from "../rdata/write.ts";
import { listOf, runR } from "./rdata/in_r.ts";
import { readsOrRefuses } from "./rdata/bytes.ts";
import { R_FORMS, R_VALUES } from "./rdata/values.ts";
import { SEED, seeded } from "./random.ts";

const FORMS: readonly Required<WriteOptions>[] = [
  { version: 2, format: "xdr" },
  { version: 2, format: "binary" },
  { version: 3, format: "xdr" },
  { version: 3, format: "binary" },
];

const SAMPLES = [...R_VALUES, ...R_FORMS];

const dir = await Deno.makeTempDir({ prefix: "rtool-rdata-" });
globalThis.addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));
await runR(dir, writeSamples());

for (const form of FORMS) {
  const label = `version ${form.version} ${form.format}`;

  Deno.test(`${label}: every sample is read`, () => {
    for (const [index, sample] of SAMPLES.entries()) {
      const value = decodeValue(readSample(index, form));
      assertEquals(hasOpaque(value), !sample.data, sample.name);
    }
  });

  Deno.test(`${label}: R finds every written sample identical`, async () => {
    const data = SAMPLES.flatMap((sample, index) => sample.data ? [index] : []);
    assert(data.length >= 150, `only ${data.length} samples`);
    for (const index of data) {
      const value = decodeValue(readSample(index, form));
      await Deno.writeFile(`${dir}/back-${index}`, concat(encodeValue(value, form)));
    }
    await runR(dir, compareSamples(data));
    assertEquals(await Deno.readTextFile(`${dir}/different`), "");
  });
}

Deno.test("what follows code is read rightly, whatever the code holds", () => {
  const lists = [...SAMPLES.keys()].filter((index) =>
    /^(list|\{).*, 42\)/.test(SAMPLES[index]!.code)
  );
  assertEquals(lists.length, 6);
  for (const index of lists) {
    for (const form of FORMS) {
      const value = decodeValue(readSample(index, form));
      assert(value.type === "list");
      assertEquals(value.values.at(-1), numeric([42]), SAMPLES[index]!.code);
    }
  }
});

Deno.test(`what R wrote, with some bytes changed, is a value or bad_value (seed ${SEED})`, () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const any = fc.tuple(fc.nat(SAMPLES.length - 1), fc.constantFrom(...FORMS), changes);
  fc.assert(
    fc.property(any, ([index, form, list]) => {
      const bytes = readSample(index, form);
      for (const [at, byte] of list) bytes[2 + at % (bytes.length - 2)] = byte;
      readsOrRefuses(bytes);
    }),
    seeded(3000),
  );
});

Deno.test("what R wrote is bad_value wherever it is cut", () => {
  for (const index of SAMPLES.keys()) {
    const bytes = readSample(index, FORMS[index % FORMS.length]!);
    for (let cut = 0; cut < Math.min(bytes.length, 2000); cut++) {
      assertThrows(() => decodeValue(bytes.subarray(0, cut)), RtoolError);
    }
  }
});

Deno.test("what is no data is named as typeof() names it", () => {
  const kinds = SAMPLES.flatMap((sample, index) => {
    const value = decodeValue(readSample(index, FORMS[3]!));
    return value.type === "opaque" ? [`${sample.code}: ${value.kind} ${value.description}`] : [];
  });
  assertEquals(kinds, [
    "quote(x): symbol x",
    "quote(f(x, y + 1)): language f(x, y + 1)",
    "y ~ x + z: language y ~ x + z",
    "function(x) x: closure closure",
    "compiler::cmpfun(function(x) x + 1): closure closure",
    "globalenv(): environment R_GlobalEnv",
    "new.env(): environment environment",
    "sum: builtin sum",
    "`if`: special if",
    "setClass('P', representation(n = 'numeric'))(n = 1): S4 object of class P",
    "asNamespace('stats'): environment namespace:stats",
    "baseenv(): environment base",
    "emptyenv(): environment R_EmptyEnv",
    "stats::median: closure closure",
    "as.environment('package:stats'): environment package:stats",
    "quote(if (a) b else c): language if(a, b, c)",
  ]);
});

function readSample(index: number, { version, format }: Required<WriteOptions>): Uint8Array {
  return Deno.readFileSync(`${dir}/${index}-${version}-${format}`);
}

function writeSamples(): string {
  return `samples <- ${listOf(SAMPLES.map(({ code }) => code))}
    saveRDS(samples, "samples.rds")
    for (i in seq_along(samples)) for (version in 2:3) for (form in c("xdr", "binary")) {
      bytes <- serialize(samples[[i]], NULL, xdr = form == "xdr", version = version)
      writeBin(bytes, paste(i - 1L, version, form, sep = "-"))
    }`;
}

function compareSamples(indexes: readonly number[]): string {
  return `samples <- readRDS("samples.rds")
    same <- function(a, b) identical(a, b, num.eq = FALSE, single.NA = FALSE)
    different <- Filter(function(i) {
      back <- unserialize(readBin(paste0("back-", i), raw(), 1e8))
      !same(back, samples[[i + 1L]])
    }, c(${indexes.join(",")}))
    writeLines(as.character(different), "different")`;
}

function hasOpaque(value: RValue): boolean {
  if (value.type === "opaque") return true;
  if (value.type === "NULL") return false;
  if (value.attributes.some(([, each]) => hasOpaque(each))) return true;
  return value.type === "list" && value.values.some(hasOpaque);
}
