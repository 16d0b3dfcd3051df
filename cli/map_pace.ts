/**
 * How many items may be at the server: fewer when it refuses some, more again as it takes them.
 *
 * Knows numbers only, not why something was refused.
 */

/** The first pause when the server has no room for a single item, and the longest. */
const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 5000;

interface Waiter {
  readonly index: number;
  readonly enter: (may: boolean) => void;
}

/** The way in, one item at a time, the first in order before the others. */
export class Pace {
  readonly #max: number;
  readonly #signal: AbortSignal;
  readonly #waiters: Waiter[] = [];
  #allowed: number;
  #running = 0;
  /** Items that have ended since there was last one place more. */
  #ended = 0;
  #pauseMs = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;

  /** `max` items at once at most; once `signal` is aborted, none. */
  constructor(max: number, signal: AbortSignal) {
    this.#max = max;
    this.#allowed = max;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#close(), { once: true });
  }

  /** Items that are at the server. */
  get running(): number {
    return this.#running;
  }

  /** How many may be there now. */
  get allowed(): number {
    return this.#allowed;
  }

  /** Resolves when this item may go; false when nothing goes any more. */
  enter(index: number): Promise<boolean> {
    if (this.#signal.aborted) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiters.push({ index, enter: resolve });
    this.#admit();
    return promise;
  }

  /** An item that went has ended. */
  leave(): void {
    this.#running--;
    this.#pauseMs = 0;
    // Slowly: one refusal for each round of items is little, and more are waste.
    if (this.#allowed < this.#max && ++this.#ended >= 2 * this.#allowed) {
      this.#ended = 0;
      this.#allowed++;
    }
    this.#admit();
  }

  /** An item that went was refused: no more may be there than are now, but for one. */
  refuse(): void {
    this.#running--;
    this.#ended = 0;
    this.#allowed = Math.max(1, this.#running);
    // While some are there, the end of one tells that there is room again.
    if (this.#running > 0 || this.#pause !== undefined || this.#signal.aborted) return;
    this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, PAUSE_MIN_MS), PAUSE_MAX_MS);
    // Not all at the same moment, where several maps are refused by one server.
    const pauseMs = this.#pauseMs * (0.75 + Math.random() / 2);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#admit();
    }, pauseMs);
  }

  #admit(): void {
    while (this.#pause === undefined && this.#running < this.#allowed) {
      const first = this.#takeFirst();
      if (!first) return;
      this.#running++;
      first.enter(true);
    }
  }

  #takeFirst(): Waiter | undefined {
    const first = this.#waiters.reduce<Waiter | undefined>((least, each) => {
      return least === undefined || each.index < least.index ? each : least;
    }, undefined);
    if (first) this.#waiters.splice(this.#waiters.indexOf(first), 1);
    return first;
  }

  #close(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    for (const { enter } of this.#waiters.splice(0)) enter(false);
  }
}
