/**
 * The elements of R's vectors as JSON, one at a time.
 *
 * Knows numbers, text, factors and times; not lists, dimensions or data frames.
 */

import { findLevels, plainText, timeKindOf } from "./columns.ts";
import { dateText, instantText } from "./time_text.ts";
import { NA_INTEGER, type RDouble, type RInteger, type RRaw, type RString } from "./types.ts";
import type { RCharacter, RComplex, RLogical } from "./types.ts";
import { isNaReal } from "./values.ts";

/** The vectors that have elements without a life of their own. */
export type Atomic = RLogical | RInteger | RDouble | RComplex | RCharacter | RRaw;

/** The JSON of an element by its place. */
export type ItemText = (index: number) => string;

/** What gives the JSON of each element of a vector. */
export function itemsOf(value: Atomic): ItemText {
  switch (value.type) {
    case "logical":
      return (index) => logicalText(value.values[index]!);
    case "integer":
      return integerItems(value);
    case "double":
      return numericItems(value);
    case "complex":
      return complexItems(value.values);
    case "character":
      return (index) => stringText(value.values[index]!);
    case "raw":
      return (index) => String(value.values[index]!);
    default:
      return value satisfies never;
  }
}

/** Bytes as one string, in Base64. */
export function rawText(value: RRaw): string {
  return `"${value.values.toBase64()}"`;
}

/** A string of JSON, or `null`. */
export function stringText(text: RString): string {
  return text === null ? "null" : JSON.stringify(plainText(text));
}

function logicalText(value: number): string {
  return value === NA_INTEGER ? "null" : value === 0 ? "false" : "true";
}

function integerItems(value: RInteger): ItemText {
  const { values } = value;
  const levels = findLevels(value);
  if (levels !== undefined) {
    const labels = levels.map(stringText);
    return (index) => labels[values[index]! - 1] ?? "null";
  }
  const timeText = timeItems(value);
  return (index) => {
    const number = values[index]!;
    return number === NA_INTEGER ? "null" : timeText?.(number) ?? String(number);
  };
}

function numericItems(value: RDouble): ItemText {
  const { values } = value;
  const timeText = timeItems(value);
  return (index) => {
    const number = values[index]!;
    if (timeText !== undefined) return timeText(number);
    return Number.isFinite(number) ? finiteText(number) : specialText(number);
  };
}

/** Dates and instants as text; one that no calendar has is missing, as R prints it. */
function timeItems(value: RDouble | RInteger): ((number: number) => string) | undefined {
  const kind = timeKindOf(value);
  if (kind === undefined) return undefined;
  const textOf = kind === "date" ? dateText : instantText;
  return (number) => {
    const text = textOf(number);
    return text === undefined ? "null" : `"${text}"`;
  };
}

/** The shortest digits that are this number and no other. */
function finiteText(number: number): string {
  return Object.is(number, -0) ? "-0" : String(number);
}

function specialText(number: number): string {
  if (number === Infinity) return '"Inf"';
  if (number === -Infinity) return '"-Inf"';
  return isNaReal(number) ? "null" : '"NaN"';
}

function complexItems(values: Float64Array): ItemText {
  return (index) => {
    const [real, imaginary] = [values[2 * index]!, values[2 * index + 1]!];
    if (isNaReal(real) || isNaReal(imaginary)) return "null";
    const sign = imaginary < 0 || Object.is(imaginary, -0) ? "" : "+";
    return `"${partText(real)}${sign}${partText(imaginary)}i"`;
  };
}

function partText(number: number): string {
  return Number.isFinite(number) ? finiteText(number) : specialText(number).slice(1, -1);
}
