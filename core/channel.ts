/**
 * A bounded line of things between one producer and one consumer.
 *
 * The producer is asked to wait when more than `weightMax` lies in it; the consumer pulls. Knows
 * nothing of what it holds.
 */

/** Taken items are let go of once there are so many and they are half of the line. */
const COMPACT_AT = 64;

/** One producer, one consumer. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #head = 0;
  #weight = 0;
  readonly #weightMax: number;
  readonly #weigh: (item: T) => number;
  #closed = false;
  #pull: ((result: IteratorResult<T>) => void) | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  /** Holds up to `weightMax` before {@linkcode full} says so; one item more is always taken. */
  constructor(weightMax: number, weigh: (item: T) => number) {
    this.#weightMax = weightMax;
    this.#weigh = weigh;
  }

  /** Whether the producer should await {@linkcode room}. */
  get full(): boolean {
    return this.#weight >= this.#weightMax;
  }

  /** Whether an item can be taken at once. */
  get waiting(): boolean {
    return this.#head < this.#items.length;
  }

  /** Adds an item; ignored once closed. */
  push(item: T): void {
    if (this.#closed) return;
    if (this.#pull) {
      const pull = this.#pull;
      this.#pull = undefined;
      pull({ value: item, done: false });
      return;
    }
    this.#items.push(item);
    this.#weight += this.#weigh(item);
  }

  /** Resolves when there is room again, or when nobody reads any more. */
  room(): Promise<void> {
    if (!this.full || this.#closed) return Promise.resolve();
    return (this.#room ??= Promise.withResolvers<void>()).promise;
  }

  /** No more items; what lies in the channel is still delivered. */
  close(): void {
    this.#closed = true;
    this.#pull?.({ value: undefined, done: true });
    this.#pull = undefined;
    this.#room?.resolve();
  }

  /** Closes and forgets what was not read: the consumer has gone. */
  discard(): void {
    this.#items.length = 0;
    this.#head = 0;
    this.#weight = 0;
    this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => this.#next(),
      return: () => {
        this.discard();
        return Promise.resolve({ value: undefined, done: true });
      },
    };
  }

  #next(): Promise<IteratorResult<T>> {
    if (this.#head < this.#items.length) {
      return Promise.resolve({ value: this.#shift(), done: false });
    }
    if (this.#closed) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#pull = resolve);
  }

  #shift(): T {
    const item = this.#items[this.#head++]!;
    this.#weight -= this.#weigh(item);
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    if (!this.full) {
      this.#room?.resolve();
      this.#room = undefined;
    }
    return item;
  }
}
