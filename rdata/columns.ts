/**
 * What the text and table formats ask about R's values: classes, dimensions, names, and data frames
 * as columns.
 *
 * Knows no format. Attributes that are not what R would have put there are passed over.
 */

import { RtoolError } from "../core/errors.ts";
import { NA_INTEGER, type RDouble, type RInteger, type RList, type RString } from "./types.ts";
import type { RValue } from "./types.ts";
import { attributeOf } from "./values.ts";

/** Rows without columns cost R nothing, and text some characters each. */
const EMPTY_ROWS_MAX = 1_000_000;

/** A data frame. */
export interface Frame {
  /** As many as columns. */
  readonly names: readonly string[];
  readonly columns: readonly RValue[];
  readonly rows: number;
  /** Only where somebody named the rows: R's own numbers are none. */
  readonly rowNames: readonly string[] | undefined;
}

/** The data frame that a value is, if it is one. */
export function findFrame(value: RValue): Frame | undefined {
  if (value.type !== "list" || !hasClass(value, "data.frame")) return undefined;
  const rowNames = attributeOf(value, "row.names");
  const names = namesOf(value);
  const columns = value.values;
  return {
    names: columns.map((_, index) => names[index] ?? ""),
    columns,
    rows: rowNames === undefined ? rowCount(columns[0]) : countOf(rowNames),
    rowNames: rowNames?.type === "character" ? findRowNames(rowNames.values) : undefined,
  };
}

/** Numbers are R's own, kept as text by some functions. */
function findRowNames(names: readonly RString[]): readonly string[] | undefined {
  const texts = names.map(plainText);
  return texts.every((text) => /^\d+$/.test(text)) ? undefined : texts;
}

/** How many rows a column has: of a matrix or data frame in it, the rows; else the elements. */
export function rowCount(column: RValue | undefined): number {
  if (column === undefined) return 0;
  return findFrame(column)?.rows ?? dimOf(column)?.[0] ?? lengthOf(column);
}

/** Elements, as `length()` of what is no object. */
export function lengthOf(value: RValue): number {
  if (value.type === "NULL") return 0;
  if (value.type === "opaque") return 1;
  return value.type === "complex" ? value.values.length / 2 : value.values.length;
}

/** Whether `class` names this one. */
export function hasClass(value: RValue, name: string): boolean {
  const classes = attributeOf(value, "class");
  return classes?.type === "character" && classes.values.includes(name);
}

/** Dimensions, where they are those of as many elements as there are. */
export function dimOf(value: RValue): readonly number[] | undefined {
  const dim = attributeOf(value, "dim");
  if (dim?.type !== "integer" && dim?.type !== "double") return undefined;
  const sizes = [...dim.values];
  const product = sizes.reduce((count, size) => count * size, 1);
  return product === lengthOf(value) ? sizes : undefined;
}

/** Refuses dimensions of nothing that would become millions of empty rows. */
export function checkEmptyRows(dim: readonly number[]): void {
  const filled = dim.filter((size) => size > 0);
  const rows = filled.reduce((product, size) => product * size, 1);
  if (rows <= EMPTY_ROWS_MAX || (dim.length > 1 && filled.length === dim.length)) return;
  throw new RtoolError("bad_value", `Cannot write ${rows} rows that hold nothing`);
}

/** Names in order; none are an empty list, a single one that is missing is `""`. */
export function namesOf(value: RValue): readonly string[] {
  const names = attributeOf(value, "names");
  return names?.type === "character" ? names.values.map((name) => plainText(name ?? "")) : [];
}

/** The labels of a factor, or `undefined` for what is no factor. */
export function findLevels(value: RValue): readonly RString[] | undefined {
  if (value.type !== "integer" || !hasClass(value, "factor")) return undefined;
  const levels = attributeOf(value, "levels");
  return levels?.type === "character" ? levels.values : [];
}

/** Whether the numbers are days or seconds since 1970. */
export function timeKindOf(value: RDouble | RInteger): "date" | "instant" | undefined {
  if (hasClass(value, "Date")) return "date";
  return hasClass(value, "POSIXct") ? "instant" : undefined;
}

/** The time zone's name that a time carries, `""` without one. */
export function zoneOf(value: RValue): string {
  const zone = attributeOf(value, "tzone");
  const first = zone?.type === "character" ? zone.values[0] : undefined;
  return typeof first === "string" ? first : "";
}

/** Text as R prints it: bytes of no known encoding as `\xff`, a missing one as `NA`. */
export function plainText(text: RString): string {
  if (typeof text === "string") return text;
  return text === null ? "NA" : Array.from(text, byteText).join("");
}

/** Names of their own for all: as `make.unique()`, `a`, `a.1`, `a.2`. */
export function makeUnique(names: readonly string[]): string[] {
  const taken = new Set(names);
  if (taken.size === names.length) return [...names];
  const seen = new Set<string>();
  const next = new Map<string, number>();
  return names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name);
      return name;
    }
    let count = next.get(name) ?? 1;
    while (taken.has(`${name}.${count}`)) count++;
    next.set(name, count + 1);
    taken.add(`${name}.${count}`);
    return `${name}.${count}`;
  });
}

/** A name for each element of a named list: its place, as text, for one that has none. */
export function listKeys(value: RList): string[] | undefined {
  const names = attributeOf(value, "names");
  if (names?.type !== "character") return undefined;
  const keys = value.values.map((_, index) => {
    const name = names.values[index] ?? "";
    return name === "" ? String(index + 1) : plainText(name);
  });
  return makeUnique(keys);
}

/** How many rows `row.names` stands for: `c(NA, -3)` is short for three. */
function countOf(rowNames: RValue): number {
  if (rowNames.type !== "integer") return lengthOf(rowNames);
  const [first, second] = rowNames.values;
  const isShort = rowNames.values.length === 2 && first === NA_INTEGER;
  return isShort ? Math.abs(second!) : rowNames.values.length;
}

function byteText(byte: number): string {
  if (byte >= 0x20 && byte < 0x7f) return String.fromCharCode(byte);
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}
