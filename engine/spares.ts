/**
 * One R kept ready, so that a new session does not wait for R's start.
 *
 * After a failed start the next one waits, longer each time: an R that cannot start must not be
 * started in a loop.
 */

import { toRtoolError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { Worker } from "./worker.ts";
import type { WorkerOptions } from "./worker_types.ts";

/** First and longest pause after a failed start, in milliseconds. */
const BACKOFF_MS = 100;
const BACKOFF_MS_MAX = 10_000;

/** Keeps one started R in hand. */
export class Spares {
  readonly #options: WorkerOptions;
  readonly #log: Log;
  #next: Promise<Worker> | undefined;
  #ready: Worker | undefined;
  #failures = 0;
  #retryAt = 0;
  #lastFailure: unknown;
  #closed = false;
  readonly #starting = new Set<Promise<Worker>>();

  constructor(options: WorkerOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /** Starts the first R; its version when it is ready. */
  async warm(): Promise<string> {
    return (await this.#spare()).rVersion;
  }

  /** A started R, and whether it had been waiting. The next one is started behind it. */
  async take(): Promise<{ worker: Worker; how: "warm" | "cold" }> {
    for (;;) {
      const how = this.#ready ? "warm" : "cold";
      const spare = this.#spare();
      this.#next = undefined;
      this.#ready = undefined;
      const worker = await spare;
      if (worker.state !== "idle") continue; // It has died while it waited.
      void this.#spare().catch(() => {}); // Logged where it fails.
      return { worker, how };
    }
  }

  /** Ends the R in hand. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all(Array.from(this.#starting, async (starting) => {
      await (await starting.catch(() => undefined))?.[Symbol.asyncDispose]();
    }));
    await this.#ready?.[Symbol.asyncDispose]();
  }

  #spare(): Promise<Worker> {
    if (this.#next) return this.#next;
    if (this.#failures > 0 && performance.now() < this.#retryAt) {
      return Promise.reject(this.#lastFailure);
    }
    const starting = this.#start();
    this.#next = starting;
    this.#starting.add(starting);
    void starting.then((worker) => {
      if (this.#next === starting) this.#ready = worker;
    }, () => {
      if (this.#next === starting) this.#next = undefined;
    }).finally(() => this.#starting.delete(starting));
    return starting;
  }

  async #start(): Promise<Worker> {
    const startedAt = performance.now();
    try {
      const worker = new Worker(this.#options);
      await worker.start();
      if (this.#closed) await worker[Symbol.asyncDispose]();
      this.#failures = 0;
      this.#log.info("R started", {
        pid: worker.pid,
        ms: Math.round(performance.now() - startedAt),
      });
      return worker;
    } catch (error) {
      this.#failures++;
      this.#lastFailure = error;
      const pause = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (this.#failures - 1));
      this.#retryAt = performance.now() + pause;
      this.#log.error("R did not start", { error: toRtoolError(error).message, retry_ms: pause });
      throw error;
    }
  }
}
