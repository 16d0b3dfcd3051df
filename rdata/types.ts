/**
 * R's values as data: what R's serialization format holds, without R.
 *
 * Knows no bytes, no text format and no I/O. Closures, environments and the like are named, not
 * kept: nothing here can be evaluated.
 */

/** A name and a value, in R's order: `names`, `dim`, `class`, `levels`, or any of the user's. */
export type Attribute = readonly [name: string, value: RValue];

/** What every value but `NULL` may carry. */
interface Attributed {
  /** Empty when there are none. */
  readonly attributes: readonly Attribute[];
}

/** `NULL`. */
export interface RNull {
  readonly type: "NULL";
}

/** `TRUE` is 1 (R allows any other than 0), `FALSE` 0, `NA` {@linkcode NA_INTEGER}. */
export interface RLogical extends Attributed {
  readonly type: "logical";
  readonly values: Int32Array;
}

/** `NA` is {@linkcode NA_INTEGER}. A factor is such a vector with `levels` and `class`. */
export interface RInteger extends Attributed {
  readonly type: "integer";
  readonly values: Int32Array;
}

/** `NA` is the one NaN that {@linkcode isNaReal} knows by its bits. */
export interface RDouble extends Attributed {
  readonly type: "double";
  readonly values: Float64Array;
}

/** Real and imaginary parts by turns: twice as many numbers as the vector has elements. */
export interface RComplex extends Attributed {
  readonly type: "complex";
  readonly values: Float64Array;
}

/** `NA` is null; bytes are a string of R's encoding "bytes", or one that is not what it says. */
export type RString = string | null | Uint8Array;

/** A vector of strings. */
export interface RCharacter extends Attributed {
  readonly type: "character";
  readonly values: readonly RString[];
}

/** Bytes. */
export interface RRaw extends Attributed {
  readonly type: "raw";
  readonly values: Uint8Array;
}

/** A list; pairlists and `expression()` vectors too, told apart by `form`. */
export interface RList extends Attributed {
  readonly type: "list";
  readonly values: readonly RValue[];
  /** A pairlist's tags are its attribute `names`. */
  readonly form: "list" | "pairlist" | "expression";
}

/** What is named, not kept: R's own word for its type, and what a person wants to read of it. */
export interface ROpaque extends Attributed {
  readonly type: "opaque";
  /** As `typeof()` says: `closure`, `environment`, `symbol`, `language`, `S4`, `builtin`, … */
  readonly kind: string;
  /** One line: a symbol's name, a call's text where it can be told, else the kind. */
  readonly description: string;
}

/** Any value. */
export type RValue =
  | RNull
  | RLogical
  | RInteger
  | RDouble
  | RComplex
  | RCharacter
  | RRaw
  | RList
  | ROpaque;

/** `NULL`, of which there is one. */
export const NULL: RNull = { type: "NULL" };

/** `NA` of logical and integer vectors: the smallest 32-bit integer. */
export const NA_INTEGER = -0x8000_0000;
