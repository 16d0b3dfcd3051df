/**
 * R's vectors as columns of Apache Arrow. Numbers without gaps are passed on, not copied.
 */

import type { Data, DataType, RecordBatch, Utf8 } from "apache-arrow";
import { RtoolError } from "../core/errors.ts";
import { toInstants } from "./broken_time.ts";
import {
  dimOf,
  findFrame,
  findLevels,
  hasClass,
  lengthOf,
  listKeys,
  makeUnique,
} from "./columns.ts";
import { plainText, timeKindOf, zoneOf } from "./columns.ts";
import { NA_INTEGER, type RDouble, type RInteger, type RString, type RValue } from "./types.ts";
import { attributeOf, isNaReal } from "./values.ts";

/** The library, which whoever calls has loaded. */
export type ArrowLibrary = typeof import("apache-arrow");

/** What Arrow has no type for stands here, for R to find it again. */
export const R_TYPE = "r_type";
/** The units of a difftime. */
export const R_UNITS = "r_units";

/** What Arrow's 32-bit offsets can reach. */
const TEXT_BYTES_MAX = 0x7fff_ffff;

/** A column's name for a vector by itself. */
const VECTOR_NAME = "value";

interface Column {
  readonly data: Data<DataType>;
  readonly metadata?: Map<string, string>;
}

type IsMissing = ((index: number) => boolean) | undefined;

/** All of a value as one batch of records. */
export function toRecordBatch(arrow: ArrowLibrary, given: RValue): RecordBatch {
  const { names: labels, values, rows } = columnsOf(toInstants(given));
  // The library cannot read a table with two columns of one name, nor an empty name.
  const names = makeUnique(labels.map((name, index) => name || String(index + 1)));
  const columns = values.map((value, index) => {
    const column = toColumn(arrow, toInstants(value), names[index]!);
    if (column.data.length === rows) return column;
    return refuse(`column '${names[index]}' has ${column.data.length} rows of ${rows}`);
  });
  const fields = columns.map(({ data, metadata }, index) => {
    return new arrow.Field(names[index]!, data.type, true, metadata);
  });
  const children = columns.map(({ data }) => data);
  const type = new arrow.Struct(fields);
  const data = arrow.makeData({ type, length: rows, nullCount: 0, children });
  return new arrow.RecordBatch(new arrow.Schema(fields), data);
}

interface Columns {
  readonly names: readonly string[];
  readonly values: readonly RValue[];
  readonly rows: number;
}

function columnsOf(value: RValue): Columns {
  const frame = findFrame(value);
  if (frame !== undefined) return { ...frame, values: frame.columns };
  if (value.type === "list") {
    const names = listKeys(value) ?? refuse("a list without names has no columns");
    return { names, values: value.values, rows: lengthOf(value.values[0] ?? value) };
  }
  return { names: [VECTOR_NAME], values: [value], rows: lengthOf(value) };
}

function toColumn(arrow: ArrowLibrary, value: RValue, name: string): Column {
  if ((dimOf(value)?.length ?? 1) > 1) return refuse(`column '${name}' is a matrix`);
  switch (value.type) {
    case "logical":
      return logicalColumn(arrow, value.values);
    case "integer":
    case "double":
      return numberColumn(arrow, value, name);
    case "character":
      return { data: textData(arrow, value.values) };
    case "raw": {
      const type = new arrow.Uint8();
      const data = arrow.makeData({ type, data: value.values, nullCount: 0 });
      return { data, metadata: new Map([[R_TYPE, "raw"]]) };
    }
    default:
      return refuse(`column '${name}' is ${value.type}`);
  }
}

function logicalColumn(arrow: ArrowLibrary, values: Int32Array): Column {
  const length = values.length;
  const data = packBits(length, (index) => values[index] !== 0);
  const missing = values.includes(NA_INTEGER)
    ? (at: number) => values[at] === NA_INTEGER
    : undefined;
  return {
    data: arrow.makeData({ type: new arrow.Bool(), data, length, ...gaps(length, missing) }),
  };
}

