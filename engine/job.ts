/**
 * One accepted job: its events, its clock, and the one function that settles it.
 *
 * Knows no R and no session: a worker feeds it, a door reads it.
 */

import { Channel } from "../core/channel.ts";
import { bytesOf, EMPTY_RECEIPT } from "../core/job.ts";
import { parseCondition } from "../core/condition.ts";
import type { ItemBounds } from "../core/item.ts";
import { needsNoMoreLines } from "./commands.ts";
import { JobItems } from "./job_items.ts";
import type { SystemLimits } from "./spawn.ts";
import type {
  Condition,
  Job,
  JobEvent,
  JobId,
  JobRequest,
  LimitName,
  LimitReached,
  Outcome,
  Principal,
  Receipt,
  StopReason,
} from "../core/job.ts";

/** Bytes of output that may wait for the door before R's pipe is left unread. */
const BUFFERED_BYTES_MAX = 1 << 18;

/** Weight of an event that carries no output, so that many small ones have a bound too. */
const EVENT_WEIGHT = 256;

const LINE_END = 10;

/** Largest output event: one frame. */
const OUTPUT_BYTES_MAX = 1 << 16;

/** Bounds a job has from the engine. */
export interface JobBounds extends ItemBounds {
  /** Output of both streams, in bytes. */
  readonly outputMax: number;
  readonly systemLimits: SystemLimits;
}

/** What the engine is told when a job should stop. */
export type StopListener = (job: EngineJob) => void;

/** A job as the engine sees it. */
export class EngineJob implements Job {
  readonly id: JobId;
  /** Names this job's marks; fresh for each attempt to start it. */
  nonce = randomHex();
  #mayBeHeld: (() => boolean) | undefined;
  /** Line ends on stderr that are R's own when it turns out that the job was held. */
  #strayLineEnds = 0;
  readonly principal: Principal;
  readonly request: JobRequest;
  readonly events: Channel<JobEvent>;
  /** Called once, when {@linkcode stopReason} is set while the job is not settled. */
  onStop: StopListener | undefined;
  /** Called once, when R has been given the code. */
  onStart: (() => void) | undefined;
  /** Called once, when the job is settled. */
  onEnd: ((outcome: Outcome, receipt: Receipt) => void) | undefined;
  #stop: StopReason | undefined;
  /** When it was accepted, on the monotonic clock. */
  readonly acceptedAt = performance.now();
  #startedAt: number | undefined;
  #wallMs: number | undefined;
  #outcome: Outcome | undefined;
  #settled = false;
  #isSmall: boolean | undefined;
  #plots = 0;
  #stdoutBytes = 0;
  #stderrBytes = 0;
  #start: Receipt["start"] = null;
  /** Images R need not make more of. */
  readonly plotsMax: number;
  readonly #outputMax: number;
  readonly #systemLimits: SystemLimits;
  readonly #items: JobItems;
  #refused: LimitName | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;

  constructor(principal: Principal, request: JobRequest, bounds: JobBounds) {
    this.id = randomHex();
    this.principal = principal;
    this.request = request;
    this.#outputMax = Math.min(request.limits.outputBytes ?? Infinity, bounds.outputMax);
    this.plotsMax = bounds.plotsMax;
    this.#systemLimits = bounds.systemLimits;
    this.events = new Channel<JobEvent>(BUFFERED_BYTES_MAX, weigh);
    this.#items = new JobItems(bounds, (event) => this.events.push(event));
    const limitMs = request.timeoutMs;
    if (limitMs !== undefined) {
      this.#deadline = setTimeout(() => this.cancel({ kind: "timeout", limitMs }), limitMs);
    }
  }

