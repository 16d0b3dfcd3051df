/**
 * R's values as CSV: byte for byte what `write.csv(x, row.names = FALSE)` writes.
 *
 * Knows text only; {@linkcode toTable} says what the columns are.
 */

import { findLevels, lengthOf, plainText, timeKindOf, zoneOf } from "./columns.ts";
import { type Column, toTable } from "./csv_table.ts";
import type { Atomic } from "./json_items.ts";
import { complexText, numberText } from "./number_text.ts";
import { createOffsets, dateText, localText, shortYear } from "./time_text.ts";
import { NA_INTEGER, type RDouble, type RInteger, type RString } from "./types.ts";
import { attributeOf, isNaReal } from "./values.ts";

type CellText = (index: number) => string;

/** Rows are joined until there are this many characters. */
const PIECE_CHARS = 1 << 16;

/** A value as CSV, in pieces, with a line of names first. */
export function* toCsv(value: Parameters<typeof toTable>[0]): Generator<string> {
  const { header, columns, rows } = toTable(value);
  let text = header === undefined ? "" : `${header.map(quote).join(",") || '""'}\n`;
  const cells = columns.map(cellsOf);
  for (let row = 0; row < rows; row++) {
    for (let index = 0; index < cells.length; index++) {
      text += index === 0 ? cells[0]!(row) : `,${cells[index]!(row)}`;
    }
    text += "\n";
    if (text.length < PIECE_CHARS) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}

/** The text of a column's cells: `offset` elements into its vector, and round again at its end. */
function cellsOf({ vector, offset, length, isBare }: Column): CellText {
  const text = isBare ? bareText(vector) : textOf(vector);
  if (length === 0) return text;
  return (row) => text(offset + (row < length ? row : row % length));
}

function textOf(vector: Atomic): CellText {
  if (vector.type === "integer") {
    const levels = findLevels(vector);
    if (levels !== undefined) {
      // A level that is missing is text by then.
      const labels = levels.map((level) => stringText(level ?? "NA"));
      return (index) => labels[vector.values[index]! - 1] ?? "NA";
    }
  }
  if (vector.type === "integer" || vector.type === "double") {
    const kind = timeKindOf(vector);
    if (kind === "date") return (index) => shortYear(dateText(numberAt(vector, index))) ?? "NA";
    if (kind === "instant") return instantCells(vector);
  }
  return bareText(vector);
}

/** As the vector's type has it, whatever its class. */
function bareText(vector: Atomic): CellText {
  switch (vector.type) {
    case "logical":
      return (index) => {
        const value = vector.values[index]!;
        return value === NA_INTEGER ? "NA" : value === 0 ? "FALSE" : "TRUE";
      };
    case "integer":
      return (index) => {
        const value = vector.values[index]!;
        return value === NA_INTEGER ? "NA" : String(value);
      };
    case "double":
      return numericCells(vector);
    case "complex":
      return (index) => {
        const [real, imaginary] = [vector.values[2 * index]!, vector.values[2 * index + 1]!];
        return isNaN(real) || isNaN(imaginary) ? "NA" : complexText(real, imaginary);
      };
    case "character":
      return (index) => stringText(vector.values[index]!);
    case "raw":
      return (index) => vector.values[index]!.toString(16).padStart(2, "0");
    default:
      return vector satisfies never;
  }
}

/** A number that is none is `NA`, but in an object `NaN`: R has made text of that before. */
function numericCells(vector: RDouble): CellText {
  const isObject = attributeOf(vector, "class") !== undefined;
  return (index) => {
    const value = vector.values[index]!;
    if (!isNaN(value)) return numberText(value);
    return isObject && !isNaReal(value) ? "NaN" : "NA";
  };
}

/** The clock of the vector's own time zone; the date alone where every clock stands at midnight. */
function instantCells(vector: RDouble | RInteger): CellText {
  const offsetAt = createOffsets(zoneOf(vector));
  const clockAt = (index: number) => {
    const seconds = numberAt(vector, index);
    return shortYear(localText(seconds, offsetAt(seconds)));
  };
  const isMidnight = (_: unknown, index: number) => {
    const seconds = numberAt(vector, index);
    return !Number.isFinite(seconds) || (seconds + offsetAt(seconds)) % 86_400 === 0;
  };
  const isDates = Array.from({ length: lengthOf(vector) }, (_, index) => index).every(isMidnight);
  return (index) => (isDates ? clockAt(index)?.slice(0, -9) : clockAt(index)) ?? "NA";
}

function numberAt({ values }: RDouble | RInteger, index: number): number {
  const value = values[index]!;
  return value === NA_INTEGER && values instanceof Int32Array ? NaN : value;
}

function stringText(text: RString): string {
  return text === null ? "NA" : quote(plainText(text));
}

function quote(text: string): string {
  return `"${text.includes('"') ? text.replaceAll('"', '""') : text}"`;
}