function numberColumn(arrow: ArrowLibrary, value: RInteger | RDouble, name: string): Column {
  const { values } = value;
  const length = values.length;
  const missing = findMissing(value);
  const levels = findLevels(value);
  const kind = timeKindOf(value);
  if (levels !== undefined) return factorColumn(arrow, value, levels);
  if (kind === "date") {
    const data = Int32Array.from(values, (days) => checkRange(Math.floor(days), 2 ** 31, name));
    const type = new arrow.DateDay();
    return { data: arrow.makeData({ type, data, ...gaps(length, missing) }) };
  }
  if (kind === "instant") {
    const type = new arrow.Timestamp(arrow.TimeUnit.MICROSECOND, zoneOf(value) || "UTC");
    const data = BigInt64Array.from(values as ArrayLike<number>, (seconds) => {
      return BigInt(checkRange(Math.round(seconds * 1e6), 2 ** 63, name));
    });
    return { data: arrow.makeData({ type, data, ...gaps(length, missing) }) };
  }
  const data = value.type === "integer"
    ? arrow.makeData({ type: new arrow.Int32(), data: value.values, ...gaps(length, missing) })
    : arrow.makeData({ type: new arrow.Float64(), data: value.values, ...gaps(length, missing) });
  if (!hasClass(value, "difftime")) return { data };
  const units = attributeOf(value, "units");
  const unit = units?.type === "character" ? plainText(units.values[0] ?? "secs") : "secs";
  return { data, metadata: new Map([[R_TYPE, "difftime"], [R_UNITS, unit]]) };
}

/** Which elements are missing; `undefined` when none is, so that no bits need be kept. */
function findMissing(value: RInteger | RDouble): IsMissing {
  if (value.type === "integer") {
    const { values } = value;
    return values.includes(NA_INTEGER) ? (index) => values[index] === NA_INTEGER : undefined;
  }
  const { values } = value;
  // Of times, infinite ones too: neither R nor Arrow has a day for them.
  const isTime = timeKindOf(value) !== undefined;
  const isMissing = isTime
    ? (number: number) => !Number.isFinite(number)
    : (number: number) => Number.isNaN(number) && isNaReal(number);
  // A plain loop: a call for each of ten million numbers takes longer than writing them.
  for (let index = 0; index < values.length; index++) {
    const number = values[index]!;
    if (number - number !== 0 && isMissing(number)) return (at) => isMissing(values[at]!);
  }
  return undefined;
}

function factorColumn(
  arrow: ArrowLibrary,
  value: RInteger | RDouble,
  levels: readonly RString[],
): Column {
  const { values } = value;
  const type = new arrow.Dictionary(
    new arrow.Utf8(),
    new arrow.Int32(),
    null,
    hasClass(value, "ordered"),
  );
  const isMissing = (index: number) => !(values[index]! >= 1 && values[index]! <= levels.length);
  const data = Int32Array.from(values, (code, index) => isMissing(index) ? 0 : code - 1);
  const dictionary = new arrow.Vector([textData(arrow, levels)]);
  return { data: arrow.makeData({ type, data, dictionary, ...gaps(values.length, isMissing) }) };
}

function textData(arrow: ArrowLibrary, texts: readonly RString[]): Data<Utf8> {
  const encoder = new TextEncoder();
  const offsets = new Int32Array(texts.length + 1);
  let bytes = new Uint8Array(Math.max(64, texts.length * 16));
  let at = 0;
  for (const [index, text] of texts.entries()) {
    const plain = text === null ? "" : plainText(text);
    // A UTF-16 unit needs three bytes at most.
    if (bytes.length - at < plain.length * 3) {
      const larger = new Uint8Array(bytes.length * 2 + plain.length * 3);
      larger.set(bytes);
      bytes = larger;
    }
    at += encoder.encodeInto(plain, bytes.subarray(at)).written;
    if (at > TEXT_BYTES_MAX) refuse("a column has over two gigabytes of text");
    offsets[index + 1] = at;
  }
  const isMissing = texts.includes(null) ? (index: number) => texts[index] === null : undefined;
  return arrow.makeData({
    type: new arrow.Utf8(),
    data: bytes.subarray(0, at),
    valueOffsets: offsets,
    length: texts.length,
    ...gaps(texts.length, isMissing),
  });
}

/** Arrow's own note of what is missing: a bit for each element that is there. */
function gaps(
  length: number,
  isMissing: IsMissing,
): { nullCount: number; nullBitmap?: Uint8Array } {
  if (isMissing === undefined) return { nullCount: 0 };
  let nullCount = 0;
  const nullBitmap = packBits(length, (index) => {
    const missing = isMissing(index);
    if (missing) nullCount++;
    return !missing;
  });
  return { nullCount, nullBitmap };
}

function packBits(length: number, isSet: (index: number) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(length / 8));
  for (let index = 0; index < length; index++) {
    if (isSet(index)) bits[index >> 3]! |= 1 << (index & 7);
  }
  return bits;
}

/** A whole number within what the type holds; zero for one that is missing anyway. */
function checkRange(number: number, end: number, name: string): number {
  if (!Number.isFinite(number) || number === NA_INTEGER) return 0;
  if (number >= -end && number < end) return number;
  return refuse(`a time in column '${name}' is too far off`);
}

function refuse(why: string): never {
  throw new RtoolError("bad_value", `Cannot write Arrow: ${why}`);
}
