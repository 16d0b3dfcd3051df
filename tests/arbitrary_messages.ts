/**
 * Any message of the native wire, for random tests.
 */

import fc from "fast-check";
import { ERROR_CODES } from "../core/errors.ts";
import type { JobWants, PlotVariant, Upload } from "../core/item.ts";
import { LIMIT_NAMES } from "../core/job.ts";
import type { Condition, JobLimits, Outcome, Receipt } from "../core/job.ts";
import type { Submission, Waiting } from "../messages.ts";
import { arbitraryText } from "./random.ts";

/** Text that can go over the wire: no lone surrogates. */
export function arbitraryWords(): fc.Arbitrary<string> {
  return arbitraryText().map((text) => text.toWellFormed());
}

/** Any submission. */
export function arbitrarySubmission(): fc.Arbitrary<Submission> {
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const variables = fc.array(
    fc.tuple(fc.constantFrom("A", "B_1", "path", "__x"), arbitraryWords()),
  );
  return fc.record({
    codeBytes: fc.maxSafeNat(),
    hasInput: fc.boolean(),
    request: fc.record({
      session: maybe(arbitraryWords()),
      args: maybe(fc.array(arbitraryWords(), { maxLength: 4 })),
      cwd: maybe(arbitraryWords()),
      machine: maybe(arbitraryWords()),
      env: variables.map((pairs) => Object.fromEntries(pairs)),
      width: maybe(fc.integer({ min: 10, max: 10000 })),
      timeoutMs: maybe(fc.integer({ min: 1, max: 2 ** 31 - 1 })),
      limits: arbitraryLimits(),
      detach: fc.boolean(),
      key: maybe(arbitraryWords()),
      progress: fc.boolean(),
      within: maybe(arbitraryWords()),
      wants: arbitraryWants(),
      mode: fc.record({
        echo: fc.boolean(),
        lines: maybe(arbitraryWords()),
        interactive: fc.boolean(),
        aside: fc.boolean(),
      }),
      uploads: fc.array(arbitraryUpload(), { maxLength: 3 }),
      call: maybe(arbitraryWords()),
    }),
  });
}

function arbitraryWants(): fc.Arbitrary<JobWants> {
  return fc.record({
    value: fc.boolean(),
    plots: fc.array(arbitraryVariant(), { maxLength: 3 }),
    files: fc.array(arbitraryWords(), { maxLength: 3 }),
  });
}

function arbitraryVariant(): fc.Arbitrary<PlotVariant> {
  const inches = fc.integer({ min: 1, max: 200 }).map((halves) => halves / 2);
  return fc.record({
    format: fc.constantFrom("png", "svg"),
    width: inches,
    height: inches,
    dpi: fc.integer({ min: 10, max: 2400 }),
  });
}

function arbitraryUpload(): fc.Arbitrary<Upload> {
  return fc.record({
    target: fc.oneof(
      fc.record({ kind: fc.constant("file" as const), path: arbitraryWords() }),
      fc.record({ kind: fc.constant("data" as const), name: arbitraryWords() }),
      fc.record({ kind: fc.constant("arguments" as const) }),
    ),
    bytes: fc.maxSafeNat(),
    path: fc.constant(undefined),
  });
}

function arbitraryLimits(): fc.Arbitrary<JobLimits> {
  const max = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const limits = { cpuMs: max, memoryBytes: max, outputBytes: max, processes: max };
  return fc.record(limits, { requiredKeys: [] });
}

/** Anything to wait for. */
export function arbitraryWaiting(): fc.Arbitrary<Waiting> {
  const holder = fc.record({ job: arbitraryWords(), ageMs: fc.maxSafeNat() });
  return fc.record({
    kind: fc.constant("waiting" as const),
    ahead: fc.maxSafeNat(),
    holder: fc.option(holder, { nil: undefined }),
  });
}

/** Any condition. */
export function arbitraryCondition(): fc.Arbitrary<Condition> {
  const maybeText = fc.option(arbitraryWords(), { nil: null });
  return fc.record({
    kind: fc.constantFrom("message", "warning", "error", "interrupt"),
    text: maybeText,
    call: maybeText,
    classes: fc.array(arbitraryWords(), { maxLength: 4 }),
    line: fc.integer({ min: 1, max: 1e6 }),
    traceback: fc.array(arbitraryWords(), { maxLength: 4 }),
  }, { requiredKeys: ["kind", "text", "call", "classes"] });
}

/** Any outcome. */
export function arbitraryOutcome(): fc.Arbitrary<Outcome> {
  const text = arbitraryWords();
  const kind = <K extends string>(name: K) => fc.constant(name);
  return fc.oneof(
    fc.record({ kind: kind("ok") }),
    fc.record({ kind: kind("error"), error: arbitraryCondition(), halted: fc.boolean() }),
    fc.record({ kind: kind("quit"), status: fc.nat(255) }),
    fc.record({ kind: kind("timeout"), limitMs: fc.maxSafeNat() }),
    fc.record({
      kind: kind("cancelled"),
      reason: fc.constantFrom("client", "gone", "shutdown"),
    }),
    fc.record({
      kind: kind("crashed"),
      signal: fc.option(text, { nil: null }),
      status: fc.option(fc.nat(255), { nil: null }),
      message: text,
    }),
    fc.record({
      kind: kind("limited"),
      limit: fc.constantFrom(...LIMIT_NAMES),
      max: fc.maxSafeNat(),
    }),
    fc.record({ kind: kind("rejected"), code: fc.constantFrom(...ERROR_CODES), message: text }),
    fc.record({ kind: kind("lost"), message: text }),
  );
}

/** Any receipt. */
export function arbitraryReceipt(): fc.Arbitrary<Receipt> {
  const count = fc.maxSafeNat();
  const maybeCount = fc.option(count, { nil: null });
  return fc.record({
    // The wire carries microseconds.
    wallMs: fc.nat(10 ** 9).map((us) => us / 1000),
    cpuMs: maybeCount,
    peakMemoryBytes: maybeCount,
    stdoutBytes: count,
    stderrBytes: count,
    start: fc.constantFrom("existing", "warm", "cold", null),
    rung: fc.constantFrom("none", "interrupt", "kill"),
    sessionSurvived: fc.boolean(),
    eventsDropped: count,
    plots: count,
  });
}
