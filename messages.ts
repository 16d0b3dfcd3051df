/**
 * What the JSON of a job's frames means: submit, waiting, outcome, receipt, both ways.
 *
 * The second half of protocol.ts: field names are the wire's (snake_case, docs/PROTOCOL.md),
 * values are checked once here, and inside the program only the types of core/ are seen. No I/O.
 */

import { RtoolError, toErrorCode } from "./core/errors.ts";
import { type Fields, maybeText, parseCondition } from "./core/condition.ts";
import { EMPTY_RECEIPT, LIMIT_NAMES } from "./core/job.ts";
import type { JobEvent, JobLimits, JobRequest, Outcome, Receipt } from "./core/job.ts";
import {
  modeFields,
  parseMode,
  parseUploads,
  parseWants,
  uploadsFields,
  wantsFields,
} from "./messages_items.ts";
import { parseQueue, queueFields } from "./messages_queue.ts";
import {
  flag,
  integer,
  maybeNumber,
  oneOf,
  optional,
  text,
  textMap,
  texts,
} from "./messages_fields.ts";

/** The event of a job that has not started. */
export type Waiting = Extract<JobEvent, { readonly kind: "waiting" }>;

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
    ...(request.session === undefined ? { fresh: true } : { session: request.session }),
    code_bytes: submission.codeBytes,
    ...(submission.hasInput ? { input: true } : {}),
    ...(request.args === undefined ? {} : { args: request.args }),
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    ...(request.machine === undefined ? {} : { machine: request.machine }),
    ...(Object.keys(request.env).length === 0 ? {} : { env: request.env }),
    ...(request.width === undefined ? {} : { width: request.width }),
    ...(request.timeoutMs === undefined ? {} : { timeout_ms: request.timeoutMs }),
    ...limitFields(request.limits),
    ...(request.detach ? { detach: true } : {}),
    ...(request.key === undefined ? {} : { key: request.key }),
    ...(request.progress ? { progress: true } : {}),
    ...(request.within === undefined ? {} : { within: request.within }),
    ...(request.call === undefined ? {} : { call: request.call }),
    ...queueFields(request.queue),
    ...wantsFields(request.wants),
    ...modeFields(request.mode),
    ...uploadsFields(request.uploads),
  };
}

function limitFields({ cpuMs, memoryBytes, outputBytes, processes }: JobLimits): Fields {
  return {
    ...(cpuMs === undefined ? {} : { cpu_ms_max: cpuMs }),
    ...(memoryBytes === undefined ? {} : { memory_bytes_max: memoryBytes }),
    ...(outputBytes === undefined ? {} : { output_bytes_max: outputBytes }),
    ...(processes === undefined ? {} : { processes_max: processes }),
  };
}

/** Reads a `submit` frame; throws `bad_request` naming the field that is wrong. */
export function parseSubmission(fields: Fields): Submission {
  return {
    codeBytes: integer(fields, "code_bytes", 0, Number.MAX_SAFE_INTEGER),
    hasInput: optional(fields, "input", flag) ?? false,
    request: {
      session: parseSession(fields),
      args: optional(fields, "args", texts),
      cwd: optional(fields, "cwd", text),
      machine: optional(fields, "machine", text),
      env: optional(fields, "env", textMap) ?? {},
      width: optional(fields, "width", (f, k) => integer(f, k, 10, 10000)),
      timeoutMs: optional(fields, "timeout_ms", (f, k) => integer(f, k, 1, 2 ** 31 - 1)),
      limits: parseLimits(fields),
      detach: optional(fields, "detach", flag) ?? false,
      key: optional(fields, "key", text),
      progress: optional(fields, "progress", flag) ?? false,
      within: optional(fields, "within", text),
      call: optional(fields, "call", text),
      wants: parseWants(fields),
      mode: parseMode(fields),
      uploads: parseUploads(fields),
      ...parseQueue(fields),
    },
  };
}

function parseSession(fields: Fields): string | undefined {
  if (!optional(fields, "fresh", flag)) return text(fields, "session");
  if (fields["session"] === undefined) return undefined;
  throw new RtoolError(
    "bad_request",
    "A session is named or fresh: 'session' and 'fresh' exclude each other",
  );
}

function parseLimits(fields: Fields): JobLimits {
  const max = (key: string) =>
    optional(fields, key, (f, k) => integer(f, k, 1, Number.MAX_SAFE_INTEGER));
  const [cpuMs, memoryBytes] = [max("cpu_ms_max"), max("memory_bytes_max")];
  const [outputBytes, processes] = [max("output_bytes_max"), max("processes_max")];
  return {
    ...(cpuMs === undefined ? {} : { cpuMs }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(outputBytes === undefined ? {} : { outputBytes }),
    ...(processes === undefined ? {} : { processes }),
  };
}

/** What a job waits for, as it stands in a `waiting` frame. */
export function waitingFields({ ahead, holder }: Waiting): Fields {
  if (!holder) return { ahead };
  return { ahead, job: holder.job, job_age_ms: Math.round(holder.ageMs) };
}

/** Reads a `waiting` frame. */
export function parseWaiting(fields: Fields): Waiting {
  const job = optional(fields, "job", text);
  const ageMs = maybeNumber(fields["job_age_ms"]) ?? 0;
  return {
    kind: "waiting",
    ahead: integer(fields, "ahead", 0, Number.MAX_SAFE_INTEGER),
    holder: job === undefined ? undefined : { job, ageMs },
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
      return {
        kind,
        limit: oneOf(fields, "limit", LIMIT_NAMES),
        max: integer(fields, "max", 0, Number.MAX_SAFE_INTEGER),
      };
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
    plots: receipt.plots,
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
    plots: maybeNumber(fields["plots"]) ?? 0,
  };
}
