/**
 * Rows as data frames and arrays of arrays as matrices, where JSON has them in a shape that fits.
 */

import { RtoolError } from "../core/errors.ts";
import { NA_INTEGER, type RValue } from "./types.ts";
import { character, integer, list } from "./values.ts";

/** A parsed object, whose keys are its own. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Beyond this many cells a table has to be filled: a little text would become gigabytes. */
const SPARSE_CELLS_MAX = 1_000_000;
/** One cell in so many has to hold something. */
const SPARSENESS_MAX = 100;

/** Whether parsed JSON is an object: no scalar, no array, none of a program's own classes. */
export function isObject(item: unknown): item is JsonObject {
  if (item === null || typeof item !== "object" || Array.isArray(item)) return false;
  const prototype = Object.getPrototypeOf(item);
  return prototype === Object.prototype || prototype === null;
}

/** Refuses text that R has no room for: it ends where a NUL stands. */
export function checkText(text: string): true {
  if (!text.includes("\0")) return true;
  throw new RtoolError("bad_value", "Cannot read JSON: R's text cannot hold the character U+0000");
}

/**
 * A data frame of these rows: every key a column, in the order of first sight, `null` where a row
 * has none. `undefined` when that would be a large table of almost nothing.
 */
export function maybeFrame(
  rows: readonly (JsonObject | null)[],
  toColumn: (cells: readonly unknown[]) => RValue,
): RValue | undefined {
  const columns = new Map<string, unknown[]>();
  let filled = 0;
  for (const row of rows) {
    const keys = row === null ? [] : Object.keys(row);
    filled += keys.length;
    for (const key of keys) if (!columns.has(key)) columns.set(key, []);
  }
  for (const key of columns.keys()) checkText(key);
  const cells = columns.size * rows.length;
  if (cells > SPARSE_CELLS_MAX && cells > filled * SPARSENESS_MAX) return undefined;
  for (const [key, column] of columns) {
    for (const row of rows) column.push(row !== null && Object.hasOwn(row, key) ? row[key] : null);
  }
  const rowNames = maybeRowNames(columns.get("_row"));
  if (rowNames !== undefined) columns.delete("_row");
  return list([...columns.values()].map(toColumn), [
    ["names", character([...columns.keys()])],
    ["class", character(["data.frame"])],
    ["row.names", rowNames ?? integer(Int32Array.of(NA_INTEGER, -rows.length))],
  ]);
}

/** R wants a name for every row, and no two alike. */
function maybeRowNames(cells: readonly unknown[] | undefined): RValue | undefined {
  if (cells === undefined || new Set(cells).size < cells.length) return undefined;
  return cells.every((cell) => typeof cell === "string") ? character(cells) : undefined;
}

/** The cells of nested arrays in R's order, the first index running fastest. */
export interface Cells {
  readonly dim: readonly number[];
  readonly cells: readonly unknown[];
}

/** Arrays of arrays that are all of one shape and hold scalars. */
export function maybeCells(items: readonly unknown[]): Cells | undefined {
  const dim = findShape(items);
  if (dim === undefined || dim.length < 2) return undefined;
  let level: readonly unknown[] = items;
  // Each turn puts the next index outside the ones before it, which then run faster.
  for (const size of dim.slice(1)) {
    const inner = level as readonly (readonly unknown[])[];
    level = Array.from({ length: size }, (_, at) => inner.map((each) => each[at])).flat();
  }
  return { dim, cells: level };
}

/** The lengths of nested arrays from the outside in, or `undefined` when they differ. */
function findShape(item: unknown): readonly number[] | undefined {
  if (!Array.isArray(item)) return item === null || typeof item !== "object" ? [] : undefined;
  const inner = findShape(item[0]);
  if (item.length === 0 || inner === undefined) return undefined;
  const isAlike = inner.length === 0
    ? item.every((each) => each === null || typeof each !== "object")
    : item.every((each) => findShape(each)?.join() === inner.join());
  return isAlike ? [item.length, ...inner] : undefined;
}
