/**
 * R's serialization format, byte by byte, and what may become of any bytes.
 */

import { assert } from "@std/assert";
import { concat } from "../../core/bytes.ts";
import { RtoolError } from "../../core/errors.ts";
import { decodeValue } from "../../rdata/read.ts";

/** Fails unless the bytes are a value or `bad_value`. */
export function readsOrRefuses(bytes: Uint8Array): void {
  try {
    decodeValue(bytes);
  } catch (error) {
    assert(error instanceof RtoolError && error.code === "bad_value", String(error));
  }
}

/** The start of the binary format, and these integers. */
export function ints(...values: number[]): Uint8Array {
  return concat([new Uint8Array([0x42, 0x0a]), ...cells(...values)]);
}

/** Integers among bytes, as the binary format has them. */
export function cells(...parts: readonly (number | Uint8Array)[]): Uint8Array[] {
  return parts.map((part) =>
    typeof part === "number" ? new Uint8Array(Int32Array.of(part).buffer) : part
  );
}

/** The same integers again and again. */
export function repeat(count: number, ...values: number[]): Uint8Array {
  const all = Int32Array.from({ length: count * values.length }, (_, at) => {
    return values[at % values.length]!;
  });
  return new Uint8Array(all.buffer);
}

/** A symbol, the first time it comes. */
export function symbol(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  return concat(cells(1, 9 | 1 << 18, bytes.length, bytes));
}

/** A vector of doubles. */
export function doubles(...values: number[]): Uint8Array {
  return concat(cells(14, values.length, new Uint8Array(Float64Array.from(values).buffer)));
}

/** A vector that R writes as what it is made of. */
export function altrep(name: string, ...state: readonly (number | Uint8Array)[]): Uint8Array {
  return concat(cells(238, 2, symbol(name), 2, symbol("base"), 2, 13, 1, 13, 254, ...state, 254));
}
