/**
 * One session: its queue, its R, and what the next job must be told about the last R.
 *
 * Must not know other sessions, but for asking its owner whether one of them waits.
 */

import { toRtoolError } from "../core/errors.ts";
import type { EngineJob } from "./job.ts";
import type { Spares } from "./spares.ts";
import type { Worker } from "./worker.ts";

/** What a session asks of its owner. */
export interface SessionOwner {
  /** Whether another session waits for a place to run. */
  readonly contended: boolean;
  /** The session has work and wants to run. */
  schedule(session: Session): void;
}

/** Jobs in order, on one R for as long as it lives. */
export class Session {
  readonly name: string;
  /** Whether {@linkcode run} is at work. */
  running = false;
  readonly #owner: SessionOwner;
  readonly #idleMs: number;
  readonly #onEmpty: () => void;
  #queue: EngineJob[] = [];
  #held: EngineJob[] = [];
  readonly #atWorker = new Set<EngineJob>();
  #worker: Worker | undefined;
  #note: string | undefined;
  #changed: PromiseWithResolvers<void> | undefined;
  #closed = false;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(name: string, owner: SessionOwner, idleMs: number, onEmpty: () => void) {
    this.name = name;
    this.#owner = owner;
    this.#idleMs = idleMs;
    this.#onEmpty = onEmpty;
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
    return this.#worker?.id;
  }

  /** The job R is at. */
  get current(): EngineJob | undefined {
    return this.#atWorker.values().next().value;
  }

  /** Puts a job at the end of the line. */
  enqueue(job: EngineJob): void {
    this.#await(job);
    this.#queue.push(job);
    this.#wake();
  }

  /** Stops every job, running or waiting. */
  cancelAll(): void {
    for (const job of [...this.#atWorker, ...this.#held, ...this.#queue]) {
      job.cancel({ kind: "cancelled", reason: "shutdown" });
    }
  }

  /**
   * Runs jobs until there are none, or until another session should have the place. Never rejects.
   */
  async run(spares: Spares): Promise<void> {
    this.running = true;
    clearTimeout(this.#idleTimer);
    while (this.#atWorker.size > 0 || (this.hasWork && !this.#owner.contended)) {
      if (!this.#worker && !await this.#hire(spares)) continue;
      if (!this.#owner.contended || this.#atWorker.size === 0) this.#feed();
      // Nothing may have been fed: an R that is being stopped takes nothing.
      if (!this.busy) continue;
      await (this.#changed = Promise.withResolvers<void>()).promise;
    }
    this.running = false;
    if (this.#closed) return;
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
    this.cancelAll();
    await this.#worker?.[Symbol.asyncDispose]();
  }

  /** Finds an R; without one every waiting job is rejected. */
  async #hire(spares: Spares): Promise<boolean> {
    try {
      const { worker, how } = await spares.take();
      worker.listener = {
        held: (job) => this.#takeBack(job),
        ready: () => this.#wake(),
        gone: (why) => this.#lose(worker, why),
      };
      if (worker.state === "dead") return false;
      this.#worker = worker;
      this.#feedFirst(how);
      return true;
    } catch (error) {
      const { code, message } = toRtoolError(error);
      for (const job of this.#takeAll()) job.settle({ kind: "rejected", code, message }, {});
      return false;
    }
  }

  #feedFirst(how: "warm" | "cold"): void {
    const job = this.#takeNext();
    if (!job) return;
    const note = this.#note && `session '${this.name}' has a new R: the last one ${this.#note}`;
    this.#note = undefined;
    this.#assign(job, how, note);
  }

  #feed(): void {
    for (;;) {
      const job = this.#held[0] ?? this.#queue[0];
      if (!job || !this.#worker?.canTake(job)) return;
      this.#takeNext();
      this.#assign(job, "existing", undefined);
    }
  }

  #assign(job: EngineJob, how: "existing" | "warm" | "cold", note: string | undefined): void {
    this.#atWorker.add(job);
    const onEnd = job.onEnd;
    job.onEnd = (outcome, receipt) => {
      this.#atWorker.delete(job);
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
    if (!this.running) this.#owner.schedule(this);
  }

  #lose(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#note = why;
    this.#wake();
  }

  #expire(): void {
    if (this.busy || this.running) return;
    this.#onEmpty();
    void this[Symbol.asyncDispose](); // Ends the idle R; nobody waits for it.
  }
}
