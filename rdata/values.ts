/**
 * Making R's values, and looking at their attributes and missing values.
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

/** The low word that makes a NaN R's `NA` (arithmetic.c of R). */
const NA_LOW_WORD = 1954;

const scratch = new Float64Array(new BigUint64Array([0x7ff0_0000_0000_07a2n]).buffer);

/** `NA` of doubles: a NaN with bits of its own, which a typed array keeps. */
export const NA_REAL: number = scratch[0]!;

const probe = new Float64Array(1);
const probeWords = new Uint32Array(probe.buffer);
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;

/** Whether a number is R's `NA`, and not just no number. */
export function isNaReal(number: number): boolean {
  if (number === number) return false;
  probe[0] = number;
  return probeWords[LOW] === NA_LOW_WORD;
}

/** The attribute of that name, or `undefined`. */
export function attributeOf(value: RValue, name: string): RValue | undefined {
  return value.type === "NULL"
    ? undefined
    : value.attributes.find(([attribute]) => attribute === name)?.[1];
}

/** A vector of strings. */
export function character(
  values: readonly RString[],
  attributes: readonly Attribute[] = [],
): RCharacter {
  return { type: "character", values, attributes };
}

/** A vector of integers. */
export function integer(
  values: Int32Array | readonly number[],
  attributes: readonly Attribute[] = [],
): RInteger {
  const kept = values instanceof Int32Array ? values : Int32Array.from(values);
  return { type: "integer", values: kept, attributes };
}

/** A vector of doubles. */
export function double(
  values: Float64Array | readonly number[],
  attributes: readonly Attribute[] = [],
): RDouble {
  const kept = values instanceof Float64Array ? values : Float64Array.from(values);
  return { type: "double", values: kept, attributes };
}

/** A vector of complex numbers, real and imaginary parts by turns. */
export function complex(values: Float64Array, attributes: readonly Attribute[] = []): RComplex {
  return { type: "complex", values, attributes };
}

/** A vector of truth values: 1, 0, or `NA_INTEGER`. */
export function logical(values: Int32Array, attributes: readonly Attribute[] = []): RLogical {
  return { type: "logical", values, attributes };
}

/** A vector of bytes. */
export function raw(values: Uint8Array, attributes: readonly Attribute[] = []): RRaw {
  return { type: "raw", values, attributes };
}

/** A list. */
export function list(values: readonly RValue[], attributes: readonly Attribute[] = []): RList {
  return { type: "list", form: "list", values, attributes };
}
