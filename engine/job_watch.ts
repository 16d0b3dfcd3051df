/**
 * Looks after an R while it has a job: has it lost its place, has the job reached a limit?
 *
 * User code can read the command channel or break the functions that send marks; then neither side
 * would ever hear from the other again.
 */

import type { LimitReached } from "../core/job.ts";
import type { EngineJob } from "./job.ts";
import type { RProcess } from "./process.ts";
import type { WorkerStream } from "./stream.ts";
import { exceedsMemory, hasFullFile, maybeDiskLeft, maybeUsage } from "./usage.ts";
import type { WorkerOptions } from "./worker_types.ts";

/** How often a busy R is looked at, in milliseconds. */
const INTERVAL_MS = 250;

/** So many looks in a row must find R waiting: for two seconds it says nothing. */
const LOOKS = 8;

/** A look at what was written holds for so long, in milliseconds. */
const WRITTEN_MS = 50;

/** Looks at one R while it has a job. */
export class JobWatch {
  readonly #process: RProcess;
  readonly #streams: readonly WorkerStream[];
  readonly #options: WorkerOptions;
  readonly #onLost: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #seenWaiting = 0;
  #job: EngineJob | undefined;
  #cpuBeforeMs = 0;
  #written: { readAt: number; lost: LimitReached | undefined } = {
    readAt: -Infinity,
    lost: undefined,
  };

  constructor(
    process: RProcess,
    streams: readonly WorkerStream[],
    options: WorkerOptions,
    onLost: () => void,
  ) {
    this.#process = process;
    this.#streams = streams;
    this.#options = options;
    this.#onLost = onLost;
  }

  /** Begins to look; again is harmless. `current` is the job R is at. */
  start(current: () => EngineJob | undefined): void {
    if (this.#timer !== undefined) return;
    this.#seenWaiting = 0;
    this.#job = undefined;
    this.#timer = setInterval(() => this.#look(current()), INTERVAL_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** R was heard of. */
  progress(): void {
    this.#seenWaiting = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * R reports success when it writes to a full disk, or to a file that may grow no more: whether
   * what the job wrote may be lost. Looked at no more often than every 50 ms.
   */
  maybeWriteLost(job: EngineJob): LimitReached | undefined {
    const now = performance.now();
    if (now - this.#written.readAt > WRITTEN_MS) {
      this.#written = { readAt: now, lost: this.#lookAtFiles(job) };
    }
    return this.#written.lost;
  }

  #lookAtFiles(job: EngineJob): LimitReached | undefined {
    const { dir, pid } = this.#process;
    const { cwd } = job.request;
    const dirs = cwd === undefined ? [`${dir}/wd`, `${dir}/tmp`] : [cwd, `${dir}/wd`, `${dir}/tmp`];
    const { diskLeftMin, systemLimits: { fileBytes } } = this.#options;
    if (dirs.some((each) => (maybeDiskLeft(each) ?? Infinity) < diskLeftMin)) {
      return { kind: "limited", limit: "disk", max: diskLeftMin };
    }
    if (fileBytes === undefined || !hasFullFile(pid, dirs, fileBytes)) return undefined;
    return { kind: "limited", limit: "file_size", max: fileBytes };
  }

  #look(job: EngineJob | undefined): void {
    if (job) this.#holdLimits(job);
    // With a paused stream R's answer may lie unread in its pipe.
    const waits = this.#streams.every((stream) => !stream.paused) &&
      this.#process.waitsForCommand();
    this.#seenWaiting = waits ? this.#seenWaiting + 1 : 0;
    if (this.#seenWaiting < LOOKS) return;
    this.stop();
    this.#onLost();
  }

  #holdLimits(job: EngineJob): void {
    const usage = maybeUsage(this.#process);
    if (!usage) return;
    // What was used before this job is not its own: it is counted from the first look on.
    if (this.#job !== job) this.#cpuBeforeMs = usage.cpuMs;
    this.#job = job;
    const { cpuMs, memoryBytes, processes } = job.request.limits;
    const stop = (limit: LimitReached["limit"], max: number) =>
      job.cancel({ kind: "limited", limit, max });
    if (cpuMs !== undefined && usage.cpuMs - this.#cpuBeforeMs > cpuMs) stop("cpu", cpuMs);
    if (processes !== undefined && usage.processes > processes) stop("processes", processes);
    if (memoryBytes !== undefined && exceedsMemory(usage.pids, memoryBytes)) {
      stop("memory", memoryBytes);
    }
    const lost = this.maybeWriteLost(job);
    if (lost) job.cancel(lost);
  }
}
