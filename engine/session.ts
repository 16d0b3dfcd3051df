/**
 * One session: its queue, its R, and what the next job must be told about the last R.
 *
 * Must not know other sessions, but for asking its owner whether one of them waits.
 */

import { toRtoolError } from "../core/errors.ts";
import { type EngineJob, randomHex } from "./job.ts";
import type { SessionFacts, SessionOptions, SessionOwner } from "./session_types.ts";
import type { Worker } from "./worker.ts";

/** Jobs in order, on one R for as long as it lives. */
export class Session {
  readonly id = randomHex().slice(0, 8);
  readonly name: string | undefined;
  readonly owner: string;
  /** Whether {@linkcode run} is at work. */
  running = false;
  readonly #house: SessionOwner;
  readonly #profile: string;
  readonly #idleMs: number;
  readonly #onEnd: (ending: Promise<void>) => void;
  #queue: EngineJob[] = [];
  #held: EngineJob[] = [];
  readonly #atWorker = new Set<EngineJob>();
  #worker: Worker | undefined;
  /** How that was started. */
  #way: string | undefined;
  #note: string | undefined;
  #changed: PromiseWithResolvers<void> | undefined;
  #closed = false;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #idleSince = performance.now();
  #jobsDone = 0;
  #resetting = false;
  /** Why R is being ended from outside; finishes the sentence "the last one ...". */
  #endedBy: string | undefined;

  constructor(
    options: SessionOptions,
    house: SessionOwner,
    onEnd: (ending: Promise<void>) => void,
  ) {
    this.name = options.name;
    this.owner = options.owner;
    this.#house = house;
    this.#profile = options.profile;
    this.#idleMs = options.idleMs;
    this.#onEnd = onEnd;
  }

  get hasWork(): boolean {
    return this.#queue.length > 0 || this.#held.length > 0;
  }

  /** Whether a new job would have to wait for another of this session. */
  get busy(): boolean {
    return this.hasWork || this.#atWorker.size > 0;
  }

  /** Whether there is neither an R nor work. */
  get empty(): boolean {
    return this.#worker === undefined && !this.busy;
  }

  /** Name of the R that runs this session's jobs, if there is one. */
  get workerId(): string | undefined {
    return this.#worker?.process.id;
  }

  /** The job R is at. */
  get current(): EngineJob | undefined {
    return this.#atWorker.values().next().value;
  }

