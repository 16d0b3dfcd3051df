/**
 * R kept ready, so that a new session does not wait for R's start: forked ahead, or spawned ahead.
 *
 * After a failed start the next one waits, longer each time: an R that cannot start must not be
 * started in a loop.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { canFork, ForkServer, spawnWorker } from "./fork_server.ts";
import { hasGrown, type Spare, spareOf, type StartCounts, type Stock } from "./spare.ts";
import type { Sweeper } from "./sweeper.ts";
import type { Worker } from "./worker.ts";
import type { SparesOptions } from "./worker_types.ts";

/** First and longest pause after a failed start, in milliseconds. */
const BACKOFF_MS = 100;
const BACKOFF_MS_MAX = 10_000;

/** So many starts in a row fail before those who wait are told so. */
const TRIES = 3;

/** R that are started from nothing at the same time. */
const STARTS_MAX = 4;

/** How long a spare that is not urgent waits for its start, in milliseconds. */
const REFILL_MS = 20;

/** Keeps started R in hand. */
export class Spares {
  rVersion = "";
  #options: SparesOptions;
  readonly #log: Log;
  readonly #sweeper: Sweeper;
  readonly #starts: StartCounts;
  #ready: Spare[] = [];
  readonly #waiters: PromiseWithResolvers<Worker>[] = [];
  readonly #starting = new Set<Promise<void>>();
  /** Endings that somebody must wait for. */
  readonly #retiring = new Set<Promise<void>>();
  #forkServer: Promise<ForkServer> | undefined;
  #forkServerAt = 0;
  #template: ForkServer | undefined;
  /** Counts recyclings: what was started before the last one is not used any more. */
  #generation = 0;
  #later: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  /** Whether the last start went well: only then more than one is tried at a time. */
  #proven = false;
  #retryAt = 0;
  #lastFailure: unknown;
  #closed = false;
  /** Whether nothing is kept ready until somebody asks. */
  #resting = false;

  constructor(options: SparesOptions, log: Log, sweeper: Sweeper, starts: StartCounts) {
    this.#options = options;
    this.#log = log;
    this.#sweeper = sweeper;
    this.#starts = starts;
  }

  /** What is in hand. */
  get stock(): Stock {
    const template = this.#template;
    return {
      starting: this.#starting.size,
      ready: this.#ready.map(({ worker }) => worker.process.pid),
      templates: template && !template.dead ? [template.pid] : [],
    };
  }

