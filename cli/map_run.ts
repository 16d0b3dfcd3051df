/**
 * Runs the items of a map, so many at once: each has one result, unless everything stops.
 *
 * Knows jobs and items. Must not know connections, files, terminals or flags.
 */

import { type ErrorCode, RtoolError } from "../core/errors.ts";
import type { JobRequest } from "../core/job.ts";
import { outcomeText } from "../core/outcome.ts";
import { timeText } from "../core/units.ts";
import { followJob, type JobEnd, type JsonShape } from "./map_job.ts";
import type { MapItem } from "./map_input.ts";
import type { Prints } from "./map_prints.ts";
import { Pace } from "./map_pace.ts";
import { untilAborted } from "./map_pause.ts";
import type { ItemEnd } from "./map_result.ts";
import type { MapTarget } from "./map_server.ts";

/** What a run is made of. */
export interface MapRunOptions {
  readonly target: MapTarget;
  /** Items at the server at once, at most. */
  readonly atOnce: number;
  /** How often an item that is lost is run again. */
  readonly retries: number;
  readonly shape: JsonShape;
  /** The job of an item; `attempt` counts the jobs it has had, from 0. */
  readonly build: (item: MapItem, attempt: number) => Promise<ItemJob>;
  /** Present when the jobs go to a queue. */
  readonly queued?: QueuedItems | undefined;
  /** Where what an item prints goes. */
  readonly prints: (index: number) => Prints;
  /** Resolves when there is room for the result of this item, or when the signal is aborted. */
  readonly room: (index: number, signal: AbortSignal) => Promise<void>;
  /** Takes a result; each item has one. */
  readonly take: (item: MapItem, end: ItemEnd) => Promise<void>;
  /** An item goes to the server once more, without having started there. */
  readonly sendAgain: () => void;
}

/**
 * Items of a queue: their jobs go on without their connection, and are followed again by what
 * `build` names them by.
 */
export interface QueuedItems {
  /** Earlier runs whose jobs may be followed; each may have cancelled an attempt of a job. */
  readonly runsBefore: number;
  /** How long the broker may be away, in milliseconds. */
  readonly awayMaxMs: number;
}

/** A job that runs an item. */
export interface ItemJob {
  readonly request: JobRequest;
  readonly contents: AsyncIterable<Uint8Array>;
}

/** What a server says when it is full for now. */
const FULL = new Set<ErrorCode>([
  ...["busy", "draining", "too_many_connections", "too_many_jobs", "too_many_sessions"] as const,
]);

/** What it says of one item, and not of all of them. */
const OF_ONE = new Set<ErrorCode>(["bad_value", "upload_too_big"]);

/** The connection may break so often on one item before that is given up. */
export const AGAIN_MAX = 20;

/** What is to be done about how a job ended. */
type Verdict = { readonly end: ItemEnd } | "again" | "anew" | "lost" | "refused" | "stopped";

/** One run. */
export class MapRun {
  readonly #options: MapRunOptions;
  readonly #pace: Pace;
  /** Nothing more is begun, and what runs is cancelled. */
  readonly #stop: AbortSignal;
  readonly #failed = new AbortController();
  #fault: unknown;
  /** Whether the target has taken a job: then it may have gone for a while only. */
  #hasEnded = false;
  #awayFrom: number | undefined;

  constructor(options: MapRunOptions, signal: AbortSignal) {
    this.#options = options;
    this.#stop = AbortSignal.any([signal, this.#failed.signal]);
    this.#pace = new Pace(options.atOnce, this.#stop);
  }

  /** Items that are at the server. */
  get running(): number {
    return this.#pace.running;
  }

