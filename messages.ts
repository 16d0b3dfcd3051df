/**
 * What the JSON of the native frames means: submit, outcome, receipt, both ways.
 *
 * The second half of protocol.ts: field names are the wire's (snake_case, docs/PROTOCOL.md),
 * values are checked once here, and inside the program only the types of core/ are seen. No I/O.
 */

import { RtoolError, toErrorCode } from "./core/errors.ts";
import { asFields, type Fields, maybeText, parseCondition } from "./core/condition.ts";
import { EMPTY_RECEIPT } from "./core/job.ts";
import type { JobRequest, Outcome, Receipt } from "./core/job.ts";

/** A `submit`: the request without its code and input, which follow in frames of their own. */
export interface Submission {
  readonly request: Omit<JobRequest, "code" | "input">;
  /** How many bytes of code follow. */
  readonly codeBytes: number;
  /** Whether `input` frames follow. */
  readonly hasInput: boolean;
}

/** What a client puts into a `submit` frame. */
export function submissionFields(submission: Submission): Fields {
  const { request } = submission;
  return {
    session: request.session,
    code_bytes: submission.codeBytes,
    ...(submission.hasInput ? { input: true } : {}),
    ...(request.args === undefined ? {} : { args: request.args }),
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    ...(request.machine === undefined ? {} : { machine: request.machine }),
    ...(Object.keys(request.env).length === 0 ? {} : { env: request.env }),
    ...(request.width === undefined ? {} : { width: request.width }),
    ...(request.timeoutMs === undefined ? {} : { timeout_ms: request.timeoutMs }),
    ...(request.within === undefined ? {} : { within: request.within }),
  };
}

/** Reads a `submit` frame; throws `bad_request` naming the field that is wrong. */
export function parseSubmission(fields: Fields): Submission {
  return {
    codeBytes: integer(fields, "code_bytes", 0, Number.MAX_SAFE_INTEGER),
    hasInput: optional(fields, "input", flag) ?? false,
    request: {
      session: text(fields, "session"),
      args: optional(fields, "args", texts),
      cwd: optional(fields, "cwd", text),
      machine: optional(fields, "machine", text),
      env: optional(fields, "env", textMap) ?? {},
      width: optional(fields, "width", (f, k) => integer(f, k, 10, 10000)),
      timeoutMs: optional(fields, "timeout_ms", (f, k) => integer(f, k, 1, 2 ** 31 - 1)),
      within: optional(fields, "within", text),
    },
  };
}

/** An outcome as it stands in an `end` frame. */
export function outcomeFields(outcome: Outcome): Fields {
  if (outcome.kind !== "timeout") return outcome as unknown as Fields;
  return { kind: "timeout", limit_ms: outcome.limitMs };
}

/** Reads the outcome of an `end` frame. An unknown kind reads as `lost`: never as success. */
export function parseOutcome(fields: Fields): Outcome {
  const kind = fields["kind"];
  switch (kind) {
    case "ok":
      return { kind };
    case "error":
      return { kind, error: parseCondition(fields["error"]), halted: fields["halted"] === true };
    case "quit":
      return { kind, status: integer(fields, "status", 0, 255) };
    case "timeout":
      return { kind, limitMs: integer(fields, "limit_ms", 0, Number.MAX_SAFE_INTEGER) };
    case "cancelled": {
      const reason = fields["reason"];
      return { kind, reason: reason === "client" || reason === "shutdown" ? reason : "gone" };
    }
    case "crashed":
      return {
        kind,
        signal: maybeText(fields["signal"]),
        status: maybeNumber(fields["status"]),
        message: text(fields, "message"),
      };
    case "limited":
      return { kind, limit: text(fields, "limit"), max: maybeNumber(fields["max"]) ?? 0 };
    case "rejected":
      return { kind, code: toErrorCode(fields["code"]), message: text(fields, "message") };
    case "lost":
      return { kind, message: text(fields, "message") };
    default:
      return {
        kind: "lost",
        message: `The server sent an unknown outcome: ${JSON.stringify(kind)}`,
      };
  }
}

/** A receipt as it stands in an `end` frame. Times in milliseconds, sizes in bytes. */
export function receiptFields(receipt: Receipt): Fields {
  return {
    wall_ms: Math.round(receipt.wallMs * 1000) / 1000,
    cpu_ms: receipt.cpuMs,
    peak_memory_bytes: receipt.peakMemoryBytes,
    stdout_bytes: receipt.stdoutBytes,
    stderr_bytes: receipt.stderrBytes,
    start: receipt.start,
    rung: receipt.rung,
    session_survived: receipt.sessionSurvived,
    events_dropped: receipt.eventsDropped,
  };
}

/** Reads the receipt of an `end` frame. */
export function parseReceipt(fields: Fields): Receipt {
  const start = fields["start"];
  const rung = fields["rung"];
  return {
    ...EMPTY_RECEIPT,
    wallMs: maybeNumber(fields["wall_ms"]) ?? 0,
    cpuMs: maybeNumber(fields["cpu_ms"]),
    peakMemoryBytes: maybeNumber(fields["peak_memory_bytes"]),
    stdoutBytes: maybeNumber(fields["stdout_bytes"]) ?? 0,
    stderrBytes: maybeNumber(fields["stderr_bytes"]) ?? 0,
    start: start === "existing" || start === "warm" || start === "cold" ? start : null,
    rung: rung === "interrupt" || rung === "kill" ? rung : "none",
    sessionSurvived: fields["session_survived"] === true,
    eventsDropped: maybeNumber(fields["events_dropped"]) ?? 0,
  };
}

function optional<T>(
  fields: Fields,
  key: string,
  read: (fields: Fields, key: string) => T,
): T | undefined {
  return fields[key] === undefined ? undefined : read(fields, key);
}

function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value !== "string") throw wrong(key, "text", value);
  if (!value.isWellFormed()) throw new RtoolError("bad_request", `'${key}' is no Unicode text`);
  if (value.includes("\0")) throw new RtoolError("bad_request", `'${key}' holds a NUL character`);
  return value;
}

function flag(fields: Fields, key: string): boolean {
  const value = fields[key];
  if (typeof value !== "boolean") throw wrong(key, "true or false", value);
  return value;
}

function texts(fields: Fields, key: string): readonly string[] {
  const value = fields[key];
  if (!Array.isArray(value)) throw wrong(key, "a list of texts", value);
  return value.map((each, i) => text({ [`${key}[${i}]`]: each }, `${key}[${i}]`));
}

function textMap(fields: Fields, key: string): Readonly<Record<string, string>> {
  const value = fields[key];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(key, "an object of texts", value);
  }
  const map = asFields(value);
  return Object.fromEntries(Object.keys(map).map((name) => [name, text(map, name)]));
}

function integer(fields: Fields, key: string, min: number, max: number): number {
  const value = fields[key];
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw wrong(key, `a whole number from ${min} to ${max}`, value);
  }
  return value;
}

function wrong(key: string, wanted: string, value: unknown): RtoolError {
  const got = value === undefined ? "nothing" : JSON.stringify(value)?.slice(0, 80);
  return new RtoolError("bad_request", `'${key}' must be ${wanted}, not ${got}`);
}

function maybeNumber(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