  /** Why the job was asked to stop; the first reason is kept. */
  get stopReason(): StopReason | undefined {
    return this.#stop;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** How it ended, once it has. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** How long it has run, or ran, in milliseconds. */
  get wallMs(): number {
    if (this.#startedAt === undefined) return 0;
    return this.#wallMs ?? performance.now() - this.#startedAt;
  }

  /** Tells a client that wants to know what the job waits for. */
  wait(ahead: number, holder: EngineJob | undefined): void {
    if (this.started || this.#settled) return;
    const current = holder && { job: holder.id, ageMs: Math.round(holder.wallMs) };
    this.events.push({ kind: "waiting", ahead, holder: current });
  }

  get started(): boolean {
    return this.#startedAt !== undefined;
  }

  /** Asks for the job to be stopped. Safe to call at any time, and again. */
  cancel(reason: StopReason): void {
    if (this.#settled || this.#stop) return;
    this.#stop = reason;
    this.onStop?.(this);
  }

  /** Whether R can be given this job behind another: it needs no input and no more lines. */
  get isSmall(): boolean {
    const { input, uploads, code } = this.request;
    return this.#isSmall ??= !input && uploads.length === 0 && needsNoMoreLines(code);
  }

  /** Says that R has been given the code. From here on the job is never run again. */
  start(how: NonNullable<Receipt["start"]>, note: string | undefined): void {
    if (this.#settled) return; // Withdrawn while it lay in R's pipe.
    this.#startedAt = performance.now();
    this.#start = how;
    this.onStart?.();
    this.events.push({ kind: "started", note });
  }

  /** An R is given the job; `mayBeHeld` tells whether that R is being stopped at the moment. */
  attempt(mayBeHeld: () => boolean): void {
    this.nonce = randomHex();
    this.#mayBeHeld = mayBeHeld;
    this.#strayLineEnds = 0;
  }

  /** R was heard of this job: it has begun, whether or not we saw when. */
  hasBegun(): void {
    if (this.started) return;
    this.start("existing", undefined);
    const own = new Uint8Array(this.#strayLineEnds).fill(LINE_END);
    this.#strayLineEnds = 0;
    if (own.length > 0) this.output("stderr", own);
  }

  /** R ends a line on stderr when an interrupt finds it between two jobs, before it holds one. */
  #mayBeStray(stream: "stdout" | "stderr", bytes: Uint8Array): boolean {
    return !this.started && stream === "stderr" && bytes.length === 1 && bytes[0] === LINE_END &&
      this.#mayBeHeld?.() === true;
  }

  /** Passes output on, in events of bounded size. */
  output(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    if (this.#mayBeStray(stream, bytes)) {
      this.#strayLineEnds++;
      return;
    }
    this.hasBegun();
    if (this.#stop?.kind === "limited") return;
    if (stream === "stdout" && this.#items.isOpen) {
      const reached = this.#items.take(bytes);
      if (reached) this.cancel(reached);
      return;
    }
    const room = this.#outputMax - this.#stdoutBytes - this.#stderrBytes;
    const kept = bytes.length > room ? bytes.subarray(0, room) : bytes;
    if (stream === "stdout") this.#stdoutBytes += kept.length;
    else this.#stderrBytes += kept.length;
    for (let at = 0; at < kept.length; at += OUTPUT_BYTES_MAX) {
      this.events.push({ kind: stream, bytes: kept.subarray(at, at + OUTPUT_BYTES_MAX) });
    }
    if (kept !== bytes) this.cancel({ kind: "limited", limit: "output", max: this.#outputMax });
  }

  /** Whether a mark of R's is an event of this job, which it is told then. */
  takes(mark: string, payload: string): boolean {
    switch (mark) {
      case "C":
        this.condition(parseCondition(JSON.parse(payload)));
        return true;
      case "V":
        this.hasBegun();
        this.#items.begin(payload);
        return true;
      case "v":
        this.#items.end(payload);
        return true;
      case "P":
        this.hasBegun();
        this.events.push({ kind: "prompt", text: payload });
        return true;
      case "G":
        this.#plots = Number(payload);
        return true;
      default:
        return false;
    }
  }

  condition(condition: Condition): void {
    this.hasBegun();
    this.#refused = maybeRefused(condition.text) ?? this.#refused;
    this.events.push({ kind: "condition", condition });
  }

  /** The bound an R error speaks of, when the system refused R something it asked for. */
  maybeLimit(outcome: Outcome): LimitReached | undefined {
    if (outcome.kind !== "error") return undefined;
    const limit = maybeRefused(outcome.error.text) ?? this.#refused;
    const max = limit && maxOf(limit, this.#systemLimits);
    return limit && max !== undefined ? { kind: "limited", limit, max } : undefined;
  }

  /** Ends the job, once: later calls are ignored. */
  settle(outcome: Outcome, used: Partial<Receipt>): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#outcome = outcome;
    clearTimeout(this.#deadline);
    const receipt: Receipt = {
      ...EMPTY_RECEIPT,
      wallMs: this.#wallMs = this.wallMs,
      stdoutBytes: this.#stdoutBytes,
      stderrBytes: this.#stderrBytes,
      start: this.#start,
      plots: this.#plots,
      ...used,
    };
    this.#items.end("the job ended before it was whole");
    this.events.push({ kind: "end", outcome, receipt });
    this.events.close();
    this.onEnd?.(outcome, receipt);
  }
}

/** How R words what the system refuses it, in the C locale. */
const REFUSALS: readonly (readonly [RegExp, LimitName])[] = [
  [/cannot allocate (vector of size|memory block)|std::bad_alloc|Cannot allocate memory/, "memory"],
  [/Too many open files/, "open_files"],
  [/File too large/, "file_size"],
];

function maybeRefused(text: string | null): LimitName | undefined {
  return text === null ? undefined : REFUSALS.find(([pattern]) => pattern.test(text))?.[1];
}

function maxOf(limit: LimitName, limits: SystemLimits): number | undefined {
  if (limit === "memory") return limits.memoryBytes;
  return limit === "open_files" ? limits.openFiles : limits.fileBytes;
}

/** 128 random bits in hexadecimal. */
export function randomHex(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

function weigh(event: JobEvent): number {
  return EVENT_WEIGHT + bytesOf(event).length;
}