  /** Jobs that R has not come to, in order: some may lie in its pipe behind the one it is at. */
  get line(): readonly EngineJob[] {
    return [...[...this.#atWorker].slice(1), ...this.#held, ...this.#queue];
  }

  /** What there is to tell of it, but for what only the system knows. */
  get facts(): SessionFacts {
    const idle = this.busy ? null : performance.now() - this.#idleSince;
    const worker = this.#worker;
    return { worker, jobsDone: this.#jobsDone, idleMs: idle, queued: this.line.length };
  }

  /** Puts a job at the end of the line. */
  enqueue(job: EngineJob): void {
    this.#await(job);
    this.#queue.push(job);
    this.#wake();
  }

  /** Stops every job, running or waiting. */
  cancelAll(reason: "client" | "shutdown"): void {
    for (const job of new Set([...this.#atWorker, ...this.line])) {
      job.cancel({ kind: "cancelled", reason });
    }
  }

  /** Ends R with all it has started; what runs or waits ends as cancelled. */
  async kill(): Promise<void> {
    this.cancelAll("client");
    if (this.#worker) this.#endedBy = "was ended on request";
    await this.#worker?.[Symbol.asyncDispose]();
  }

  /** The next job that is not yet with R gets a clean one. */
  reset(): void {
    this.#resetting = this.#worker !== undefined;
    if (!this.running) this.#house.schedule(this);
    void this.#renew(); // Never rejects.
  }

  /** R is started otherwise now, maybe: then one that has nothing to do is ended at once. */
  reconsider(): void {
    if (this.#outdated) void this.#renew(); // Never rejects.
  }

  /**
   * Runs jobs until there are none, or until another session should have the place. Never rejects.
   */
  async run(): Promise<void> {
    this.running = true;
    clearTimeout(this.#idleTimer);
    // With a place at least one job is run, however many others wait for one.
    let isFirst = true;
    while (
      this.#atWorker.size > 0 || (this.hasWork && (isFirst || !this.#house.contended))
    ) {
      isFirst = false;
      if (await this.#renew()) continue;
      if (!this.#worker && !await this.#hire()) continue;
      if (!this.#house.contended) this.#feed(Infinity);
      else if (this.#atWorker.size === 0) this.#feed(1);
      // Nothing may have been fed: an R that is being stopped takes nothing.
      if (!this.busy) continue;
      await (this.#changed = Promise.withResolvers<void>()).promise;
    }
    this.running = false;
    this.#idleSince = performance.now();
    if (this.#closed) return;
    if (this.name === undefined) return this.#expire();
    this.#idleTimer = setTimeout(() => this.#expire(), this.#idleMs);
    Deno.unrefTimer(this.#idleTimer);
  }

  /** The session's name is to be free: nothing of it is left to wait for. */
  forget(): void {
    this.#closed = true;
    clearTimeout(this.#idleTimer);
  }

  /** Ends the session's R. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idleTimer);
    this.cancelAll("shutdown");
    await this.#worker?.[Symbol.asyncDispose]();
  }

  /** Finds an R; without one every waiting job is rejected. */
  async #hire(): Promise<boolean> {
    const { pools } = this.#house;
    try {
      const { worker, how, way } = await pools.take(this.#profile);
      // Asked again: the configuration may have changed just now.
      if (this.#closed || way !== pools.maybeWay(this.#profile)) {
        await worker[Symbol.asyncDispose]();
        return false;
      }
      worker.listener = {
        held: (job) => this.#takeBack(job),
        ready: () => this.#wake(),
        gone: (why) => this.#lose(worker, why),
      };
      if (worker.state === "dead") return false;
      this.#worker = worker;
      this.#way = way;
      this.#feedFirst(how);
      return true;
    } catch (error) {
      const { code, message } = toRtoolError(error);
      for (const job of this.#takeAll()) job.settle({ kind: "rejected", code, message }, {});
      return false;
    }
  }

  /** Ends an R that is to be replaced, once it has nothing to do; whether there was one. */
  async #renew(): Promise<boolean> {
    const isOutdated = this.#outdated;
    if (!(this.#resetting || isOutdated) || this.#atWorker.size > 0) return false;
    this.#resetting = false;
    if (isOutdated) this.#note = "was started as the configuration said then";
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.[Symbol.asyncDispose]();
    return true;
  }

  #feedFirst(how: "warm" | "cold"): void {
    const job = this.#takeNext();
    if (!job) return;
    const note = this.#note && `session '${this.name}' has a new R: the last one ${this.#note}`;
    this.#note = undefined;
    this.#assign(job, how, note);
  }

  #feed(jobsMax: number): void {
    for (let count = 0; count < jobsMax; count++) {
      const job = this.#held[0] ?? this.#queue[0];
      if (!job || this.#resetting || this.#outdated || !this.#worker?.canTake(job)) return;
      this.#takeNext();
      this.#assign(job, "existing", undefined);
    }
  }

  #assign(job: EngineJob, how: "existing" | "warm" | "cold", note: string | undefined): void {
    this.#atWorker.add(job);
    const onEnd = job.onEnd;
    job.onEnd = (outcome, receipt) => {
      this.#atWorker.delete(job);
      this.#jobsDone++;
      onEnd?.(outcome, receipt);
      this.#wake();
    };
    this.#worker!.assign(job, how, note);
  }

  /**
   * A job R has not begun comes back to the head of the line, behind those that came back before.
   */
  #takeBack(job: EngineJob): void {
    this.#atWorker.delete(job);
    if (job.settled) return this.#wake();
    this.#held.push(job);
    this.#await(job);
    if (job.stopReason) job.onStop?.(job);
    this.#wake();
  }

  #await(job: EngineJob): void {
    job.onStop = (stopped) => {
      this.#queue = this.#queue.filter((each) => each !== stopped);
      this.#held = this.#held.filter((each) => each !== stopped);
      if (stopped.stopReason) stopped.settle(stopped.stopReason, {});
      this.#wake();
    };
  }

  /** Whether R was started otherwise than it would be now: no further job is given to it. */
  get #outdated(): boolean {
    return this.#worker !== undefined && this.#way !== this.#house.pools.maybeWay(this.#profile);
  }

  #takeNext(): EngineJob | undefined {
    return this.#held.shift() ?? this.#queue.shift();
  }

  #takeAll(): EngineJob[] {
    const all = [...this.#held, ...this.#queue];
    this.#held = [];
    this.#queue = [];
    return all;
  }

  #wake(): void {
    this.#changed?.resolve();
    if (!this.running) this.#house.schedule(this);
  }

  #lose(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#note = this.#endedBy ?? why;
    this.#endedBy = undefined;
    this.#wake();
  }

  #expire(): void {
    if (this.busy || this.running) return;
    this.#onEnd(this[Symbol.asyncDispose]());
  }
}
