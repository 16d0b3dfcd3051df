/**
 * Any value as columns of one length, as R's `data.frame()` makes them for `write.csv()`.
 *
 * Knows names and shapes, not text.
 */

import { RtoolError } from "../core/errors.ts";
import { toInstants } from "./broken_time.ts";
import {
  checkEmptyRows,
  dimOf,
  findFrame,
  hasClass,
  lengthOf,
  makeUnique,
  namesOf,
  rowCount,
} from "./columns.ts";
import type { Atomic } from "./json_items.ts";
import { makeNames } from "./name_text.ts";
import type { RList, RValue } from "./types.ts";
import { attributeOf, character, integer } from "./values.ts";

/** Part of a vector: a column of its own, or one of a matrix. */
export interface Column {
  readonly vector: Atomic;
  /** Where it begins. */
  readonly offset: number;
  /** After so many it begins anew. */
  readonly length: number;
  /** Whether the vector's class does not count, as in a matrix. */
  readonly isBare: boolean;
}

/** What can be written line by line. */
export interface Table {
  /** `undefined` where there is no line of names. */
  readonly header: readonly string[] | undefined;
  readonly columns: readonly Column[];
  readonly rows: number;
}

type Named = readonly [name: string, column: Column];

/** Classes of vectors that R makes a column of; others it refuses. */
const COLUMN_CLASSES = new Set(
  ("factor Date POSIXct difftime AsIs noquote ts logical integer numeric double character " +
    "complex raw").split(" "),
);

/** Frames within frames. */
const DEPTH_MAX = 100;

/** The value as a table, or `bad_value` for what has no columns. */
export function toTable(given: RValue): Table {
  const value = toInstants(given);
  const frame = findFrame(value);
  if (frame !== undefined) {
    if (frame.columns.length === 0) checkEmptyRows([frame.rows]);
    const named = frame.columns.flatMap((column, index) => {
      return spread(frame.names[index]!, toInstants(column), 0);
    });
    for (const [name, { length }] of named) {
      if (length !== frame.rows) refuse(`column '${name}' has ${length} rows of ${frame.rows}`);
    }
    return tableOf(named, frame.rows);
  }
  checkEmptyRows(dimOf(value) ?? []);
  if (dimOf(value)?.length === 2) return matrixTable(value);
  const isArray = dimOf(value) !== undefined;
  return value.type === "list" && !isArray ? listTable(value) : vectorTable(value);
}

function tableOf(named: readonly Named[], rows: number): Table {
  return { header: named.map(([name]) => name), columns: named.map(([, column]) => column), rows };
}

function vectorTable(value: RValue): Table {
  if (value.type === "NULL") return tableOf([], 0);
  if (value.type === "opaque") return refuse(`${value.kind} has no columns`);
  if (value.type === "list") return refuse("an array of lists has no text");
  const dim = dimOf(value) ?? [];
  if (hasClass(value, "table")) return frequencyTable(value, dim);
  checkClass(value);
  if (dim.length < 2) return tableOf([["x", columnOf(value)]], lengthOf(value));
  const names = makeNames(flatNames(value, dim.slice(1)));
  return tableOf(partsOf(value, names), dim[0]!);
}

/** A matrix is written as it is: its names are not mended, and without columns there are none. */
function matrixTable(value: RValue): Table {
  const [rows = 0, count = 0] = dimOf(value)!;
  const names = dimensionNames(value, 1) ?? Array.from({ length: count }, (_, at) => `V${at + 1}`);
  const table = tableOf(partsOf(value, names), rows);
  return count === 0 ? { ...table, header: undefined } : table;
}

/** `data.frame()` of a list: elements side by side, the shorter ones repeated, names mended. */
function listTable(value: RList): Table {
  if (value.form !== "list") refuse(`${value.form} has no columns`);
  checkClass(value);
  const names = namesOf(value);
  const named = value.values.flatMap((item, index) => {
    const name = names[index] ?? "";
    if (name === "") refuse(`element ${index + 1} of the list has no name`);
    return item.type === "NULL" ? [] : spread(name, toInstants(item), 0);
  });
  const lengths = value.values.map((item) => rowCount(toInstants(item)));
  const rows = Math.max(0, ...lengths);
  if (lengths.some((length) => length !== rows && (length === 0 || rows % length !== 0))) {
    refuse(`the list's elements have ${[...new Set(lengths)].join(", ")} rows`);
  }
  const mended = makeNames(named.map(([name]) => name));
  return tableOf(named.map(([, column], index) => [mended[index]!, column]), rows);
}

