/**
 * What the JSON of the frames means: every message comes back as it went, every malformed field of
 * a request is named, and what is unknown never reads as success.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseCondition } from "../core/condition.ts";
import { RtoolError } from "../core/errors.ts";
import { bareRequest } from "../core/job.ts";
import {
  outcomeFields,
  parseOutcome,
  parseReceipt,
  parseSubmission,
  parseWaiting,
  receiptFields,
  submissionFields,
  waitingFields,
} from "../messages.ts";
import {
  arbitraryOutcome,
  arbitraryReceipt,
  arbitrarySubmission,
  arbitraryWaiting,
} from "./arbitrary_messages.ts";
import { SEED, seeded } from "./random.ts";

/** A submit with every field there is. */
const FULL = {
  session: "main",
  code_bytes: 3,
  input: true,
  args: ["--args", "a"],
  cwd: "/tmp",
  machine: "01234567-89ab",
  env: { NAME: "value" },
  width: 80,
  timeout_ms: 1000,
  cpu_ms_max: 60_000,
  memory_bytes_max: 1 << 30,
  output_bytes_max: 1 << 20,
  processes_max: 4,
  detach: true,
  key: "report-42",
  progress: true,
  within: "0123456789abcdef",
};

const MALFORMED: Readonly<Record<string, readonly unknown[]>> = {
  session: [undefined, null, 1, true, {}, [], "a\0b"],
  code_bytes: [undefined, null, "3", -1, 1.5, 2 ** 53, {}],
  input: [null, 1, "true", [], {}],
  args: [null, "a", {}, 1],
  cwd: [null, 1, [], {}, "/a\0b"],
  machine: [null, 1, {}, "\0"],
  env: [null, "A=1", [], 1],
  width: [null, "80", 9, 10001, 80.5, []],
  timeout_ms: [null, "1s", 0, -1, 0.5, 2 ** 31, {}],
  fresh: [null, 1, "true", []],
  cpu_ms_max: [null, "1s", 0, -1, 0.5, 2 ** 53],
  memory_bytes_max: [null, "1GiB", 0, 1.5, {}],
  output_bytes_max: [null, 0, -1, []],
  processes_max: [null, 0, "4", 1.5],
  detach: [null, 1, "true", {}],
  key: [null, 1, {}, "a\0"],
  progress: [null, 1, "yes"],
  within: [null, 7, [], "\0"],
};

Deno.test(`a submission comes back from the wire as it went (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitrarySubmission(), (submission) => {
      assertEquals(parseSubmission(overTheWire(submissionFields(submission))), submission);
    }),
    seeded(500),
  );
});

Deno.test("a submission leaves out what was not asked for", () => {
  const { code: _code, input: _input, ...request } = bareRequest("", "main");
  const fields = submissionFields({ request, codeBytes: 0, hasInput: false });
  assertEquals(fields, { session: "main", code_bytes: 0 });
});

Deno.test("a submission names its session or asks for a fresh one, never both", () => {
  const fields = { fresh: true, code_bytes: 0 };
  const submission = parseSubmission(fields);
  assertEquals(submission.request.session, undefined);
  assertEquals(submissionFields(submission), fields);
  assertEquals(parseSubmission({ ...FULL, fresh: false }).request.session, "main");
  assertNamed("'fresh'", { fresh: true });
});

for (const [field, values] of Object.entries(MALFORMED)) {
  Deno.test(`parseSubmission() names '${field}', whatever is wrong with it`, () => {
    for (const value of values) assertNamed(`'${field}'`, { [field]: value });
  });
}

Deno.test("parseSubmission() names the one argument or variable that is wrong", () => {
  assertNamed("'args[0]'", { args: [1] });
  assertNamed("'args[1]'", { args: ["a", null] });
  assertNamed("'args[1]'", { args: ["a", "b\0"] });
  assertNamed("B'", { env: { A: "1", B: null } });
  assertNamed("A'", { env: { A: "\0" } });
});

Deno.test("parseSubmission() refuses text that is no Unicode, which R would not understand", () => {
  const lone = "a\ud800b";
  assertNamed("'args[0]'", { args: [lone] });
  assertNamed("'cwd'", { cwd: `/${lone}` });
  assertNamed("A'", { env: { A: lone } });
});

Deno.test("parseSubmission() takes the limits of every number", () => {
  for (const [width, timeout_ms] of [[10, 1], [10000, 2 ** 31 - 1]]) {
    const { request } = parseSubmission({ ...FULL, width, timeout_ms });
    assertEquals([request.width, request.timeoutMs], [width, timeout_ms]);
  }
});

Deno.test("parseSubmission() ignores fields it does not know", () => {
  const known = parseSubmission(FULL);
  assertEquals(parseSubmission({ ...FULL, later: 1, __proto__: null }), known);
});

Deno.test("parseSubmission() keeps a variable whose name means something to JavaScript", () => {
  const fields = JSON.parse('{"session":"main","code_bytes":0,"env":{"__proto__":"kept"}}');
  const { request } = parseSubmission(fields);
  assertEquals(Object.keys(request.env), ["__proto__"]);
  assertEquals(request.env["__proto__"] as unknown, "kept");
});

Deno.test(`parseSubmission() meets any JSON with a request or bad_request (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryFields(Object.keys(FULL)), (fields) => {
      assertOnlyThrows("bad_request", () => parseSubmission(fields));
    }),
    seeded(500),
  );
});

