/**
 * Columns of Apache Arrow as R's vectors.
 *
 * One chunk of numbers without gaps is passed on as it lies in the bytes; all else is copied.
 */

import type { Data, DataType, Field, Table } from "apache-arrow";
import { RtoolError } from "../core/errors.ts";
import { type ArrowLibrary, R_TYPE, R_UNITS } from "./arrow_write.ts";
import { type Attribute, NA_INTEGER, type RValue } from "./types.ts";
import { character, integer, list, logical, NA_REAL, numeric, raw } from "./values.ts";

type Chunks = readonly Data<DataType>[];

const DAY_MS = 86_400_000;
/** Arrow's units of time, from seconds down to nanoseconds, in one second. */
const PER_SECOND = [1, 1e3, 1e6, 1e9];

/** A table as a data frame. */
export function readTable(arrow: ArrowLibrary, table: Table): RValue {
  const columns = table.schema.fields.map((field, index) => {
    const chunks = table.getChildAt(index)!.data;
    return toVector(arrow, field, chunks, table.numRows);
  });
  return list(columns, [
    ["names", character(table.schema.fields.map(({ name }) => name))],
    ["class", character(["data.frame"])],
    ["row.names", integer(Int32Array.of(NA_INTEGER, -table.numRows))],
  ]);
}

function toVector(arrow: ArrowLibrary, field: Field, chunks: Chunks, rows: number): RValue {
  const { DataType, DateUnit } = arrow;
  const { type, metadata } = field;
  if (DataType.isNull(type)) return logical(new Int32Array(rows).fill(NA_INTEGER));
  if (DataType.isBool(type)) return logical(readBits(chunks, rows));
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    return character(readTexts(arrow, chunks));
  }
  if (DataType.isDictionary(type)) return readFactor(chunks, type.isOrdered, rows);
  if (DataType.isInt(type) && type.bitWidth < 64) {
    if (type.bitWidth === 8 && metadata.get(R_TYPE) === "raw") {
      return raw(Uint8Array.from(readNumbers(chunks, rows, (value) => Number(value))));
    }
    return withUnits(readIntegers(chunks, rows), metadata);
  }
  if (DataType.isInt(type)) return numeric(readNumbers(chunks, rows, Number));
  if (DataType.isFloat(type) && type.precision > 0) {
    return withUnits(readDoubles(chunks, rows), metadata);
  }
  if (DataType.isFloat(type)) {
    return numeric(readNumbers(chunks, rows, (half) => halfToNumber(Number(half))));
  }
  if (DataType.isDecimal(type)) return numeric(readDecimals(arrow, chunks, type.scale));
  if (DataType.isDate(type)) {
    const perDay = type.unit === DateUnit.DAY ? 1 : DAY_MS;
    return numeric(readNumbers(chunks, rows, (value) => Number(value) / perDay), classed("Date"));
  }
  if (DataType.isTimestamp(type)) {
    const zone = ["tzone", character([type.timezone || "UTC"])] as const;
    return numeric(readUnits(chunks, rows, type.unit), [...classed("POSIXct", "POSIXt"), zone]);
  }
  if (DataType.isTime(type) || DataType.isDuration(type)) {
    const units = ["units", character(["secs"])] as const;
    return numeric(readUnits(chunks, rows, type.unit), [...classed("difftime"), units]);
  }
  throw new RtoolError("bad_value", `Cannot read Arrow: column '${field.name}' is ${type}`);
}

function classed(...names: string[]): readonly Attribute[] {
  return [["class", character(names)]];
}

function withUnits(value: RValue, metadata: ReadonlyMap<string, string>): RValue {
  if (metadata.get(R_TYPE) !== "difftime" || value.type === "NULL") return value;
  const units = ["units", character([metadata.get(R_UNITS) ?? "secs"])] as const;
  return { ...value, attributes: [...classed("difftime"), units] };
}

function readUnits(chunks: Chunks, rows: number, unit: number): Float64Array {
  const perSecond = PER_SECOND[unit]!;
  return readNumbers(chunks, rows, (value) => Number(value) / perSecond);
}

