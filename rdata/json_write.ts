/**
 * R's values as JSON and as newline-delimited JSON; docs/values.md has the rules.
 *
 * Text in pieces, so that no value needs one string that holds all of it.
 */

import { RtoolError } from "../core/errors.ts";
import { toInstants } from "./broken_time.ts";
import {
  checkEmptyRows,
  dimOf,
  findFrame,
  type Frame,
  hasClass,
  lengthOf,
  listKeys,
  makeUnique,
} from "./columns.ts";
import { itemsOf, type ItemText, rawText, stringText } from "./json_items.ts";
import type { RList, ROpaque, RValue } from "./types.ts";

/** How values become JSON. */
export interface JsonOptions {
  /** A vector of one element without its brackets, unless `I()` keeps them. @default {false} */
  readonly unbox?: boolean;
  /** Data frames as an array of rows or as an object of columns. @default {"rows"} */
  readonly frames?: "rows" | "columns";
}

/** Lists within lists: as deep as R's own parser and printer go, and far from our stack's end. */
export const DEPTH_MAX = 500;

/** Small pieces are joined until there are this many characters. */
const PIECE_CHARS = 1 << 16;

/** The value as JSON, in pieces. */
export function toJson(value: RValue, options: JsonOptions = {}): Iterable<string> {
  return gather(pieces(value, options, 0));
}

/** A line for each row of a data frame or matrix, or each element of anything else. */
export function toNdjson(value: RValue, options: JsonOptions = {}): Iterable<string> {
  return gather(lines(toInstants(value), options));
}

function* gather(parts: Iterable<string>): Generator<string> {
  let text = "";
  for (const part of parts) {
    text += part;
    if (text.length < PIECE_CHARS) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}

function* lines(value: RValue, options: JsonOptions): Generator<string> {
  const { rows, text } = elementsOf(value, options, 0);
  for (let index = 0; index < rows; index++) yield `${text(index)}\n`;
}

function* pieces(given: RValue, options: JsonOptions, depth: number): Generator<string> {
  const value = toInstants(given);
  const frame = findFrame(value);
  const dim = dimOf(value);
  if (value.type === "NULL") yield "null";
  else if (value.type === "opaque") yield opaqueText(value);
  else if (frame !== undefined && options.frames === "columns") {
    yield* columnPieces(frame, options, depth);
  } else if (frame === undefined && dim === undefined && value.type === "list") {
    yield* listPieces(value, options, depth);
  } else if (dim === undefined && value.type === "raw") yield rawText(value);
  else if (dim === undefined && isUnboxed(value, options)) {
    yield elementsOf(value, options, depth).text(0);
  } else yield* arrayPieces(elementsOf(value, options, depth));
}

function deeper(depth: number): number {
  if (depth < DEPTH_MAX) return depth + 1;
  throw new RtoolError("bad_value", `Cannot write values nested more than ${DEPTH_MAX} deep`);
}

function isUnboxed(value: RValue, options: JsonOptions): boolean {
  return options.unbox === true && value.type !== "list" && lengthOf(value) === 1 &&
    !hasClass(value, "AsIs");
}

function* listPieces(value: RList, options: JsonOptions, depth: number): Generator<string> {
  const keys = listKeys(value);
  let before = keys === undefined ? "[" : "{";
  if (value.values.length === 0) yield before;
  for (const [index, item] of value.values.entries()) {
    yield keys === undefined ? before : `${before}${JSON.stringify(keys[index])}:`;
    yield* pieces(item, options, deeper(depth));
    before = ",";
  }
  yield keys === undefined ? "]" : "}";
}

function* columnPieces(frame: Frame, options: JsonOptions, depth: number): Generator<string> {
  const keys = makeUnique(frame.names);
  let before = "{";
  for (const [index, column] of frame.columns.entries()) {
    yield `${before}${JSON.stringify(keys[index])}:`;
    const nested = findFrame(toInstants(column));
    if (nested !== undefined) yield* columnPieces(nested, options, deeper(depth));
    else yield* arrayPieces(elementsOf(toInstants(column), options, deeper(depth)));
    before = ",";
  }
  if (frame.rowNames !== undefined) {
    yield `${before}"_row":${JSON.stringify(frame.rowNames)}`;
    before = ",";
  }
  yield before === "{" ? "{}" : "}";
}

function* arrayPieces({ rows, text }: Elements): Generator<string> {
  yield "[";
  for (let index = 0; index < rows; index++) yield index === 0 ? text(0) : `,${text(index)}`;
  yield "]";
}

/** A value cut along its first dimension. */
interface Elements {
  readonly rows: number;
  readonly text: ItemText;
}

function elementsOf(value: RValue, options: JsonOptions, depth: number): Elements {
  const frame = findFrame(value);
  if (frame !== undefined) {
    if (frame.columns.length === 0) checkEmptyRows([frame.rows]);
    return { rows: frame.rows, text: rowItems(frame, options, depth) };
  }
  if (value.type === "NULL") return { rows: 0, text: () => "null" };
  if (value.type === "opaque") return { rows: 1, text: () => opaqueText(value) };
  const text = value.type === "list" ? listItems(value, options, depth) : itemsOf(value);
  const dim = dimOf(value);
  if (dim === undefined) return { rows: lengthOf(value), text };
  checkEmptyRows(dim);
  if (dim.length > DEPTH_MAX) deeper(DEPTH_MAX);
  return { rows: dim[0] ?? 0, text: nestedItems(dim, text) };
}

function listItems(value: RList, options: JsonOptions, depth: number): ItemText {
  return (index) => [...pieces(value.values[index]!, options, deeper(depth))].join("");
}

/** A row of a data frame as an object, its name last. */
function rowItems(frame: Frame, options: JsonOptions, depth: number): ItemText {
  const { rowNames } = frame;
  const keys = makeUnique(frame.names).map((name) => `${JSON.stringify(name)}:`);
  const columns = frame.columns.map((column, index) => {
    const { rows, text } = elementsOf(toInstants(column), options, deeper(depth));
    if (rows >= frame.rows) return text;
    throw new RtoolError("bad_value", `Column ${index + 1} has ${rows} rows of ${frame.rows}`);
  });
  return (row) => {
    let text = "{";
    for (let index = 0; index < columns.length; index++) {
      text += `${index > 0 ? "," : ""}${keys[index]!}${columns[index]!(row)}`;
    }
    if (rowNames === undefined) return `${text}}`;
    return `${text}${columns.length > 0 ? "," : ""}"_row":${stringText(rowNames[row] ?? null)}}`;
  };
}

/** A row of a matrix as an array, of an array as arrays of arrays; R's first index runs fastest. */
function nestedItems(dim: readonly number[], text: ItemText): ItemText {
  const nest = (level: number, offset: number, stride: number): string => {
    if (level === dim.length) return text(offset);
    const items = Array.from({ length: dim[level]! }, (_, index) => {
      return nest(level + 1, offset + index * stride, stride * dim[level]!);
    });
    return `[${items.join(",")}]`;
  };
  return (row) => nest(1, row, dim[0]!);
}

/** What has no data: said, not kept. */
function opaqueText({ kind, description }: ROpaque): string {
  return JSON.stringify({ _r: kind, text: description });
}
