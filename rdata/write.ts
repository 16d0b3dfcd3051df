/**
 * Writes R's serialization format, as `serialize()` does.
 *
 * Data only: what is named and not kept cannot be written. Source of the format: R Internals.
 */

import { RtoolError } from "../core/errors.ts";
import { ENCODING, FLAG, ITEM, LEVELS_SHIFT, LONG_LENGTH, SHORT_LENGTH_MAX } from "./format.ts";
import { Parts } from "./parts.ts";
import type { Attribute, RList, RString, RValue } from "./types.ts";
import { attributeOf } from "./values.ts";

/** Which of R's forms is written. */
export interface WriteOptions {
  /** R 3.5 and newer read version 3, all read version 2. @default {3} */
  readonly version?: 2 | 3;
  /** XDR has the high byte first; binary is faster. @default {"binary"} */
  readonly format?: "binary" | "xdr";
}

/** R 4.2.0 and the oldest R that reads each version, as R counts. */
const WRITER = 0x040200;
const OLDEST_READER = { 2: 0x020300, 3: 0x030500 } as const;

const DEPTH_MAX = 1000;
const NATIVE_ENCODING = "UTF-8";

/** The longest name R takes. */
const SYMBOL_BYTES_MAX = 10_000;

const encoder = new TextEncoder();

/** The value as bytes, in parts: large vectors are not copied. Throws `bad_value`. */
export function encodeValue(value: RValue, options: WriteOptions = {}): Uint8Array[] {
  const { version = 3, format = "binary" } = options;
  const parts = new Parts(format === "binary");
  parts.text(format === "binary" ? "B\n" : "X\n");
  parts.int(version);
  parts.int(WRITER);
  parts.int(OLDEST_READER[version]);
  if (version === 3) {
    parts.int(NATIVE_ENCODING.length);
    parts.text(NATIVE_ENCODING);
  }
  new Writer(parts).item(value, 0);
  return parts.all();
}

class Writer {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  item(value: RValue, depth: number): void {
    if (depth > DEPTH_MAX) {
      throw new RtoolError("bad_value", `Cannot write values nested more than ${DEPTH_MAX} deep`);
    }
    if (value.type === "NULL") return this.#parts.int(ITEM.NULL);
    if (value.type === "opaque") {
      throw new RtoolError("bad_value", `Cannot write ${value.kind}: ${value.description}`, {
        hint: "only data can be given to R: vectors, lists, factors, data frames",
      });
    }
    if (value.type === "list" && value.form === "pairlist") return this.#pairlist(value, depth);
    this.#parts.int(flagsOf(value));
    this.#content(value, depth);
    if (value.attributes.length > 0) this.#attributes(value.attributes, depth);
  }

  #content(value: Exclude<RValue, { type: "NULL" | "opaque" }>, depth: number): void {
    const parts = this.#parts;
    switch (value.type) {
      case "logical":
      case "integer":
        this.#length(value.values.length);
        return parts.numbers(value.values);
      case "double":
        this.#length(value.values.length);
        return parts.numbers(value.values);
      case "complex":
        this.#length(value.values.length / 2);
        return parts.numbers(value.values);
      case "raw":
        this.#length(value.values.length);
        return parts.bytes(value.values);
      case "character":
        this.#length(value.values.length);
        for (const text of value.values) this.#string(text);
        return;
      case "list":
        this.#length(value.values.length);
        for (const each of value.values) this.item(each, depth + 1);
        return;
      default:
        value satisfies never;
    }
  }

  #pairlist({ values, attributes }: RList, depth: number): void {
    const names = attributes.find(([name]) => name === "names")?.[1];
    const tags = names?.type === "character" ? names.values : [];
    const own = attributes.filter(([name]) => name !== "names");
    for (const [index, value] of values.entries()) {
      const tag = tags[index];
      const hasTag = typeof tag === "string" && tag !== "";
      const hasAttributes = index === 0 && own.length > 0;
      const isObject = hasAttributes && own.some(([name]) => name === "class");
      this.#parts.int(
        ITEM.PAIRLIST | (hasTag ? FLAG.TAG : 0) | (hasAttributes ? FLAG.ATTRIBUTES : 0) |
          (isObject ? FLAG.OBJECT : 0),
      );
      if (hasAttributes) this.#attributes(own, depth);
      if (hasTag) this.#symbol(tag);
      this.item(value, depth + 1);
    }
    this.#parts.int(ITEM.NULL);
  }

  #attributes(attributes: readonly Attribute[], depth: number): void {
    for (const [name, value] of attributes) {
      this.#parts.int(ITEM.PAIRLIST | FLAG.TAG);
      this.#symbol(name);
      this.item(value, depth + 1);
    }
    this.#parts.int(ITEM.NULL);
  }

  #symbol(name: string): void {
    const bytes = encoder.encode(name).length;
    if (bytes === 0 || bytes > SYMBOL_BYTES_MAX) {
      throw new RtoolError("bad_value", `Cannot write an attribute's name of ${bytes} bytes`);
    }
    this.#parts.int(ITEM.SYMBOL);
    this.#string(name);
  }

  #string(text: RString): void {
    const parts = this.#parts;
    if (typeof text === "string" ? text.includes("\0") : text?.includes(0)) {
      throw new RtoolError("bad_value", "Cannot write a string that holds a NUL character");
    }
    if (text === null) {
      parts.int(ITEM.STRING);
      parts.int(-1);
    } else if (typeof text === "string") {
      parts.string(text, (isAscii) => stringFlags(isAscii ? ENCODING.ASCII : ENCODING.UTF8));
    } else {
      parts.int(stringFlags(ENCODING.BYTES));
      parts.int(text.length);
      parts.bytes(text);
    }
  }

  #length(length: number): void {
    if (length <= SHORT_LENGTH_MAX) return this.#parts.int(length);
    this.#parts.int(LONG_LENGTH);
    this.#parts.int(Math.floor(length / 2 ** 32));
    this.#parts.int(length % 2 ** 32 | 0);
  }
}

const TYPES = {
  logical: ITEM.LOGICAL,
  integer: ITEM.INTEGER,
  double: ITEM.DOUBLE,
  complex: ITEM.COMPLEX,
  raw: ITEM.RAW,
  character: ITEM.CHARACTER,
} as const;

function flagsOf(value: Exclude<RValue, { type: "NULL" | "opaque" }>): number {
  const list = value.type === "list" && value.form === "expression" ? ITEM.EXPRESSION : ITEM.LIST;
  const type = value.type === "list" ? list : TYPES[value.type];
  const given = attributeOf(value, "class");
  // What is of a formal class names the package that defines it, and R marks it.
  const isS4 = given !== undefined && attributeOf(given, "package") !== undefined;
  return type | (given ? FLAG.OBJECT : 0) | (isS4 ? FLAG.S4 : 0) |
    (value.attributes.length > 0 ? FLAG.ATTRIBUTES : 0);
}

function stringFlags(encoding: number): number {
  return ITEM.STRING | encoding << LEVELS_SHIFT;
}
