/**
 * JSON as R's values: arrays become vectors, matrices and data frames where they can.
 *
 * docs/values.md has the rules, which are those of R's package jsonlite where it does not turn
 * numbers into text.
 */

import { RtoolError } from "../core/errors.ts";
import { findFault } from "./json_fault.ts";
import { checkText, isObject, type JsonObject, maybeCells, maybeFrame } from "./json_tables.ts";
import { NA_INTEGER, NULL, type RCharacter, type RDouble, type RInteger } from "./types.ts";
import type { RLogical, RValue } from "./types.ts";
import { character, integer, list, logical, NA_REAL, numeric } from "./values.ts";

/** Arrays in arrays: what jsonlite's parser takes, and far from our stack's end. */
const DEPTH_MAX = 500;

/** Numbers that JSON has no digits for, as text among numbers. */
const NAMED_NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ["NaN", NaN],
  ["Inf", Infinity],
  ["-Inf", -Infinity],
]);

type Vector = RLogical | RInteger | RDouble | RCharacter;

/** The value that a JSON text stands for. */
export function fromJson(text: string): RValue {
  return jsonToValue(parse(text));
}

/** The value that parsed JSON stands for; anything that is no JSON is an error. */
export function jsonToValue(parsed: unknown): RValue {
  return simplify(parsed, 0);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { line, column, found } = findFault(text);
    const place = `line ${line}, column ${column}`;
    throw new RtoolError("bad_value", `Cannot read JSON at ${place}: ${found}`, { cause });
  }
}

function simplify(item: unknown, depth: number): RValue {
  if (item === null) return NULL;
  if (isText(item)) return character([item]);
  if (typeof item !== "object") return vectorOf([item]) ?? refuse(item);
  if (depth >= DEPTH_MAX) {
    throw new RtoolError("bad_value", `Cannot read JSON nested more than ${DEPTH_MAX} deep`);
  }
  if (Array.isArray(item)) return simplifyArray(item, depth);
  if (!isObject(item)) return refuse(item);
  return listOf(item, (inner) => simplify(inner, depth + 1));
}

function listOf(item: JsonObject, convert: (inner: unknown) => RValue): RValue {
  const entries = Object.entries(item);
  for (const [name] of entries) checkText(name);
  const names = character(entries.map(([name]) => name));
  return list(entries.map(([, inner]) => convert(inner)), [["names", names]]);
}

function simplifyArray(items: readonly unknown[], depth: number): RValue {
  if (items.length === 0) return list([]);
  const vector = vectorOf(items);
  if (vector !== undefined) return vector;
  if (items.every(isRow)) {
    const frame = maybeFrame(items, (cells) => simplifyColumn(cells, depth + 1));
    if (frame !== undefined) return frame;
  }
  return maybeMatrix(items) ?? list(items.map((item) => simplify(item, depth + 1)));
}

function maybeMatrix(items: readonly unknown[]): RValue | undefined {
  const found = maybeCells(items);
  const vector = found && vectorOf(found.cells);
  if (found === undefined || vector === undefined) return undefined;
  return { ...vector, attributes: [["dim", integer(Int32Array.from(found.dim))]] };
}

/** As an array, but that arrays in it stay the elements of a list. */
function simplifyColumn(cells: readonly unknown[], depth: number): RValue {
  if (cells.some(Array.isArray)) return list(cells.map((cell) => simplify(cell, depth + 1)));
  return simplifyArray(cells, depth);
}

/** A vector of these, `null` being missing, or `undefined` when they are not of one kind. */
function vectorOf(items: readonly unknown[]): Vector | undefined {
  if (items.every((item) => item === null || typeof item === "boolean")) {
    return logical(Int32Array.from(items, (item) => item === null ? NA_INTEGER : Number(item)));
  }
  if (items.every(isNumeric)) return numbersOf(items);
  return items.every(isText) ? character(items) : undefined;
}

function numbersOf(items: readonly unknown[]): Vector {
  if (items.every((item) => item === null || isInteger(item))) {
    return integer(Int32Array.from(items, (item) => item === null ? NA_INTEGER : Number(item)));
  }
  return numeric(Float64Array.from(items, (item) => {
    return item === null ? NA_REAL : NAMED_NUMBERS.get(item) ?? Number(item);
  }));
}

function isRow(item: unknown): item is JsonObject | null {
  return item === null || isObject(item);
}

function isText(item: unknown): item is string | null {
  return item === null || (typeof item === "string" && checkText(item));
}

function isNumeric(item: unknown): boolean {
  return item === null || typeof item === "number" || NAMED_NUMBERS.has(item);
}

function isInteger(item: unknown): boolean {
  return typeof item === "number" && (item | 0) === item && item !== NA_INTEGER &&
    !Object.is(item, -0);
}

function refuse(item: unknown): never {
  throw new RtoolError("bad_value", `Cannot read JSON: ${typeof item} is no value`);
}
