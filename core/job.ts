/**
 * The words doors and engine share: principal, request, event, outcome, receipt, Evaluator.
 *
 * Doors and engine meet only here. Must not know frames, sockets, R or flags.
 */

import type { Callables } from "./callable.ts";
import type { ErrorCode } from "./errors.ts";
import { BATCH_MODE, type Item, type JobMode, type JobWants, NO_WANTS } from "./item.ts";
import type { Upload } from "./item.ts";
import type { Profile } from "./profile.ts";
import type { ControlCommand, Report } from "./report.ts";

/** Who asks. */
export interface Principal {
  /** Sessions belong to this name. */
  readonly name: string;
  /** Whether the peer is the server's own user on this machine, seen through the socket. */
  readonly local: boolean;
  /** What it gets. */
  readonly profile: Profile;
}

/** Principals that nobody is given the name of: the server's user, rpy2's, anybody's. */
const RESERVED_NAME = /^(?:uid-.*|rpy2|anyone)$/;

/** Whether a name is one that rtool itself gives: who had it too would be taken for that one. */
export function isReservedName(name: string): boolean {
  return RESERVED_NAME.test(name);
}

/**
 * Says who a peer is, once it has said all it says of itself: its token, if it has one. Rejects
 * with `not_allowed`, and only after a while.
 */
export type Admit = (token: string | undefined) => Promise<Principal>;

/** One request to evaluate code. */
export interface JobRequest {
  /** R code; must hold no NUL. */
  readonly code: string;
  /** Name of the session; `undefined` asks for a clean R for this job alone. */
  readonly session: string | undefined;
  /** What `commandArgs()` returns after R's own path, or `undefined` for R's own. */
  readonly args: readonly string[] | undefined;
  /** Working directory of the job; honoured for local principals only. */
  readonly cwd: string | undefined;
  /** Machine `cwd` is on, or `undefined` when the client does not know. */
  readonly machine?: string | undefined;
  /** Environment variables of this job only. */
  readonly env: Readonly<Record<string, string>>;
  /** Value of `options(width=)` during the job, in columns. */
  readonly width: number | undefined;
  /** How long waiting and running may take together, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** Bounds the client asks for; the server's own are never exceeded. */
  readonly limits: JobLimits;
  /** The job goes on when its client goes; its events are kept for {@linkcode Evaluator.attach}. */
  readonly detach: boolean;
  /** The same key of the same principal gives the first job's events, never a second run. */
  readonly key: string | undefined;
  /** Whether `waiting` events are wanted. */
  readonly progress: boolean;
  /** Worker the request was sent from, when R code itself asked. */
  readonly within: string | undefined;
  /** Set by the audit, for its line at the job's end; nobody else looks at it. */
  readonly audit?: JobAudit;
  /** The job's standard input; without it R sees an end of file. */
  readonly input: AsyncIterable<Uint8Array> | undefined;
  /** What is wanted beside the output. */
  readonly wants: JobWants;
  readonly mode: JobMode;
  /** Files and data that are there before the code runs. */
  readonly uploads: readonly Upload[];
  /** Function to call with the uploaded arguments, `name` or `package::name`, instead of code. */
  readonly call: string | undefined;
  /** Which queue it is for, when any host of that may run it. */
  readonly queue?: QueueRequest | undefined;
}

/** What a queued job asks of its queue. */
export interface QueueRequest {
  readonly name: string;
  /** What the host must have, such as `gpu=1`, `cores=8` or `package=xml2`. @default {nothing} */
  readonly require?: readonly string[] | undefined;
  /** The job ends as `lost` when its host is lost, and is not run again. */
  readonly atMostOnce: boolean;
}

