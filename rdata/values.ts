/**
 * Vectors of R made of JavaScript's arrays, their attributes, and what is missing in them.
 *
 * Knows no bytes and no text format.
 */

import type {
  Attribute,
  RCharacter,
  RComplex,
  RDouble,
  RInteger,
  RList,
  RLogical,
  RRaw,
  RString,
  RValue,
} from "./types.ts";

/** The lower half of the bits of R's missing double; the upper half is that of any NaN. */
const NA_LOW_WORD = 1954;

const doubleOf = new Float64Array(1);
const wordsOf = new Uint32Array(doubleOf.buffer);

/**
 * `NA` of doubles: a NaN like any other, but for its bits.
 *
 * Put it straight into a `Float64Array`: plain arrays may turn it into just any NaN, as V8's do
 * when they grow or are filled.
 */
export const NA_REAL: number = new Float64Array(
  Uint32Array.of(NA_LOW_WORD, 0x7ff0_0000).buffer,
)[0]!;

/** Whether a double is `NA` and not another NaN. */
export function isNaReal(number: number): boolean {
  if (!Number.isNaN(number)) return false;
  doubleOf[0] = number;
  return wordsOf[0] === NA_LOW_WORD;
}

/** The attribute of this name, or `undefined`. */
export function attributeOf(value: RValue, name: string): RValue | undefined {
  if (value.type === "NULL") return undefined;
  return value.attributes.find(([each]) => each === name)?.[1];
}

/** A logical vector: 1, 0 and `NA_INTEGER`. */
export function logical(
  values: Int32Array | readonly number[],
  attributes: readonly Attribute[] = [],
): RLogical {
  return { type: "logical", values: toIntegers(values), attributes };
}

/** An integer vector. */
export function integer(
  values: Int32Array | readonly number[],
  attributes: readonly Attribute[] = [],
): RInteger {
  return { type: "integer", values: toIntegers(values), attributes };
}

/** A double vector. */
export function numeric(
  values: Float64Array | readonly number[],
  attributes: readonly Attribute[] = [],
): RDouble {
  const numbers = values instanceof Float64Array ? values : Float64Array.from(values);
  return { type: "double", values: numbers, attributes };
}

/** A complex vector: real and imaginary parts by turns. */
export function complex(values: Float64Array, attributes: readonly Attribute[] = []): RComplex {
  return { type: "complex", values, attributes };
}

/** A character vector. */
export function character(
  values: readonly RString[],
  attributes: readonly Attribute[] = [],
): RCharacter {
  return { type: "character", values, attributes };
}

/** A raw vector. */
export function raw(values: Uint8Array, attributes: readonly Attribute[] = []): RRaw {
  return { type: "raw", values, attributes };
}

/** A list. */
export function list(values: readonly RValue[], attributes: readonly Attribute[] = []): RList {
  return { type: "list", form: "list", values, attributes };
}

function toIntegers(values: Int32Array | readonly number[]): Int32Array {
  return values instanceof Int32Array ? values : Int32Array.from(values);
}
