/**
 * How much a value may make of its bytes: what is announced in a few may take all memory.
 *
 * Part of read.ts.
 */

import type { Cursor } from "./cursor.ts";

/** How much is read before it is too much. */
export interface ReadBounds {
  /** Values within values. @default {1000} */
  readonly depthMax: number;
  /** Values of any kind, each of which takes some 300 bytes. @default {10 million} */
  readonly valuesMax: number;
  /** Strings, in all vectors together. @default {50 million} */
  readonly stringsMax: number;
  /** Elements of sequences, which R writes as first and last. @default {100 million} */
  readonly sequenceMax: number;
}

/** Well below what fills V8's heap of 4 GB: what does fill it ends the process. */
const BOUNDS: ReadBounds = {
  depthMax: 1000,
  valuesMax: 10_000_000,
  stringsMax: 50_000_000,
  sequenceMax: 100_000_000,
};

/** What a string made of a number takes, in time and memory, beside a number. */
const STRING_COST = 5;

/** What is left of the bounds while a value is read. */
export class Budget {
  readonly #cursor: Cursor;
  readonly #bounds: ReadBounds;
  #depth = 0;
  #values = 0;
  #strings = 0;
  #elements = 0;

  constructor(cursor: Cursor, bounds: Partial<ReadBounds>) {
    this.#cursor = cursor;
    this.#bounds = { ...BOUNDS, ...bounds };
  }

  /** A value begins, within those that have. */
  enter(): void {
    const { depthMax, valuesMax } = this.#bounds;
    if (++this.#depth > depthMax) {
      throw this.#cursor.fault(`Values are nested more than ${depthMax} deep`);
    }
    if (++this.#values > valuesMax) throw this.#cursor.fault(`More than ${valuesMax} values`);
  }

  /** A value ends. */
  leave(): void {
    this.#depth--;
  }

  /** Strings are about to be read. */
  strings(count: number): void {
    const { stringsMax } = this.#bounds;
    this.#strings += count;
    if (this.#strings > stringsMax) throw this.#cursor.fault(`More than ${stringsMax} strings`);
  }

  /** Numbers are about to be made of nothing but their first and last. */
  sequence(count: number): void {
    const { sequenceMax } = this.#bounds;
    this.#elements += count;
    if (this.#elements > sequenceMax) {
      throw this.#cursor.fault(`Sequences of more than ${sequenceMax} elements`);
    }
  }

  /** Strings are about to be made of numbers. */
  stringsMade(count: number): void {
    this.sequence(STRING_COST * count);
  }
}
