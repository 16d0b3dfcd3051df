/**
 * Numbers that only grow: counts by one label, and distributions.
 */

import type { Distribution } from "./exposition.ts";

/** Counts by the value of a label. */
export class Tally<Value extends string> {
  readonly #counts: Map<Value, number>;

  /** These are told from the start, as 0: to Prometheus what appears with 1 has not increased. */
  constructor(known: readonly Value[]) {
    this.#counts = new Map(known.map((value) => [value, 0]));
  }

  add(value: Value, count = 1): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + count);
  }

  /** Every value with its count. */
  entries(): IterableIterator<[Value, number]> {
    return this.#counts.entries();
  }
}

/** Sorts what is observed into buckets. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** `bounds` ascend. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const index = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[index < 0 ? this.#bounds.length : index]!++;
    this.#sum += value;
  }

  /** As it is now. */
  get distribution(): Distribution {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum };
  }
}
