/**
 * R's values as CSV: byte for byte what `write.csv(x, row.names = FALSE)` writes; and as text for
 * shells, which is the same but for quotes.
 *
 * Knows text only; {@linkcode toTable} says what the columns are.
 */

import { dimOf, findFrame, findLevels, lengthOf, plainText } from "./columns.ts";
import { timeKindOf, zoneOf } from "./columns.ts";
import { type Column, type Table, toTable } from "./csv_table.ts";
import type { Atomic } from "./json_items.ts";
import { complexText, numberText } from "./number_text.ts";
import { createOffsets, dateText, localText, shortYear } from "./time_text.ts";
import { NA_INTEGER, type RDouble, type RInteger, type RString, type RValue } from "./types.ts";
import { attributeOf, isNaReal } from "./values.ts";

type CellText = (index: number) => string;

/** Rows are joined until there are this many characters. */
const PIECE_CHARS = 1 << 16;

/** How a line is written. */
interface Style {
  readonly separator: string;
  readonly quote: (text: string) => string;
}

const CSV: Style = { separator: ",", quote };
const PLAIN: Style = { separator: "\t", quote: plain };

/** A value as CSV, in pieces, with a line of names first. */
export function toCsv(value: RValue): Generator<string> {
  const table = toTable(value);
  return lines({ ...table, header: table.header?.length === 0 ? [""] : table.header }, CSV);
}

/**
 * A value as text for shells, in pieces: a line for each element, or for each row with tabs between
 * and the names first. Nothing is quoted: a tab or a line end in a string is `\t` or `\n`.
 */
export function toText(value: RValue): Generator<string> {
  const table = toTable(value);
  const isTable = findFrame(value) !== undefined || dimOf(value) !== undefined;
  return lines(isTable ? table : { ...table, header: undefined }, PLAIN);
}

function* lines({ header, columns, rows }: Table, style: Style): Generator<string> {
  const { separator } = style;
  let text = header === undefined ? "" : `${header.map(style.quote).join(separator)}\n`;
  const cells = columns.map((column) => cellsOf(column, style));
  for (let row = 0; row < rows; row++) {
    for (let index = 0; index < cells.length; index++) {
      text += index === 0 ? cells[0]!(row) : separator + cells[index]!(row);
    }
    text += "\n";
    if (text.length < PIECE_CHARS) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}

/** The text of a column's cells: `offset` elements into its vector, and round again at its end. */
function cellsOf({ vector, offset, length, isBare }: Column, style: Style): CellText {
  const text = isBare ? bareText(vector, style) : textOf(vector, style);
  if (length === 0) return text;
  return (row) => text(offset + (row < length ? row : row % length));
}

function textOf(vector: Atomic, style: Style): CellText {
  if (vector.type === "integer") {
    const levels = findLevels(vector);
    if (levels !== undefined) {
      // A level that is missing is text by then.
      const labels = levels.map((level) => stringText(level ?? "NA", style));
      return (index) => labels[vector.values[index]! - 1] ?? "NA";
    }
  }
  if (vector.type === "integer" || vector.type === "double") {
    const kind = timeKindOf(vector);
    if (kind === "date") return (index) => shortYear(dateText(numberAt(vector, index))) ?? "NA";
    if (kind === "instant") return instantCells(vector);
  }
  return bareText(vector, style);
}

/** As the vector's type has it, whatever its class. */
function bareText(vector: Atomic, style: Style): CellText {
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
      return (index) => stringText(vector.values[index]!, style);
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

function stringText(text: RString, style: Style): string {
  return text === null ? "NA" : style.quote(plainText(text));
}

function plain(text: string): string {
  return text.replace(/[\t\n\r]/g, (each) => ESCAPES[each]!);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
};

function quote(text: string): string {
  return `"${text.includes('"') ? text.replaceAll('"', '""') : text}"`;
}
