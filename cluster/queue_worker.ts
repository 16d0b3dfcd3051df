/**
 * Takes jobs of a queue, as many as there are places, and runs them; docs/cluster.md has the rules.
 *
 * Knows an Evaluator. Must not know R.
 */

import type { Consumer, JsMsg } from "@nats-io/jetstream";
import { toRtoolError } from "../core/errors.ts";
import type { Evaluator, Principal } from "../core/job.ts";
import type { Log } from "../core/log.ts";
import { delay } from "../core/time.ts";
import type { ClaimedPrincipal } from "./claim.ts";
import { persistently } from "./broker_faults.ts";
import { removeLeftovers } from "./leftovers.ts";
import { QueuedRun } from "./queued_run.ts";
import { NO_LABEL } from "./names.ts";
import type { Queue } from "./queue.ts";

/** What a server brings to a queue. */
export interface WorkerOptions {
  readonly evaluator: Evaluator;
  /** Who a claim is here; throws `not_allowed`. */
  readonly principalOf: (claimed: ClaimedPrincipal) => Principal;
  /** Public keys whose claims are believed. */
  readonly trusted: ReadonlySet<string>;
  /** Name of this server, as others see it. */
  readonly host: string;
  /** Labels whose jobs it takes, beside those that require none. */
  readonly labels: readonly string[];
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
  readonly log: Log;
}

/** A question for a job is open so long; nothing depends on it. */
const PULL_MS = 5_000;

/** Places are looked at so often while all are taken. */
const BUSY_POLL_MS = 20;

/** After a failed question to the broker. */
const FAULT_PAUSE_MS = 500;

/** The queue is looked through for what a killed broker has brought back. */
const SWEEP_MS = 10_000;

/** Takes jobs until it is closed. */
export class QueueWorker implements AsyncDisposable {
  readonly #queue: Queue;
  readonly #options: WorkerOptions;
  readonly #stop = new AbortController();
  readonly #runs = new Set<Promise<void>>();
  readonly #pulls = new Set<{ stop(): void }>();
  #pulling: Promise<unknown> = Promise.resolve();
  #sweeping: ReturnType<typeof setInterval> | undefined;
  #done = 0;

  constructor(queue: Queue, options: WorkerOptions) {
    this.#queue = queue;
    this.#options = options;
  }

  /** Jobs that run here. */
  get running(): number {
    return this.#runs.size;
  }

  /** Jobs that have ended here. */
  get done(): number {
    return this.#done;
  }

  /** Begins to take jobs. */
  async start(): Promise<void> {
    const { labels, placesMax, leaseMs } = this.#options;
    const consumers = await Promise.all([NO_LABEL, ...labels].map(async (label) => {
      return { label, ...await this.#queue.consumer(label, leaseMs) };
    }));
    this.#sweeping = setInterval(() => {
      for (const { label, consumer } of consumers) {
        // What fails is tried again.
        void removeLeftovers(this.#queue, label, consumer).catch(() => {});
      }
    }, SWEEP_MS);
    this.#pulling = Promise.all(consumers.flatMap(({ consumer, leaseMs }) => {
      return Array.from({ length: placesMax }, () => this.#pull(consumer, leaseMs));
    }));
  }

  /** Takes no more jobs. */
  leave(): void {
    this.#stop.abort();
    clearInterval(this.#sweeping);
    for (const pull of this.#pulls) pull.stop();
  }

  /** Takes no more jobs, and waits for those that run: the evaluator ends them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    await this.#pulling;
    await Promise.all(this.#runs);
  }

  /** One place's life: a question, a job, and again. Never rejects. */
  async #pull(consumer: Consumer, leaseMs: number): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (!this.#hasPlace()) {
        await delay(BUSY_POLL_MS);
        continue;
      }
      try {
        for (const message of await this.#ask(consumer)) await this.#run(message, leaseMs);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log.error("queue not answered", { why: toRtoolError(error).message });
        await delay(FAULT_PAUSE_MS);
      }
    }
  }

  #hasPlace(): boolean {
    return this.#runs.size < this.#options.placesMax && this.#options.isFree();
  }

  async #ask(consumer: Consumer): Promise<JsMsg[]> {
    const pull = await consumer.fetch({ max_messages: 1, expires: PULL_MS });
    this.#pulls.add(pull);
    if (this.#stop.signal.aborted) pull.stop();
    const messages: JsMsg[] = [];
    try {
      for await (const message of pull) messages.push(message);
    } finally {
      this.#pulls.delete(pull);
    }
    return messages;
  }

  async #run(message: JsMsg, leaseMs: number): Promise<void> {
    // Asked for while there was a place; by now it may be another's, or nobody's any more.
    if (this.#stop.signal.aborted || !this.#hasPlace()) return message.nak(BUSY_POLL_MS);
    const run = this.#runOne(message, leaseMs);
    this.#runs.add(run);
    await run;
    this.#runs.delete(run);
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
