/**
 * The part of `@std/bytes` that rtool uses, declared by hand.
 */

/** A new array that holds the given ones one after the other. */
export declare function concat(buffers: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;

/** Copies what fits of `src` into `dst` from `offset` on, and returns how many bytes that were. */
export declare function copy(src: Uint8Array, dst: Uint8Array, offset?: number): number;

/** Whether both hold the same bytes. Not for secrets: its time tells how many are equal. */
export declare function equals(a: Uint8Array, b: Uint8Array): boolean;

/** Where `needle` first begins in `source` from `start` on, or -1. */
export declare function indexOfNeedle(
  source: Uint8Array,
  needle: Uint8Array,
  start?: number,
): number;

/** Whether `source` begins with `prefix`. */
export declare function startsWith(source: Uint8Array, prefix: Uint8Array): boolean;

/** Whether `source` ends with `suffix`. */
export declare function endsWith(source: Uint8Array, suffix: Uint8Array): boolean;
