/**
 * Factors, dates and times against a schema: the only values that come out with a class, beside
 * data frames. Part of check_value.ts.
 */

import { type Attribute, NA_INTEGER, type RValue } from "../rdata/types.ts";
import { attributeOf, character, integer, numeric } from "../rdata/values.ts";
import {
  checkAttributes,
  checkLength,
  checkMissing,
  checkText,
  isEmptyList,
  maybeNames,
  numbersOf,
} from "./check_value.ts";
import type { ValueSchema } from "./registry.ts";
import { type Place, refusePart, refuseValue } from "./value_text.ts";

/** R looks zones up as files: no name may lead out of its folder. */
const ZONE = /^(?:[A-Za-z][A-Za-z0-9_+\/-]{0,63})?$/;

const DATE = ["Date"];
const TIME = ["POSIXct", "POSIXt"];
const FACTORS = [["factor"], ["ordered", "factor"]];

/** Whether its classes are just these. */
export function hasClasses(value: RValue, classes: readonly string[]): boolean {
  const given = attributeOf(value, "class");
  return given?.type === "character" && given.attributes.length === 0 &&
    given.values.length === classes.length &&
    given.values.every((each, index) => each === classes[index]);
}

/** A factor: codes that all have a level, levels that are texts and each there once. */
export function checkFactor(value: RValue, schema: ValueSchema, place: Place): RValue {
  const classes = FACTORS.find((each) => hasClasses(value, each));
  if (!classes || value.type !== "integer") return refuseValue(place, schema, value);
  checkLength(value.values.length, schema, place, value);
  const levels = checkLevels(value, schema, place);
  for (const [index, code] of value.values.entries()) {
    if (code === NA_INTEGER) checkMissing(schema, place, index);
    else if (code < 1 || code > levels.length) {
      refusePart(place, schema, `element ${index + 1} has no level`);
    }
  }
  const names = classedNames(value, ["levels", "class"], schema, place);
  return integer(value.values, [
    ...names,
    ["levels", character(levels)],
    ["class", character(classes)],
  ]);
}

function checkLevels(value: RValue, schema: ValueSchema, place: Place): readonly string[] {
  const levels = attributeOf(value, "levels");
  if (levels?.type !== "character" || levels.attributes.length > 0) {
    return refusePart(place, schema, "its levels are no texts");
  }
  const texts = levels.values.filter((text) => typeof text === "string");
  if (texts.length < levels.values.length || new Set(texts).size < texts.length) {
    return refusePart(place, schema, "its levels are no texts, or not each there once");
  }
  for (const [index, text] of texts.entries()) {
    checkText(text, schema, { ...place, path: `${place.path}$levels` }, index);
  }
  return texts;
}

/** Days since 1970. */
export function checkDate(value: RValue, schema: ValueSchema, place: Place): RValue {
  return checkMoments(value, DATE, [], schema, place);
}

/** Seconds since 1970, and the zone they are shown in. */
export function checkDatetime(value: RValue, schema: ValueSchema, place: Place): RValue {
  const zone = attributeOf(value, "tzone");
  if (zone === undefined) return checkMoments(value, TIME, [], schema, place);
  const text = zone.type === "character" && zone.attributes.length === 0 ? zone.values : [];
  const [name] = text;
  if (text.length !== 1 || typeof name !== "string" || !ZONE.test(name)) {
    return refusePart(place, schema, "its time zone is no name of one");
  }
  return checkMoments(value, TIME, [["tzone", character([name])]], schema, place);
}

function checkMoments(
  value: RValue,
  classes: readonly string[],
  more: readonly Attribute[],
  schema: ValueSchema,
  place: Place,
): RValue {
  const given = numbersOf(value);
  const isOne = !isEmptyList(value) && value.type !== "logical" && hasClasses(value, classes);
  if (!given || !isOne) return refuseValue(place, schema, value);
  checkLength(given.length, schema, place, value);
  const isWhole = given instanceof Int32Array;
  for (const [index, each] of given.entries()) {
    if (isWhole ? each === NA_INTEGER : Number.isNaN(each)) checkMissing(schema, place, index);
  }
  const allowed = ["class", ...more.map(([name]) => name)];
  const attributes: Attribute[] = [
    ...classedNames(value, allowed, schema, place),
    ["class", character(classes)],
    ...more,
  ];
  return given instanceof Int32Array ? integer(given, attributes) : numeric(given, attributes);
}

function classedNames(
  value: RValue,
  allowed: readonly string[],
  schema: ValueSchema,
  place: Place,
): readonly Attribute[] {
  checkAttributes(value, schema.names ? [...allowed, "names"] : allowed, schema, place);
  const count = numbersOf(value)?.length ?? 0;
  const names = maybeNames(value, count, schema, place);
  return names === undefined ? [] : [["names", character(names)]];
}
