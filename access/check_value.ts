/**
 * One argument against its schema: what fits is made anew as plain data, what does not is refused.
 *
 * An attribute can make R run a method (`class`), or more of one (`dim`, `.Environment`): only
 * those of plain vectors, factors, dates, times and data frames are made, and only in their one
 * form.
 */

import { NA_INTEGER, type RCharacter, type RString, type RValue } from "../rdata/types.ts";
import {
  attributeOf,
  character,
  integer,
  logical,
  NA_REAL,
  numeric,
  raw,
} from "../rdata/values.ts";
import { checkFrame, checkList } from "./check_nested.ts";
import { checkAnyData } from "./check_any.ts";
import { checkDate, checkDatetime, checkFactor } from "./check_classed.ts";
import type { ValueSchema } from "./registry.ts";
import { clipped, type Place, refusePart, refuseValue } from "./value_text.ts";

/** A name of an element, at most. */
const NAME_CHARS_MAX = 256;

/** The value, made anew; throws `bad_value` naming the argument, what was wanted and what came. */
export function checkValue(value: RValue, schema: ValueSchema, place: Place): RValue {
  const { type } = schema;
  switch (type) {
    case "logical":
      return checkLogical(value, schema, place);
    case "integer":
    case "double":
      return checkNumbers(value, schema, place);
    case "character":
      return checkTexts(value, schema, place);
    case "raw": {
      if (value.type !== "raw") return refuseValue(place, schema, value);
      checkLength(value.values.length, schema, place, value);
      checkAttributes(value, [], schema, place);
      return raw(value.values);
    }
    case "factor":
      return checkFactor(value, schema, place);
    case "date":
      return checkDate(value, schema, place);
    case "datetime":
      return checkDatetime(value, schema, place);
    case "list":
      return checkList(value, schema, place);
    case "data_frame":
      return checkFrame(value, schema, place);
    case "any_data":
      return checkAnyData(value, schema, place);
    default:
      return type satisfies never;
  }
}

/** Refuses what is too short or too long. */
export function checkLength(
  length: number,
  schema: ValueSchema,
  place: Place,
  value: RValue,
): void {
  const [min, max] = schema.length;
  if (length < min || length > max) refuseValue(place, schema, value);
}

/** Refuses attributes other than these. */
export function checkAttributes(
  value: RValue,
  allowed: readonly string[],
  schema: ValueSchema,
  place: Place,
): void {
  if (value.type === "NULL") return;
  const seen = new Set<string>();
  for (const [name] of value.attributes) {
    if (!allowed.includes(name) || seen.has(name)) {
      const shown = name === "class" ? "its class" : `the attribute '${clipped(name)}'`;
      refusePart(place, schema, `found ${shown}, which it must not have`);
    }
    seen.add(name);
  }
}

/** The names of elements, where there are any: each of them text. */
export function maybeNames(
  value: RValue,
  count: number,
  schema: ValueSchema,
  place: Place,
): readonly string[] | undefined {
  const names = attributeOf(value, "names");
  if (names === undefined) return undefined;
  const isWhole = names.type === "character" && names.values.length === count;
  const isPlain = isWhole && names.attributes.length === 0;
  if (!isPlain || !names.values.every(isName)) {
    refusePart(place, schema, "found names that are no text, or not as many as elements");
  }
  return names.values.filter((name) => typeof name === "string");
}

/** Whether R can hold the text: whole characters, no NUL. */
export function isText(text: RString): text is string {
  return typeof text === "string" && text.isWellFormed() && !text.includes("\0");
}

/** Numbers of any of the types that hold some; integers where they are told to be. */
export function numbersOf(value: RValue): Int32Array | Float64Array | undefined {
  if (value.type === "integer" || value.type === "double") return value.values;
  if (value.type === "logical" && isAllMissing(value.values)) return value.values;
  return isEmptyList(value) ? new Float64Array(0) : undefined;
}

/** An empty array of JSON has no type. */
export function isEmptyList(value: RValue): boolean {
  return value.type === "list" && value.form === "list" && value.values.length === 0 &&
    value.attributes.length === 0;
}

