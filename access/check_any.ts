/**
 * Any data at all: vectors, lists, factors, dates, times and data frames, in each other. Part of
 * check_value.ts.
 */

import type { RValue } from "../rdata/types.ts";
import { attributeOf, character, complex, list } from "../rdata/values.ts";
import { checkAttributes, checkLength, checkValue, maybeNames } from "./check_value.ts";
import { isFrame } from "./check_nested.ts";
import type { ValueSchema, ValueType } from "./registry.ts";
import { type Place, refusePart, refuseValue } from "./value_text.ts";

/** Lists in lists; as deep as any data of people's, and far from our stack's end. */
const DEPTH_MAX = 100;

const CLASSED: Readonly<Record<string, ValueType>> = {
  factor: "factor",
  ordered: "factor",
  Date: "date",
  POSIXct: "datetime",
  "data.frame": "data_frame",
};

/** The value made anew; every part of it is as long as the schema lets the whole be, at most. */
export function checkAnyData(value: RValue, schema: ValueSchema, place: Place, depth = 0): RValue {
  if (value.type === "NULL") return value;
  if (depth > DEPTH_MAX) {
    return refusePart(place, schema, `it is nested more than ${DEPTH_MAX} deep`);
  }
  const type = typeOf(value);
  const loose = looseSchema(schema, type);
  if (type !== "any_data") return checkValue(value, loose, place);
  if (value.type === "complex") {
    checkLength(value.values.length / 2, loose, place, value);
    checkAttributes(value, ["names"], schema, place);
    const names = maybeNames(value, value.values.length / 2, schema, place);
    return complex(value.values, names === undefined ? [] : [["names", character(names)]]);
  }
  if (value.type !== "list" || value.form !== "list") return refuseValue(place, schema, value);
  checkLength(value.values.length, loose, place, value);
  checkAttributes(value, ["names"], schema, place);
  const names = maybeNames(value, value.values.length, schema, place);
  const values = value.values.map((each, index) => {
    const inside = { ...place, path: `${place.path}[[${index + 1}]]` };
    return checkAnyData(each, schema, inside, depth + 1);
  });
  return list(values, names === undefined ? [] : [["names", character(names)]]);
}

/** As which type it is checked; `any_data` stands for what has none of its own. */
function typeOf(value: RValue): ValueType {
  const classes = attributeOf(value, "class");
  const first = classes?.type === "character" ? classes.values[0] : undefined;
  if (isFrame(value)) return "data_frame";
  if (typeof first === "string" && Object.hasOwn(CLASSED, first)) return CLASSED[first]!;
  switch (value.type) {
    case "logical":
    case "integer":
    case "double":
    case "character":
    case "raw":
      return value.type;
    case "NULL":
    case "complex":
    case "list":
    case "opaque":
      return "any_data";
    default:
      return value satisfies never;
  }
}

/** Anything of that type; only lengths and texts keep their bounds. */
function looseSchema(
  { length, charsMax, summary, optional }: ValueSchema,
  type: ValueType,
): ValueSchema {
  return {
    type,
    summary,
    optional,
    length: [0, length[1]],
    na: true,
    names: true,
    min: undefined,
    max: undefined,
    choices: undefined,
    pattern: undefined,
    charsMax,
    items: undefined,
    fields: undefined,
  };
}