/** What an audit has written down about a request. */
export interface JobAudit {
  /** Numbers the requests of one server. */
  readonly request: number;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Bounds of one job; what is not named has the server's. */
export interface JobLimits {
  /** Processor time of R and all it starts, in milliseconds. */
  readonly cpuMs?: number;
  /** Resident memory of R and all it starts, in bytes. */
  readonly memoryBytes?: number;
  /** Output of both streams, in bytes. */
  readonly outputBytes?: number;
  /** Processes at once, R itself included. */
  readonly processes?: number;
}

/** 128 random bits in hexadecimal, chosen by the server. */
export type JobId = string;

/** An R condition as structured data. */
export interface Condition {
  readonly kind: "message" | "warning" | "error" | "interrupt";
  /** `conditionMessage()`; null where that failed. */
  readonly text: string | null;
  /** The deparsed call, when the condition has one. */
  readonly call: string | null;
  readonly classes: readonly string[];
  /** Line of the code as sent: of the top-level expression, or of what does not parse. */
  readonly line?: number;
  /** Calls on the stack, outermost first, of very many the outermost and innermost; errors only. */
  readonly traceback?: readonly string[];
}

/** How a job ended: exactly one of these, once. */
export type Outcome =
  | { readonly kind: "ok" }
  | {
    readonly kind: "error";
    readonly error: Condition;
    /** R itself printed `Execution halted` and is gone. */
    readonly halted: boolean;
  }
  | { readonly kind: "quit"; readonly status: number }
  | { readonly kind: "timeout"; readonly limitMs: number }
  | { readonly kind: "cancelled"; readonly reason: "client" | "gone" | "shutdown" }
  | {
    readonly kind: "crashed";
    /** Signal that ended R, or null when R vanished without one. */
    readonly signal: string | null;
    /** Exit status of R when it was no signal. */
    readonly status: number | null;
    readonly message: string;
  }
  | LimitReached
  | { readonly kind: "rejected"; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: "lost"; readonly message: string };

/** Every limit a running job can reach; docs/configuration.md says what each bounds. */
export const LIMIT_NAMES = [
  "cpu",
  "disk",
  "file_size",
  "files",
  "memory",
  "open_files",
  "output",
  "processes",
  "value",
] as const;

/** One of {@linkcode LIMIT_NAMES}. */
export type LimitName = typeof LIMIT_NAMES[number];

/** A job has reached one of its bounds. */
export interface LimitReached {
  readonly kind: "limited";
  readonly limit: LimitName;
  /** The bound: milliseconds of `cpu`, a count of `processes` and `open_files`, else bytes. */
  readonly max: number;
}

/** What a job used, and how it was stopped. */
export interface Receipt {
  /** From the start of the job to its end, in milliseconds. */
  readonly wallMs: number;
  /** Processor time of R and the children it waited for, in milliseconds; null when R died. */
  readonly cpuMs: number | null;
  /** Most memory this R process has had resident so far, in bytes; null where unknown. */
  readonly peakMemoryBytes: number | null;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /**
   * Whether the job found its session's R running, or a started one waiting, or had to start it.
   */
  readonly start: "existing" | "warm" | "cold" | null;
  /** Which rung of the stop ladder ended the job. */
  readonly rung: "none" | "interrupt" | "kill";
  /** Whether the session's R, and so its variables, are still there. */
  readonly sessionSurvived: boolean;
  /** Message and warning events beyond the limit, which were counted but not sent. */
  readonly eventsDropped: number;
  /** Pages that were drawn, whether or not anybody wanted them. */
  readonly plots: number;
}

/** What a job emits, in order. The last is `end`, and there is exactly one. */
export type JobEvent =
  | {
    readonly kind: "waiting";
    /** Jobs that will be given to R before this one. */
    readonly ahead: number;
    /** What it waits for, when that is one job: the one its session is at. */
    readonly holder: { readonly job: JobId; readonly ageMs: number } | undefined;
  }
  | { readonly kind: "started"; readonly note: string | undefined }
  | { readonly kind: "stdout"; readonly bytes: Uint8Array }
  | { readonly kind: "stderr"; readonly bytes: Uint8Array }
  | { readonly kind: "condition"; readonly condition: Condition }
  /** An item's bytes follow, in `item_bytes` events up to its `item_end`. */
  | { readonly kind: "item"; readonly item: Item }
  | { readonly kind: "item_bytes"; readonly bytes: Uint8Array }
  | {
    readonly kind: "item_end";
    /** Why the item is not whole; nothing when it is. */
    readonly problem: string | undefined;
  }
  /** R waits for a line of the job's input. */
  | { readonly kind: "prompt"; readonly text: string }
  | { readonly kind: "end"; readonly outcome: Outcome; readonly receipt: Receipt };

/** Why a job is stopped from outside. */
export type StopReason =
  | { readonly kind: "timeout"; readonly limitMs: number }
  | { readonly kind: "cancelled"; readonly reason: "client" | "gone" | "shutdown" }
  | LimitReached;

/** An accepted job. Not asking for events stops reading R. */
export interface Job {
  readonly id: JobId;
  readonly events: AsyncIterable<JobEvent>;
  /** What is to be known of it at once, for people. */
  readonly note?: string | undefined;
  cancel(reason: StopReason): void;
}

/** What every door is given, and all it is given. */
export interface Evaluator {
  /**
   * Accepts a job, or rejects with an `RtoolError` (busy, draining, bad_request, ...): then nothing
   * was started. Aborting `signal` cancels the job as `gone`.
   */
  submit(principal: Principal, request: JobRequest, signal: AbortSignal): Promise<Job>;
  /**
   * The events of a detached or keyed job from the one after `after` on, then as they come. Rejects
   * with `unknown_job`. Aborting `signal` only stops looking; cancelling the returned job stops it.
   */
  attach(principal: Principal, id: JobId, after: number, signal: AbortSignal): Promise<Job>;
  /** What the principal's sessions and jobs are doing; the server's own user sees all. */
  report(principal: Principal): Promise<Report>;
  /** What the principal may call. */
  functions(principal: Principal): Promise<Callables>;
  /** Does something to a session or a job; resolves to a sentence that says what was done. */
  control(principal: Principal, command: ControlCommand): Promise<string>;
}

const NO_BYTES = new Uint8Array(0);

/** The bytes an event carries: of output, or of an item. */
export function bytesOf(event: { readonly kind: string; readonly bytes?: Uint8Array }): Uint8Array {
  return event.bytes ?? NO_BYTES;
}

/** Receipt of a job that never ran. */
export const EMPTY_RECEIPT: Receipt = {
  wallMs: 0,
  cpuMs: null,
  peakMemoryBytes: null,
  stdoutBytes: 0,
  stderrBytes: 0,
  start: null,
  rung: "none",
  sessionSurvived: true,
  eventsDropped: 0,
  plots: 0,
};

/** A request that asks for nothing but the evaluation. */
export function bareRequest(code: string, session: string | undefined): JobRequest {
  return {
    code,
    session,
    args: undefined,
    cwd: undefined,
    env: {},
    width: undefined,
    timeoutMs: undefined,
    limits: {},
    detach: false,
    key: undefined,
    progress: false,
    within: undefined,
    input: undefined,
    wants: NO_WANTS,
    mode: BATCH_MODE,
    uploads: [],
    call: undefined,
  };
}