function checkLogical(value: RValue, schema: ValueSchema, place: Place): RValue {
  const given = isEmptyList(value) ? logical([]) : value;
  if (given.type !== "logical") return refuseValue(place, schema, value);
  checkLength(given.values.length, schema, place, value);
  const names = plainNames(given, schema, place);
  const values = given.values.map((each, index) => {
    if (each === NA_INTEGER) checkMissing(schema, place, index);
    return each === NA_INTEGER ? each : Number(each !== 0);
  });
  return logical(values, names);
}

function checkNumbers(value: RValue, schema: ValueSchema, place: Place): RValue {
  const given = numbersOf(value);
  if (given === undefined) return refuseValue(place, schema, value);
  checkLength(given.length, schema, place, value);
  const names = plainNames(value, schema, place);
  const isWhole = given instanceof Int32Array;
  const asIntegers = schema.type === "integer";
  const made = asIntegers ? new Int32Array(given.length) : new Float64Array(given.length);
  for (const [index, each] of given.entries()) {
    const isMissing = isWhole ? each === NA_INTEGER : Number.isNaN(each);
    if (isMissing) {
      checkMissing(schema, place, index);
      // NaN stays one among doubles, and is NA among integers.
      made[index] = asIntegers ? NA_INTEGER : isWhole ? NA_REAL : each;
    } else {
      checkNumber(each, schema, place, index);
      made[index] = each;
    }
  }
  return made instanceof Int32Array ? integer(made, names) : numeric(made, names);
}

function checkNumber(number: number, schema: ValueSchema, place: Place, index: number): void {
  const { type, min = -Infinity, max = Infinity, choices } = schema;
  const isWhole = (number | 0) === number && number !== NA_INTEGER;
  const isChosen = choices === undefined || choices.includes(number);
  if (number >= min && number <= max && isChosen && (type !== "integer" || isWhole)) return;
  refusePart(place, schema, `element ${index + 1} is ${number}`);
}

function checkTexts(value: RValue, schema: ValueSchema, place: Place): RCharacter {
  const isMissing = value.type === "logical" && isAllMissing(value.values);
  const given = isMissing || isEmptyList(value) ? character(missingTexts(value)) : value;
  if (given.type !== "character") return refuseValue(place, schema, value);
  checkLength(given.values.length, schema, place, value);
  const names = plainNames(value, schema, place);
  for (const [index, text] of given.values.entries()) {
    if (text === null) checkMissing(schema, place, index);
    else checkText(text, schema, place, index);
  }
  return character([...given.values], names);
}

/** Refuses text that is too long, is not one of the choices, or not of the form. */
export function checkText(text: RString, schema: ValueSchema, place: Place, index: number): void {
  const { choices, pattern, charsMax } = schema;
  const which = `element ${index + 1}`;
  if (!isText(text)) return refusePart(place, schema, `${which} is no text that R can hold`);
  // First of all: what follows takes the longer, the longer the text is.
  if (text.length > charsMax) {
    refusePart(place, schema, `${which} has ${text.length} characters, and may have ${charsMax}`);
  }
  if (choices && !choices.includes(text)) {
    refusePart(place, schema, `${which} is "${clipped(text)}"`);
  }
  if (pattern && !pattern.matches(text)) refusePart(place, schema, `${which} is not like that`);
}

/** Refuses a missing element where none may be. */
export function checkMissing({ na, ...schema }: ValueSchema, place: Place, index: number): void {
  if (!na) refusePart(place, { na, ...schema }, `element ${index + 1} is missing (NA)`);
}

/** The attributes of a plain vector: names, if any may be and are. */
function plainNames(
  value: RValue,
  schema: ValueSchema,
  place: Place,
): readonly (readonly [string, RValue])[] {
  checkAttributes(value, schema.names ? ["names"] : [], schema, place);
  const count = value.type === "NULL" || value.type === "opaque" ? 0 : value.values.length;
  const names = maybeNames(value, count, schema, place);
  return names === undefined ? [] : [["names", character(names)]];
}

function missingTexts(value: RValue): null[] {
  return value.type === "logical" ? Array.from(value.values, () => null) : [];
}

/** What R and JSON take a vector of nothing but missing values for. */
function isAllMissing(values: Int32Array): boolean {
  return values.length > 0 && values.every((each) => each === NA_INTEGER);
}

function isName(name: RString): boolean {
  return isText(name) && name.length <= NAME_CHARS_MAX;
}
