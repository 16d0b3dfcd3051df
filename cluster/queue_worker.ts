/**
 * Takes jobs of a queue, as many as there are places, and runs them; docs/cluster.md has the rules.
 *
 * Knows an Evaluator. Must not know R.
 */

import type { JsMsg } from "@nats-io/jetstream";
import { toRtoolError } from "../core/errors.ts";
import type { Evaluator, Principal } from "../core/job.ts";
import type { Log } from "../core/log.ts";
import type { ClaimedPrincipal } from "./claim.ts";
import { persistently } from "./broker_faults.ts";
import { removeLeftovers } from "./leftovers.ts";
import { QueuedRun } from "./queued_run.ts";
import type { Queue } from "./queue.ts";
import { type HostCapacity, NO_REQUIREMENTS } from "./requirements.ts";
import { TokenPull } from "./token_pull.ts";
import { Turns } from "./turns.ts";
import { answerWanted, canServe, pendingTokens } from "./wanted.ts";

/** Is told what becomes of the jobs it takes, to count them. */
export interface QueueCounts {
  /** An attempt begins, after so many whose hosts were lost. */
  begun(lost: number): void;
  /** A job has ended here, and that is stored. */
  ended(outcome: string): void;
  givenBack(): void;
  /** Another host has the job now. */
  overtaken(): void;
  /** A job that has ended is for the dead list. */
  buried(): void;
}

/** What a server brings to a queue. */
export interface WorkerOptions {
  readonly evaluator: Evaluator;
  /** Who a claim is here; throws `not_allowed`. */
  readonly principalOf: (claimed: ClaimedPrincipal) => Principal;
  /** Public keys whose claims are believed. */
  readonly trusted: ReadonlySet<string>;
  /** Name of this server, as others see it. */
  readonly host: string;
  /** What it has, just now: jobs that require more are for others. */
  readonly capacity: () => HostCapacity;
  /** Jobs of the queue at once. */
  readonly placesMax: number;
  /** Whether R could begin a job now. */
  readonly isFree: () => boolean;
  /** How long the broker waits for a sign of life of a running job, in milliseconds. */
  readonly leaseMs: number;
  /** Attempts of which the host was lost, before a job is given up. */
  readonly deliveriesMax: number;
  /** How long the broker may be away before a job's result is given up, in milliseconds. */
  readonly awayMaxMs: number;
  /** Where files that come with jobs are kept until these begin. */
  readonly spoolDir: string;
  readonly counts?: QueueCounts | undefined;
  readonly log: Log;
}

/** Tokens whose jobs a server asks for, beside those that require nothing. */
const TOKENS_MAX = 256;

/** Requirements that no job has had for so long are forgotten, until one has them again. */
const IDLE_MS = 10 * 60_000;

/** What waits is looked at so often: it mends what was not heard. */
const LOOK_MS = 30_000;

/** The queue is looked through for what a killed broker has brought back. */
const SWEEP_MS = 10_000;

/** Takes jobs until it is closed. */
export class QueueWorker implements AsyncDisposable {
  readonly #queue: Queue;
  readonly #options: WorkerOptions;
  readonly #stop = new AbortController();
  readonly #turns: Turns;
  readonly #runs = new Set<Promise<void>>();
  /** What is asked for, the token that was added last behind the others. */
  readonly #served = new Map<string, TokenPull>();
  /** These, and what still waits for the answer to its last question. */
  readonly #pulls = new Set<TokenPull>();
  #answering: Disposable | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;
  #sweeping: ReturnType<typeof setInterval> | undefined;
  #done = 0;

  constructor(queue: Queue, options: WorkerOptions) {
    this.#queue = queue;
    this.#options = options;
    this.#turns = new Turns(options.placesMax, options.isFree);
  }

  /** Jobs that run here. */
  get running(): number {
    return this.#runs.size;
  }

  /** Jobs that have ended here. */
  get done(): number {
    return this.#done;
  }

