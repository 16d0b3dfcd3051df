/**
 * Lists and data frames against a schema. Part of check_value.ts.
 */

import { lengthOf } from "../rdata/columns.ts";
import { type Attribute, NA_INTEGER, type RList, type RValue } from "../rdata/types.ts";
import { attributeOf, character, integer, list } from "../rdata/values.ts";
import { checkAnyData } from "./check_any.ts";
import { hasClasses } from "./check_classed.ts";
import { checkAttributes, checkLength, checkValue, maybeNames } from "./check_value.ts";
import type { ValueSchema } from "./registry.ts";
import { clipped, foundText, type Place, refusePart, refuseValue } from "./value_text.ts";

const FRAME = ["data.frame"];

/** Whether the value is a data frame and no more than that. */
export function isFrame(value: RValue): boolean {
  return value.type === "list" && value.form === "list" && hasClasses(value, FRAME);
}

/** A list: of fields that all have a schema, or of items of one. */
export function checkList(value: RValue, schema: ValueSchema, place: Place): RValue {
  if (value.type !== "list" || value.form !== "list") return refuseValue(place, schema, value);
  checkLength(value.values.length, schema, place, value);
  const { fields, items } = schema;
  const mayHaveNames = schema.names || fields !== undefined;
  checkAttributes(value, mayHaveNames ? ["names"] : [], schema, place);
  const names = maybeNames(value, value.values.length, schema, place);
  if (fields) return checkFields(value.values, names ?? [], fields, schema, place);
  const values = value.values.map((each, index) => {
    const inside = { ...place, path: `${place.path}[[${index + 1}]]` };
    return items ? checkValue(each, items, inside) : checkAnyData(each, schema, inside);
  });
  return list(values, names === undefined ? [] : [["names", character(names)]]);
}

/** A data frame: columns of one length, of vectors, factors, dates or times. */
export function checkFrame(value: RValue, schema: ValueSchema, place: Place): RValue {
  if (value.type !== "list" || !isFrame(value)) return refuseValue(place, schema, value);
  const rows = lengthOf(value.values[0] ?? list([]));
  const [min, max] = schema.length;
  if (rows < min || rows > max) refusePart(place, schema, `it has ${rows} rows`);
  checkAttributes(value, ["names", "row.names", "class"], schema, place);
  const names = maybeNames(value, value.values.length, schema, place) ?? [];
  if (names.length < value.values.length || new Set(names).size < names.length) {
    refusePart(place, schema, "its columns do not each have a name of their own");
  }
  const long = value.values.findIndex((each) => lengthOf(each) !== rows);
  if (long !== -1) refusePart(place, schema, `its column '${clipped(names[long]!)}' is longer`);
  const columns = schema.fields
    ? checkFields(value.values, names, schema.fields, schema, place)
    : list(value.values.map((each, index) => checkColumn(each, names[index]!, schema, place)), [
      ["names", character(names)],
    ]);
  return list(columns.values, [
    ...columns.attributes,
    ["class", character(FRAME)],
    ["row.names", rowNames(value, rows, schema, place)],
  ]);
}

function checkColumn(value: RValue, name: string, schema: ValueSchema, place: Place): RValue {
  const inside = { ...place, path: `${place.path}$${name}` };
  if (value.type !== "list" && value.type !== "NULL") return checkAnyData(value, schema, inside);
  return refusePart(inside, schema, `found a column that is ${foundText(value)}`);
}

/** By name, in the schema's order; nothing twice, nothing that is not named there. */
function checkFields(
  values: readonly RValue[],
  names: readonly string[],
  fields: ReadonlyMap<string, ValueSchema>,
  schema: ValueSchema,
  place: Place,
): RList {
  const strange = values.findIndex((_, index) => !fields.has(names[index] ?? ""));
  if (strange !== -1) {
    refusePart(place, schema, `found '${clipped(names[strange] ?? "")}', which is not known`);
  }
  if (new Set(names).size < names.length) refusePart(place, schema, "found a name twice");
  const given = new Map(names.map((name, index) => [name, values[index]!]));
  const found: [name: string, value: RValue][] = [];
  for (const [name, field] of fields) {
    const value = given.get(name);
    if (value === undefined && field.optional) continue;
    if (value === undefined) return refusePart(place, schema, `there is no '${name}'`);
    found.push([name, checkValue(value, field, { ...place, path: `${place.path}$${name}` })]);
  }
  return list(found.map(([, value]) => value), [["names", character(found.map(([name]) => name))]]);
}

/** Texts stay; numbers are what R writes for "from 1 on". */
function rowNames(value: RList, rows: number, schema: ValueSchema, place: Place): RValue {
  const given = attributeOf(value, "row.names");
  if (given?.type !== "character") return integer(rows === 0 ? [] : [NA_INTEGER, -rows]);
  const attributes: readonly Attribute[] = [["names", given]];
  const names = maybeNames({ ...value, attributes }, rows, schema, place) ?? [];
  if (new Set(names).size === names.length) return character(names);
  return refusePart(place, schema, "its rows do not each have a name of their own");
}