/** A column by itself, or those of a matrix or data frame in it by `name.inner`. */
function spread(name: string, value: RValue, depth: number): Named[] {
  if (depth > DEPTH_MAX) refuse(`data frames within data frames, over ${DEPTH_MAX}`);
  const frame = findFrame(value);
  if (frame !== undefined) {
    return frame.columns.flatMap((column, index) => {
      const inner = frame.names[index]!;
      return spread(frame.columns.length > 1 ? `${name}.${inner}` : inner, column, depth + 1);
    });
  }
  if (value.type === "NULL" || value.type === "opaque" || value.type === "list") {
    refuse(`column '${name}' is a list or has no data`);
  }
  const dim = dimOf(value);
  if (dim === undefined || dim.length < 2) return [[name, columnOf(value)]];
  checkEmptyRows(dim);
  if (dim[1] === 1 && dim.length === 2) return partsOf(value, [name]);
  const names = flatNames(value, dim.slice(1), "");
  return partsOf(value, names.map((inner) => `${name}.${inner}`));
}

function columnOf(vector: Atomic): Column {
  return { vector, offset: 0, length: lengthOf(vector), isBare: false };
}

/** The columns of a matrix, or of an array whose further dimensions are laid side by side. */
function partsOf(value: RValue, names: readonly string[]): Named[] {
  if (value.type === "NULL" || value.type === "opaque" || value.type === "list") {
    return refuse("a matrix of lists has no text");
  }
  const [length = 0] = dimOf(value)!;
  return names.map((name, index) => {
    return [name, { vector: value, offset: index * length, length, isBare: true }];
  });
}

/** Every combination of the dimensions' names, the first fastest; numbers where there are none. */
function flatNames(value: RValue, sizes: readonly number[], prefix = "X"): string[] {
  const isNamed = attributeOf(value, "dimnames")?.type === "list";
  if (!isNamed) {
    const count = sizes.reduce((product, size) => product * size, 1);
    return Array.from({ length: count }, (_, at) => `${prefix}${at + 1}`);
  }
  let names = [""];
  for (const [at, size] of sizes.entries()) {
    const own = dimensionNames(value, at + 1) ??
      Array.from({ length: size }, (_, index) => String(index + 1));
    names = own.flatMap((name) => names.map((before) => before && `${before}.${name}` || name));
  }
  return makeUnique(names);
}

/** `as.data.frame()` of a table: a column for each dimension, and how often. */
function frequencyTable(value: Atomic, dim: readonly number[]): Table {
  const labels = attributeOf(value, "dimnames");
  const titles = labels === undefined ? [] : namesOf(labels);
  let repeat = 1;
  const named = dim.map((size, at): Named => {
    const names = dimensionNames(value, at) ?? refuse("a table without names has no columns");
    const codes = new Int32Array(lengthOf(value));
    for (let index = 0; index < codes.length; index++) {
      codes[index] = Math.floor(index / repeat) % size + 1;
    }
    repeat *= size;
    const factor = integer(codes, [["levels", character(names)], ["class", character(["factor"])]]);
    return [titles[at] || `Var${at + 1}`, columnOf(factor)];
  });
  const counts = { vector: value, offset: 0, length: lengthOf(value), isBare: true };
  const mended = makeNames([...named.map(([name]) => name), "Freq"]);
  const columns = [...named.map(([, column]) => column), counts];
  return { header: mended, columns, rows: lengthOf(value) };
}

function dimensionNames(value: RValue, at: number): string[] | undefined {
  const names = attributeOf(value, "dimnames");
  const own = names?.type === "list" ? names.values[at] : undefined;
  return own?.type === "character" ? own.values.map((name) => String(name)) : undefined;
}

function checkClass(value: RValue): void {
  const classes = attributeOf(value, "class");
  if (classes?.type !== "character") return;
  const isKnown = classes.values.some((name) => COLUMN_CLASSES.has(String(name)));
  if (!isKnown) refuse(`class '${classes.values.join("', '")}' has no columns`);
}

function refuse(why: string): never {
  throw new RtoolError("bad_value", `Cannot write CSV: ${why}`);
}