  /** Whose jobs it asks for. */
  get tokens(): readonly string[] {
    return [...this.#served.keys()];
  }

  /** Begins to take jobs. */
  async start(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    await this.#pullOf(NO_REQUIREMENTS).ready();
    this.#answering ??= answerWanted(this.#queue, this.#options.host, (token) => {
      return this.#serve(token);
    });
    this.#looking ??= setInterval(() => {
      if (!this.#queue.broker.away) void this.look();
    }, LOOK_MS);
    this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_MS);
    await this.look();
    void this.#lookAfterOutages();
  }

  /**
   * Finds the jobs that wait for what this host has; forgets what it no longer has, or none has
   * required lately.
   */
  async look(): Promise<void> {
    try {
      const pending = await pendingTokens(this.#queue);
      const known = [...pending.keys()].filter((token) => this.#canServe(token));
      await Promise.all(known.slice(0, TOKENS_MAX).map((token) => this.#serve(token)));
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#options.log.error("queue not looked at", { why: toRtoolError(error).message });
    }
    const latest = performance.now() - IDLE_MS;
    for (const pull of this.#served.values()) {
      if (pull.usedAt < latest || !this.#canServe(pull.token)) this.#forget(pull);
    }
  }

  /** Takes no more jobs. */
  leave(): void {
    this.#stop.abort();
    clearInterval(this.#looking);
    this.#answering?.[Symbol.dispose]();
    this.#turns[Symbol.dispose]();
    clearInterval(this.#sweeping);
    for (const pull of this.#pulls) pull.stop();
  }

  /** Takes no more jobs, and waits for those that run: the evaluator ends them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    await Promise.all([...this.#pulls].map((pull) => pull.ended()));
    await Promise.all(this.#runs);
  }

  #canServe(token: string): boolean {
    return !this.#stop.signal.aborted && canServe(this.#options.capacity(), token);
  }

  /** Whether the token's jobs are taken here, from now on at the latest. */
  async #serve(token: string): Promise<boolean> {
    if (!this.#canServe(token)) return false;
    await this.#pullOf(token).ready();
    return true;
  }

  /** The pull of a token; beyond the bound that one goes which was wanted longest ago. */
  #pullOf(token: string): TokenPull {
    const known = this.#served.get(token);
    known?.touch();
    if (known) return known;
    const pull = new TokenPull(token, {
      queue: this.#queue,
      turns: this.#turns,
      leaseMs: this.#options.leaseMs,
      stop: this.#stop.signal,
      log: this.#options.log,
      givenBack: () => this.#options.counts?.givenBack(),
      run: (message, leaseMs, place) => this.#run(message, leaseMs, place),
    });
    this.#served.set(token, pull);
    this.#pulls.add(pull);
    void pull.ended().then(() => this.#pulls.delete(pull));
    if (this.#served.size > TOKENS_MAX + 1) this.#forget(this.#leastUsed());
    return pull;
  }

  #sweep(): void {
    for (const pull of this.#served.values()) {
      // What fails is tried again.
      void pull.ready().then(({ consumer }) => {
        return removeLeftovers(this.#queue, pull.token, consumer);
      }).catch(() => {});
    }
  }

  #leastUsed(): TokenPull {
    const pulls = [...this.#served.values()].filter(({ token }) => token !== NO_REQUIREMENTS);
    return pulls.reduce((one, other) => other.usedAt < one.usedAt ? other : one);
  }

  #forget(pull: TokenPull): void {
    if (pull.token === NO_REQUIREMENTS) return;
    this.#served.delete(pull.token);
    pull.leave();
  }

  #run(message: JsMsg, leaseMs: number, place: Disposable): void {
    const run = this.#runOne(message, leaseMs).finally(() => {
      this.#runs.delete(run);
      place[Symbol.dispose]();
    });
    this.#runs.add(run);
  }

  /** Never rejects: what could not be finished is for the next host. */
  async #runOne(message: JsMsg, leaseMs: number): Promise<void> {
    const { log, awayMaxMs } = this.#options;
    const lease = setInterval(() => message.working(), leaseMs / 3);
    try {
      const run = new QueuedRun(this.#queue, message, this.#options, leaseMs);
      if (await run.run(awayMaxMs)) this.#done++;
    } catch (error) {
      log.error("queued job not reported", {
        subject: message.subject,
        why: toRtoolError(error).message,
      });
    } finally {
      clearInterval(lease);
    }
  }

  /** While the broker was away, jobs may have come of which nobody could tell. */
  async #lookAfterOutages(): Promise<void> {
    for await (const { type } of this.#queue.broker.connection.status()) {
      if (this.#stop.signal.aborted) return;
      if (type === "reconnect") await this.look();
    }
  }
}

/** Does what needs the broker as soon as it is there; `undefined` when `signal` comes first. */
export async function whenThere<T>(
  ask: () => Promise<T>,
  log: Log,
  signal: AbortSignal,
): Promise<T | undefined> {
  let isTold = false;
  const telling = async () => {
    try {
      return await ask();
    } catch (error) {
      if (!isTold) log.error("broker away", { why: toRtoolError(error).message });
      isTold = true;
      throw error;
    }
  };
  return await persistently(telling, signal).catch((error) => {
    if (signal.aborted) return undefined;
    throw error;
  });
}