/** Integers that R has room for; doubles where one is R's mark of a missing one, or more. */
function readIntegers(chunks: Chunks, rows: number): RValue {
  const [first] = chunks;
  const whole = chunks.length === 1 && first!.nullCount === 0 ? valuesOf(first!) : undefined;
  if (whole instanceof Int32Array && !whole.includes(NA_INTEGER)) return integer(whole);
  const values = new Int32Array(rows);
  let at = 0;
  for (const chunk of chunks) {
    const numbers = valuesOf(chunk) as Int32Array;
    for (let index = 0; index < chunk.length; index++, at++) {
      const isThere = chunk.nullCount === 0 || chunk.getValid(index);
      values[at] = isThere ? numbers[index]! : NA_INTEGER;
      const isLost = isThere && (values[at] === NA_INTEGER || values[at] !== numbers[index]);
      if (isLost) return numeric(readNumbers(chunks, rows, Number));
    }
  }
  return integer(values);
}

function readDoubles(chunks: Chunks, rows: number): RValue {
  const [first] = chunks;
  const whole = chunks.length === 1 && first!.nullCount === 0 ? valuesOf(first!) : undefined;
  return numeric(whole instanceof Float64Array ? whole : readNumbers(chunks, rows, Number));
}

function readNumbers(
  chunks: Chunks,
  rows: number,
  convert: (value: number | bigint) => number,
): Float64Array {
  const numbers = new Float64Array(rows);
  let at = 0;
  for (const chunk of chunks) {
    const values = valuesOf(chunk);
    for (let index = 0; index < chunk.length; index++) {
      const isThere = chunk.nullCount === 0 || chunk.getValid(index);
      numbers[at++] = isThere ? convert(values[index]!) : NA_REAL;
    }
  }
  return numbers;
}

/** The numbers of a chunk, of which the bytes must hold as many as it says. */
function valuesOf(chunk: Data<DataType>): ArrayLike<number | bigint> {
  const values = chunk.values as Float64Array;
  if (values.length >= chunk.length) return values.subarray(0, chunk.length);
  throw new RtoolError("bad_value", "Cannot read Arrow: a column is shorter than its table");
}

function readBits(chunks: Chunks, rows: number): Int32Array {
  const values = new Int32Array(rows);
  let at = 0;
  for (const chunk of chunks) {
    const bits = chunk.values as Uint8Array;
    for (let index = 0; index < chunk.length; index++) {
      const isThere = chunk.nullCount === 0 || chunk.getValid(index);
      values[at++] = isThere ? (bits[index >> 3]! >> (index & 7)) & 1 : NA_INTEGER;
    }
  }
  return values;
}

function readTexts(arrow: ArrowLibrary, chunks: Chunks): (string | null)[] {
  return chunks.flatMap((chunk) => [...new arrow.Vector([chunk])] as (string | null)[]);
}

/** A factor, whose levels are those of all chunks: each may have a dictionary of its own. */
function readFactor(chunks: Chunks, isOrdered: boolean, rows: number): RValue {
  const codes = new Int32Array(rows).fill(NA_INTEGER);
  const known = new Map<string, number>();
  let at = 0;
  for (const chunk of chunks) {
    const labels = chunk.dictionary === undefined ? [] : [...chunk.dictionary];
    const own = labels.map((label) => label === null ? NA_INTEGER : codeOf(known, String(label)));
    const indices = valuesOf(chunk);
    for (let index = 0; index < chunk.length; index++, at++) {
      if (chunk.nullCount > 0 && !chunk.getValid(index)) continue;
      codes[at] = own[Number(indices[index])] ?? NA_INTEGER;
    }
  }
  const classes = isOrdered ? ["ordered", "factor"] : ["factor"];
  return integer(codes, [["levels", character([...known.keys()])], ...classed(...classes)]);
}

function codeOf(known: Map<string, number>, label: string): number {
  const code = known.get(label) ?? known.size + 1;
  known.set(label, code);
  return code;
}

function readDecimals(arrow: ArrowLibrary, chunks: Chunks, scale: number): Float64Array {
  const values = chunks.flatMap((chunk) => [...new arrow.Vector([chunk])]);
  return Float64Array.from(values, (words: Uint32Array | null) => {
    return words === null ? NA_REAL : Number(`${wordsToBigInt(words)}e${-scale}`);
  });
}

/** A number of several 32-bit words, the lowest first, in two's complement. */
function wordsToBigInt(words: Uint32Array): bigint {
  const bits = words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n);
  return BigInt.asIntN(words.length * 32, bits);
}

/** A 16-bit float: sign, five bits of exponent, ten of fraction. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
