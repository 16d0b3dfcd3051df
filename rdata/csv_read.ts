/**
 * CSV as a data frame: what `read.csv()` makes of the same text.
 *
 * Stricter where R guesses: rows longer or shorter than the first are an error. Numbers are the
 * nearest double, where R's own reading may be off by the last digit.
 */

import { parse } from "@std/csv";
import { RtoolError } from "../core/errors.ts";
import { makeNames } from "./name_text.ts";
import { NA_INTEGER, type RValue } from "./types.ts";
import { character, integer, list, logical, NA_REAL, numeric } from "./values.ts";

const INTEGER = /^\s*[+-]?\d+\s*$/;
/** What JavaScript takes for a number and R does not, or with a sign only R. */
const UNUSUAL = /^\s*[+-]?0?[a-zA-Z]/;
const HEXADECIMAL = /^\s*([+-]?)(0[xX][0-9a-fA-F]+)\s*$/;
const NAMED_NUMBER = /^\s*([+-]?)(?:(nan)|inf(?:inity)?)\s*$/i;

const LOGICAL: ReadonlyMap<string, number> = new Map([
  ...["TRUE", "T"].map((text) => [text, 1] as const),
  ...["FALSE", "F"].map((text) => [text, 0] as const),
]);

/** A data frame of the text's records, the first of which names the columns. */
export function fromCsv(text: string): RValue {
  const records = readRecords(text);
  const header = records.shift();
  if (header === undefined) throw new RtoolError("bad_value", "Cannot read CSV: there is no line");
  const cells = (index: number) => records.map((record) => record[index]!);
  const columns = header.map((_, index) => toColumn(cells(index)));
  return list(columns, [
    ["names", character(makeNames(header.map((name) => name.trim())))],
    ["class", character(["data.frame"])],
    ["row.names", integer(Int32Array.of(NA_INTEGER, -records.length))],
  ]);
}

function readRecords(text: string): string[][] {
  if (text.includes("\0")) {
    throw new RtoolError("bad_value", "Cannot read CSV: R's text cannot hold the character U+0000");
  }
  try {
    return parse(text, { fieldsPerRecord: 0 });
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const [, fault = cause.message] = /^Syntax error (?:on|in) (.*)$/s.exec(cause.message) ?? [];
    throw new RtoolError("bad_value", `Cannot read CSV: ${fault}`, { cause });
  }
}

/** The first of R's types that all cells can have; an empty cell is missing but in text. */
function toColumn(cells: readonly string[]): RValue {
  const whole = new Int32Array(cells.length);
  if (fill(whole, cells, (cell) => LOGICAL.get(cell), NA_INTEGER)) return logical(whole);
  if (fill(whole, cells, findInteger, NA_INTEGER)) return integer(whole);
  const numbers = new Float64Array(cells.length);
  if (fill(numbers, cells, findNumber, NA_REAL)) return numeric(numbers);
  return character(cells.map((cell) => cell === "NA" ? null : cell));
}

/** Whether `find` knows every cell that is not missing; then `values` holds what it says. */
function fill(
  values: Int32Array | Float64Array,
  cells: readonly string[],
  find: (cell: string) => number | undefined,
  missing: number,
): boolean {
  for (let index = 0; index < cells.length; index++) {
    const cell = cells[index]!;
    const value = cell === "NA"
      ? missing
      : find(cell) ?? (cell.trim() === "" ? missing : undefined);
    if (value === undefined) return false;
    values[index] = value;
  }
  return true;
}

function findInteger(cell: string): number | undefined {
  if (!INTEGER.test(cell)) return undefined;
  const number = Number(cell);
  return Math.abs(number) <= 0x7fff_ffff ? number : undefined;
}

function findNumber(cell: string): number | undefined {
  const number = Number(cell);
  if (!isNaN(number) && !UNUSUAL.test(cell)) return cell.trim() === "" ? undefined : number;
  const [, sign, digits] = HEXADECIMAL.exec(cell) ?? [];
  if (digits !== undefined) return sign === "-" ? -Number(digits) : Number(digits);
  const named = NAMED_NUMBER.exec(cell);
  if (named === null) return undefined;
  if (named[2] !== undefined) return NaN;
  return named[1] === "-" ? -Infinity : Infinity;
}