Deno.test(`what a job waits for comes back from the wire as it went (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryWaiting(), (waiting) => {
      assertEquals(parseWaiting(overTheWire(waitingFields(waiting))), waiting);
    }),
    seeded(200),
  );
});

Deno.test(`parseWaiting() meets any JSON with an event or bad_request (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryFields(["ahead", "job", "job_age_ms"]), (fields) => {
      assertOnlyThrows("bad_request", () => parseWaiting(fields));
    }),
    seeded(200),
  );
});

Deno.test("parseOutcome() takes no limit it does not know", () => {
  for (const limit of [undefined, null, "", "time", 1]) {
    const fields = overTheWire({ kind: "limited", limit, max: 1 });
    assertOnlyThrows("bad_request", () => assertEquals(parseOutcome(fields).kind, "lost"));
  }
});

Deno.test(`an outcome comes back from the wire as it went (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryOutcome(), (outcome) => {
      assertEquals(parseOutcome(overTheWire(outcomeFields(outcome))), outcome);
    }),
    seeded(500),
  );
});

Deno.test("parseOutcome() reads a kind it does not know as lost, never as success", () => {
  const kinds = [undefined, null, 0, true, "", "OK", "ok ", "success", ["ok"], { kind: "ok" }];
  for (const kind of kinds) {
    assertEquals(parseOutcome(overTheWire({ kind, status: 0 })).kind, "lost");
  }
});

Deno.test("parseOutcome() reads a kind that cannot be shown as lost too", () => {
  assertEquals(parseOutcome({ kind: { toString: 1, valueOf: 1 } }).kind, "lost");
});

Deno.test("parseOutcome() reads a code it does not know as internal", () => {
  const outcome = parseOutcome({ kind: "rejected", code: "made_up", message: "no" });
  assertEquals(outcome, { kind: "rejected", code: "internal", message: "no" });
});

Deno.test(`parseOutcome() never takes any JSON for success by accident (seed ${SEED})`, () => {
  const names = ["kind", "status", "error", "message", "code", "signal", "limit", "max", "reason"];
  fc.assert(
    fc.property(arbitraryFields(names), (fields) => {
      const outcome = assertOnlyThrows("bad_request", () => parseOutcome(fields));
      if (outcome?.kind === "ok") assertEquals(fields["kind"], "ok");
    }),
    seeded(500),
  );
});

Deno.test(`a receipt comes back from the wire as it went (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryReceipt(), (receipt) => {
      assertEquals(parseReceipt(overTheWire(receiptFields(receipt))), receipt);
    }),
    seeded(300),
  );
});

Deno.test(`parseReceipt() makes a receipt of any JSON (seed ${SEED})`, () => {
  const names = Object.keys(receiptFields(parseReceipt({})));
  fc.assert(
    fc.property(arbitraryFields(names), (fields) => {
      const receipt = receiptFields(parseReceipt(fields));
      assertEquals(Object.keys(receipt), names);
      for (const name of names) assert(receipt[name] !== undefined, name);
    }),
    seeded(300),
  );
});

const CONDITION_FIELDS = ["kind", "text", "call", "classes"];

Deno.test(`parseCondition() makes a condition that fits a frame of any JSON (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryFields([...CONDITION_FIELDS, "line", "traceback"]), (fields) => {
      const condition = parseCondition(fields);
      assertEquals(parseCondition(overTheWire(condition)), condition);
    }),
    seeded(300),
  );
});

Deno.test("parseCondition() cuts what would not fit a frame, in any characters", () => {
  for (const character of ["a", "é", "😀", "\u0001", '"']) {
    const long = character.repeat(60_000);
    const traceback = Array.from({ length: 100 }, (_, index) => `${index}${long}`);
    const fields = { kind: "error", text: long, call: long, classes: [long], line: 7, traceback };
    const condition = parseCondition(fields);
    const bytes = new TextEncoder().encode(JSON.stringify(condition)).length;
    assert(bytes < 65536, `${bytes} bytes of ${JSON.stringify(character)}`);
    assertEquals(parseCondition(overTheWire(condition)), condition);
    assertEquals(condition.line, 7);
    // Where it began, and where it failed.
    const calls = condition.traceback ?? [];
    assertEquals([calls.length, parseInt(calls[0]!), parseInt(calls.at(-1)!)], [20, 0, 99]);
  }
});

Deno.test("parseCondition() is total: classes that cannot be shown are no reason to fail", () => {
  const odd = { toString: 1, valueOf: 1 };
  const condition = parseCondition({ kind: "error", classes: [odd], traceback: [odd] });
  assertEquals(condition.kind, "error");
});

function assertNamed(named: string, wrong: Readonly<Record<string, unknown>>): void {
  const fields = overTheWire({ ...FULL, ...wrong });
  const error = assertThrows(() => parseSubmission(fields), RtoolError);
  assertEquals(error.code, "bad_request");
  assertStringIncludes(error.message, named);
}

/** As the fields arrive: through JSON. */
function overTheWire(fields: unknown): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(fields));
}

function assertOnlyThrows<T>(code: string, fn: () => T): T | undefined {
  try {
    return fn();
  } catch (error) {
    assert(error instanceof RtoolError, `Not our error: ${error}`);
    assertEquals(error.code, code);
    return undefined;
  }
}

/** Objects whose fields have the right names, and now and then a right value. */
function arbitraryFields(names: readonly string[]): fc.Arbitrary<Record<string, unknown>> {
  const kinds = ["ok", "error", "quit", "timeout", "cancelled", "crashed", "limited", "rejected"];
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(...kinds, "lost", "client", "none", "cold"),
    fc.nat(300),
  );
  return fc.dictionary(fc.constantFrom(...names), value);
}