  /** Starts the first R; its version when it is ready. */
  async warm(): Promise<string> {
    if (this.#forks) {
      this.rVersion = (await this.#server()).rVersion;
      this.#refill();
      return this.rVersion;
    }
    const worker = await this.#spawn();
    this.#keep(worker);
    return this.rVersion = worker.rVersion;
  }

  /** A started R, and whether it had been waiting. Others are started behind it. */
  async take(): Promise<{ worker: Worker; how: "warm" | "cold" }> {
    if (this.#closed) throw replaced();
    this.#resting = false;
    for (;;) {
      this.#dropOld();
      const spare = this.#ready.shift();
      if (!spare) break;
      if (spare.worker.state !== "idle") continue; // It has died while it waited.
      // The start of another would take the processor from the job this one is for.
      if (this.#ready.length > 0) this.#refillIn(REFILL_MS);
      else this.#refill();
      return { worker: spare.worker, how: "warm" };
    }
    if (this.#failures >= TRIES && performance.now() < this.#retryAt) throw this.#lastFailure;
    const waiter = Promise.withResolvers<Worker>();
    this.#waiters.push(waiter);
    this.#refill();
    return { worker: await waiter.promise, how: "cold" };
  }

  /** From now on new sessions come from R that are started anew. */
  recycle(): void {
    this.#drop();
    this.#refill();
  }

  /** Keeps some ready from now on. */
  wake(): void {
    this.#resting = false;
    this.#refill();
  }

  /** Keeps none ready until somebody asks again. */
  rest(): void {
    this.#resting = true;
    this.#drop();
    this.#refill();
  }

  #drop(): void {
    this.#generation++;
    const [server, ready] = [this.#forkServer, this.#ready];
    this.#forkServer = undefined;
    this.#ready = [];
    for (const { worker } of ready) this.#retire(worker[Symbol.asyncDispose]());
    if (server) this.#retire(server.then((each) => each[Symbol.asyncDispose](), () => {}));
  }

  /** Later starts obey these; what is ready already was started with other bounds. */
  reconfigure(options: SparesOptions): void {
    const changed = JSON.stringify(options) !== JSON.stringify(this.#options);
    this.#options = options;
    if (changed) this.recycle();
  }

  /** Ends every R in hand. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#later);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(replaced());
    await Promise.all(this.#starting);
    const server = await this.#forkServer?.catch(() => undefined);
    await Promise.all([
      ...this.#ready.map(({ worker }) => worker[Symbol.asyncDispose]()),
      server?.[Symbol.asyncDispose](),
      ...this.#retiring,
    ]);
  }

  get #forks(): boolean {
    // Forked, all confined R would see each other.
    return this.#options.start === "fork" && this.#options.sandbox === undefined && canFork();
  }

  #refillIn(ms: number): void {
    if (this.#closed) return;
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      this.#refill();
    }, ms);
  }

  /** Starts as many as are waited for, and as are to be ready. */
  #refill(): void {
    if (this.#closed) return;
    const pauseMs = this.#failures > 0 ? this.#retryAt - performance.now() : 0;
    if (pauseMs > 0) {
      if (this.#waiters.length > 0) this.#refillIn(pauseMs);
      return;
    }
    const kept = this.#resting ? 0 : this.#options.spares;
    const wanted = this.#waiters.length + kept - this.#ready.length;
    const max = this.#proven ? STARTS_MAX : 1;
    for (let n = this.#starting.size; n < Math.min(wanted, max); n++) {
      const start = this.#start();
      this.#starting.add(start);
      void start.finally(() => {
        this.#starting.delete(start);
        this.#refill();
      });
    }
  }

  /** Never rejects. */
  async #start(): Promise<void> {
    const startedAt = performance.now();
    const generation = this.#generation;
    try {
      const worker = this.#forks ? await this.#fork() : await this.#spawn();
      this.#failures = 0;
      this.#proven = true;
      if (generation !== this.#generation || this.#closed) {
        return await worker[Symbol.asyncDispose]();
      }
      const { pid, how } = worker.process;
      const ms = Math.round(performance.now() - startedAt);
      // A fork takes milliseconds, and there may be one for each job.
      if (how === "spawn") this.#log.info("R started", { pid, ms });
      const waiter = this.#waiters.shift();
      if (waiter) waiter.resolve(worker);
      else this.#keep(worker);
    } catch (error) {
      this.#fail(error);
    }
  }

  #keep(worker: Worker): void {
    this.#ready.push(spareOf(worker));
  }

  /** A fork server that dies has done nothing wrong yet: the next one is asked at once. */
  async #fork(): Promise<Worker> {
    const server = await this.#server();
    const changed = server.maybeChangedPackage();
    if (changed) {
      const hint = "rtool sessions recycle";
      this.#log.info("a preloaded package has changed", { file: changed, hint });
    }
    const worker = await server.fork().catch(async (error) => {
      if (!server.dead || this.#closed) throw error;
      return await (await this.#server()).fork();
    });
    this.#starts.fork++;
    return worker;
  }

  async #spawn(): Promise<Worker> {
    const worker = spawnWorker(this.#options, this.#sweeper);
    await worker.start();
    this.#starts.spawn++;
    return worker;
  }

  async #server(): Promise<ForkServer> {
    const asked = this.#forkServer;
    const known = await asked?.catch(() => undefined);
    if (known && !known.dead && !this.#isOld()) return known;
    // Another may have begun to start one meanwhile.
    if (this.#forkServer !== asked) return await this.#server();
    await known?.[Symbol.asyncDispose]();
    if (this.#forkServer !== asked) return await this.#server();
    const starting = ForkServer.start(this.#options, this.#sweeper);
    this.#forkServer = starting;
    this.#forkServerAt = performance.now();
    const server = this.#template = await starting;
    this.#starts.template++;
    const ms = Math.round(performance.now() - this.#forkServerAt);
    this.#log.info("fork server started", { pid: server.pid, ms });
    return server;
  }

  /** What it has grown to in its time is given back. */
  #isOld(): boolean {
    return performance.now() - this.#forkServerAt > this.#options.spareAgeMaxMs;
  }

  /** Nobody tries again for a while; after some tries whoever waits is told why. */
  #fail(error: unknown): void {
    this.#failures++;
    this.#starts.failed++;
    this.#proven = false;
    this.#lastFailure = error;
    const pause = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (this.#failures - 1));
    this.#retryAt = performance.now() + pause;
    if (!this.#closed) {
      this.#log.error("R did not start", { error: toRtoolError(error).message, retry_ms: pause });
    }
    if (this.#failures < TRIES) return;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** Lets go of spares that have waited too long, or have grown while they did. */
  #dropOld(): void {
    const oldest = performance.now() - this.#options.spareAgeMaxMs;
    const old = this.#ready.filter((spare) => spare.startedAt < oldest || hasGrown(spare));
    if (old.length > 0) this.#ready = this.#ready.filter((each) => !old.includes(each));
    for (const { worker } of old) this.#retire(worker[Symbol.asyncDispose]());
  }

  #retire(ending: Promise<void>): void {
    this.#retiring.add(ending);
    void ending.finally(() => this.#retiring.delete(ending));
  }
}

/** Of no use to whoever hears it: R of this kind is not started any more. */
function replaced(): RtoolError {
  return new RtoolError("r_unavailable", "No R is started so any more");
}
