/**
 * Asks for the jobs of one token, one at a time, whenever it is its turn.
 *
 * Must not know what becomes of them.
 */

import type { JsMsg } from "@nats-io/jetstream";
import { toRtoolError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { delay } from "../core/time.ts";
import type { Queue, SharedConsumer } from "./queue.ts";
import { NO_REQUIREMENTS } from "./requirements.ts";
import type { Turn, Turns } from "./turns.ts";

/** What all tokens of a server share. */
export interface PullParts {
  readonly queue: Queue;
  readonly turns: Turns;
  readonly leaseMs: number;
  /** No more jobs are taken. */
  readonly stop: AbortSignal;
  readonly log: Log;
  /** Runs a job; its place is to be disposed when it has ended. */
  readonly run: (message: JsMsg, leaseMs: number, place: Disposable) => void;
  /** Is told of a job there was no place for. */
  readonly givenBack: () => void;
}

/** A question for a job is open so long; nothing depends on it. */
const OPEN_MS = { any: 5_000, required: 10_000 } as const;

/** A job that is handed back may be given out again, here or elsewhere, after this. */
const BACK_MS = 20;

/** After a failed question to the broker. */
const FAULT_PAUSE_MS = 500;

/** Unasked for so long, the consumer may be gone; well before the broker removes it. */
const REMEMBERED_MS = 10 * 60_000;

/** The jobs of one token, as far as they come here. */
export class TokenPull {
  readonly token: string;
  readonly #parts: PullParts;
  readonly #pulls = new Set<{ stop(): void }>();
  readonly #pulling: Promise<void>;
  #found: Promise<SharedConsumer> | undefined;
  #left = false;
  #usedAt = performance.now();
  #answeredAt = performance.now();

  constructor(token: string, parts: PullParts) {
    this.token = token;
    this.#parts = parts;
    this.#pulling = this.#pull();
  }

  /** When a job of it came, or was said to come; on the monotonic clock. */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** Somebody wants it. */
  touch(): void {
    this.#usedAt = performance.now();
  }

  /** Resolves when the broker hands out its jobs. */
  async ready(): Promise<SharedConsumer> {
    const { queue, leaseMs } = this.#parts;
    const now = performance.now();
    if (now - this.#answeredAt > REMEMBERED_MS) {
      this.#found = undefined;
      this.#answeredAt = now;
    }
    const found = this.#found ??= queue.consumer(this.token, leaseMs);
    try {
      return await found;
    } catch (error) {
      if (this.#found === found) this.#found = undefined;
      throw error;
    }
  }

  /** Asks no more. What has been asked is answered first: a job could be on its way. */
  leave(): void {
    this.#left = true;
  }

  /** Waits for no answer any more. */
  stop(): void {
    for (const pull of this.#pulls) pull.stop();
  }

  /** Resolves when it asks no more. */
  async ended(): Promise<void> {
    await this.#pulling;
  }

  /** Never rejects. */
  async #pull(): Promise<void> {
    const { turns, stop, log } = this.#parts;
    while (!stop.aborted && !this.#left) {
      using turn = await turns.next();
      if (!turn || this.#left) return;
      try {
        await this.#ask(turn);
      } catch (error) {
        if (stop.aborted) return;
        this.#found = undefined; // It may be the consumer that is gone.
        const why = toRtoolError(error).message;
        log.error("queue not answered", { require: this.#shown, why });
        await delay(FAULT_PAUSE_MS);
      }
    }
  }

  async #ask(turn: Turn): Promise<void> {
    const { stop, run, givenBack } = this.#parts;
    const { consumer, leaseMs } = await this.ready();
    const expires = this.token === NO_REQUIREMENTS ? OPEN_MS.any : OPEN_MS.required;
    const pull = await consumer.fetch({ max_messages: 1, expires });
    this.#pulls.add(pull);
    if (stop.aborted) pull.stop();
    try {
      for await (const message of pull) {
        this.touch();
        // Asked for while there was a place; by now it may be another's, or nobody's any more.
        const place = stop.aborted ? undefined : turn.maybePlace();
        if (place) {
          run(message, leaseMs, place);
        } else {
          message.nak(BACK_MS);
          givenBack();
        }
      }
      this.#answeredAt = performance.now();
    } finally {
      this.#pulls.delete(pull);
    }
  }

  get #shown(): string | undefined {
    return this.token === NO_REQUIREMENTS ? undefined : this.token;
  }
}
