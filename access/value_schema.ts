/**
 * The keys that say what one argument must be: which there are for which type, and what they mean
 * where they are missing.
 */

import { toRtoolError } from "../core/errors.ts";
import { compilePattern, type Pattern } from "./pattern.ts";
import { VALUE_TYPES, type ValueSchema, type ValueType } from "./registry.ts";
import type { Table } from "./registry_table.ts";

/** Elements where nobody says how many. */
const LENGTH_MAX = 1_000_000;

/** Characters of one text where nobody says how many. */
const CHARS_MAX = 1_000;

/** Steps that matching the texts of one argument may take: some seconds. */
const PATTERN_STEPS_MAX = 1e9;

/** Schemas in schemas. */
const DEPTH_MAX = 10;

const COMMON = ["summary", "optional"];
const VECTOR = ["scalar", "length", "na", "names"];
const NUMBER = [...VECTOR, "min", "max", "enum"];

/** Which keys each type has, beside those all have. */
export const SCHEMA_KEYS: Readonly<Record<ValueType, readonly string[]>> = {
  logical: VECTOR,
  integer: NUMBER,
  double: NUMBER,
  character: [...VECTOR, "enum", "pattern", "max_chars"],
  raw: ["scalar", "length"],
  factor: [...VECTOR, "enum", "max_chars"],
  date: VECTOR,
  datetime: VECTOR,
  list: ["length", "names", "items", "fields", "max_chars"],
  data_frame: ["rows", "columns", "max_chars"],
  any_data: ["length", "max_chars"],
};

/** Reads the schema of an argument, a field or a column; what is wrong with it is noted. */
export function readValueSchema(table: Table, depth = 0): ValueSchema {
  const known = maybeType(table);
  const type = known ?? "any_data";
  const keys = new Set([...COMMON, ...SCHEMA_KEYS[type]]);
  const only = <T>(key: string, read: (key: string) => T | undefined): T | undefined => {
    return keys.has(key) ? read(key) : undefined;
  };
  if (depth > DEPTH_MAX) table.fault(undefined, `it is nested more than ${DEPTH_MAX} deep`);
  const within = depth > DEPTH_MAX ? new Set<string>() : keys;
  const schema: ValueSchema = {
    type,
    summary: table.maybeText("summary") ?? "",
    optional: table.maybeFlag("optional") ?? false,
    length: readLength(table, keys),
    na: only("na", (key) => table.maybeFlag(key)) ?? false,
    names: only("names", (key) => table.maybeFlag(key)) ?? false,
    min: only("min", (key) => table.maybeNumber(key)),
    max: only("max", (key) => table.maybeNumber(key)),
    choices: only("enum", (key) => table.maybeChoices(key, isNumeric(type) ? "numbers" : "texts")),
    pattern: only("pattern", (key) => maybePattern(table, key)),
    charsMax: only("max_chars", (key) => table.maybeCount(key)) ?? CHARS_MAX,
    items: within.has("items") ? maybeItems(table, depth) : undefined,
    fields: maybeFields(table, within, depth),
  };
  checkTogether(schema, table);
  if (known) table.refuseOthers(); // Of which keys there are, the type decides.
  return schema;
}

function maybeType(table: Table): ValueType | undefined {
  const name = table.maybeText("type");
  const type = VALUE_TYPES.find((each) => each === name);
  if (type) return type;
  const why = name === undefined ? "it is missing" : `found ${JSON.stringify(name.slice(0, 40))}`;
  table.fault(
    name === undefined ? undefined : "type",
    `type: ${why}`,
    `one of ${VALUE_TYPES.join(", ")}`,
  );
  return undefined;
}

function readLength(table: Table, keys: ReadonlySet<string>): readonly [number, number] {
  if (keys.has("rows")) return table.maybeRange("rows") ?? [0, LENGTH_MAX];
  const isScalar = keys.has("scalar") && table.maybeFlag("scalar");
  const length = table.maybeRange("length");
  if (isScalar && length) table.fault("scalar", "there is a length, too");
  return isScalar ? [1, 1] : length ?? [0, LENGTH_MAX];
}

function maybePattern(table: Table, key: string): Pattern | undefined {
  const source = table.maybeText(key);
  if (source === undefined) return undefined;
  try {
    return compilePattern(source);
  } catch (error) {
    table.fault(key, toRtoolError(error).message);
    return undefined;
  }
}

function maybeItems(table: Table, depth: number): ValueSchema | undefined {
  const items = table.maybeTable("items");
  return items && readValueSchema(items, depth + 1);
}

function maybeFields(
  table: Table,
  keys: ReadonlySet<string>,
  depth: number,
): ReadonlyMap<string, ValueSchema> | undefined {
  const key = ["fields", "columns"].find((each) => keys.has(each));
  const given = key === undefined ? undefined : table.maybeTable(key);
  if (!given) return undefined;
  const fields = new Map<string, ValueSchema>();
  for (const name of given.keys()) {
    const field = given.maybeTable(name);
    if (!field) continue;
    const schema = readValueSchema(field, depth + 1);
    fields.set(name, schema);
    const isColumn = !["list", "data_frame", "any_data"].includes(schema.type);
    if (key === "columns" && !isColumn) given.fault(name, `a column is no ${schema.type}`);
  }
  return fields;
}

/** What is wrong only beside another key. */
function checkTogether(schema: ValueSchema, table: Table): void {
  const { min, max, pattern, charsMax, choices, items, fields } = schema;
  if (min !== undefined && max !== undefined && min > max) {
    table.fault("min", `it is ${min}, more than max, which is ${max}`);
  }
  if (items && fields) table.fault("items", "there are fields, too");
  if (choices && pattern) table.fault("pattern", "there is an enum, too");
  if (!pattern || charsMax * schema.length[1] * pattern.states <= PATTERN_STEPS_MAX) return;
  table.fault(
    "pattern",
    "with so many texts that long it could take minutes",
    "give length and max_chars",
  );
}

function isNumeric(type: ValueType): boolean {
  return type === "integer" || type === "double";
}