  /**
   * Runs the items to the last, or until the signal is aborted. Throws what makes it impossible to
   * go on; an input that breaks, when what has begun has ended.
   */
  async run(items: AsyncIterable<MapItem>): Promise<void> {
    const iterator = items[Symbol.asyncIterator]();
    await Promise.all(Array.from({ length: this.#options.atOnce }, () => this.#lane(iterator)));
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** Runs one item after the other. */
  async #lane(items: AsyncIterator<MapItem>): Promise<void> {
    for (let item = await this.#next(items); item; item = await this.#next(items)) {
      try {
        await this.#bring(item);
      } catch (error) {
        this.#fault ??= error;
        this.#failed.abort();
      }
    }
  }

  async #next(items: AsyncIterator<MapItem>): Promise<MapItem | undefined> {
    if (this.#stop.aborted) return undefined;
    try {
      const next = await untilAborted(items.next(), this.#stop);
      return next?.done === false ? next.value : undefined;
    } catch (error) {
      this.#fault ??= error; // What runs may finish: it is not at fault.
      return undefined;
    }
  }

  /** Runs an item until it has a result. */
  async #bring(item: MapItem): Promise<void> {
    let [lost, anew, again] = [0, 0, 0];
    for (;;) {
      await this.#options.room(item.index, this.#stop);
      if (!await this.#pace.enter(item.index)) return;
      const verdict = await this.#attempt(item, lost + anew, lost < this.#options.retries);
      if (verdict === "stopped") return;
      if (verdict === "lost") lost++;
      else if (verdict === "anew") anew++;
      else if (verdict === "again") {
        if (++again > AGAIN_MAX) return await this.#options.take(item, CUT_EACH_TIME);
        if (!this.#options.queued) this.#options.sendAgain();
      } else if (verdict !== "refused") return await this.#options.take(item, verdict.end);
    }
  }

  async #attempt(item: MapItem, attempt: number, mayRetry: boolean): Promise<Verdict> {
    let verdict: Verdict = "stopped";
    try {
      const { target, build, shape, prints } = this.#options;
      const { request, contents } = await build(item, attempt);
      const job = await target.submit(request, contents);
      const end = await followJob(job, shape, prints(item.index), this.#stop);
      return verdict = this.#judge(end, attempt, mayRetry);
    } finally {
      if (verdict === "refused") this.#pace.refuse();
      else this.#pace.leave();
    }
  }

  #judge(job: JobEnd, attempt: number, mayRetry: boolean): Verdict {
    const { outcome, hasStarted, isCut } = job;
    const { queued } = this.#options;
    if (outcome.kind === "ok") {
      this.#noteEnd();
      return { end: valueEnd(job) };
    }
    if (this.#stop.aborted && (isCut || !isOwnEnd(job))) return "stopped";
    if (isCut && (queued || !hasStarted)) return "again";
    if (queued && outcome.kind === "rejected" && outcome.code === "cannot_connect") {
      return this.#waitForBroker(outcome.message, queued.awayMaxMs);
    }
    this.#noteEnd();
    // Its attempts before this run were Ctrl-C's, one for each run.
    if (queued && attempt < queued.runsBefore && outcome.kind === "cancelled") return "anew";
    if (outcome.kind === "lost" && mayRetry) return "lost";
    if (outcome.kind === "cancelled" && outcome.reason === "shutdown" && !hasStarted) {
      return "refused";
    }
    if (outcome.kind === "rejected") {
      if (FULL.has(outcome.code)) return "refused";
      if (!OF_ONE.has(outcome.code)) throw new RtoolError(outcome.code, outcome.message);
    }
    const error = outcome.kind === "error" ? { error: outcome.error } : {};
    return { end: { outcome: outcome.kind, message: outcomeText(outcome), ...error } };
  }

  #noteEnd(): void {
    this.#hasEnded = true;
    this.#awayFrom = undefined;
  }

  /** What has begun goes on behind a broker that is away: a queue that answered once may again. */
  #waitForBroker(message: string, awayMaxMs: number): Verdict {
    if (!this.#hasEnded) throw new RtoolError("cannot_connect", message);
    const now = performance.now();
    this.#awayFrom ??= now;
    if (now - this.#awayFrom <= awayMaxMs) return "refused";
    throw new RtoolError("connection_lost", `${message}, for more than ${timeText(awayMaxMs)}`);
  }
}

/** What an item is given up as. */
const CUT_EACH_TIME: ItemEnd = {
  outcome: "lost",
  message: `the connection was lost ${AGAIN_MAX + 1} times while it was followed`,
};

/** Whether a job ended by itself, not because everything stops. */
function isOwnEnd({ outcome }: JobEnd): boolean {
  return outcome.kind !== "cancelled" && outcome.kind !== "rejected";
}

/** Without the value that was asked for, nothing has been done. */
function valueEnd({ json, problem }: JobEnd): ItemEnd {
  if (json !== undefined) return { outcome: "ok", json };
  return { outcome: "error", message: problem ?? "No value came" };
}
