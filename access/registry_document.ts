/**
 * A registry as others read it: in words, and as JSON Schema.
 *
 * The schemas describe the JSON of `rtool call --args`; docs/values.md says which JSON becomes
 * which value. What no JSON becomes (factors, dates, times, bytes) comes from files: `--data
 * NAME=FILE`.
 */

import type { CallableFunction } from "../core/callable.ts";
import type { Fields } from "../core/condition.ts";
import type { RegisteredFunction, Registry, ValueSchema } from "./registry.ts";
import { wantedText } from "./value_text.ts";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** Every function with its arguments, for `rtool call --list`. */
export function describeRegistry(registry: Registry): readonly CallableFunction[] {
  return [...registry.functions.values()].map((registered) => ({
    name: registered.name,
    summary: registered.summary,
    arguments: [...registered.arguments].map(([name, schema]) => ({
      name,
      optional: schema.optional,
      wanted: wantedText(schema),
      summary: schema.summary,
    })),
    schema: functionSchema(registered),
  }));
}

/** A JSON Schema for the arguments of each function, by its name. */
export function registrySchema(registry: Registry): ReadonlyMap<string, Fields> {
  return new Map([...registry.functions].map(([name, each]) => [name, functionSchema(each)]));
}

function functionSchema({ name, summary, arguments: schemas }: RegisteredFunction): Fields {
  return {
    $schema: DIALECT,
    title: name,
    ...(summary === "" ? {} : { description: summary }),
    ...objectSchema(schemas),
  };
}

function objectSchema(schemas: ReadonlyMap<string, ValueSchema>): Fields {
  return {
    type: "object",
    properties: Object.fromEntries([...schemas].map(([name, each]) => [name, valueSchema(each)])),
    required: [...schemas].filter(([, { optional }]) => !optional).map(([name]) => name),
    additionalProperties: false,
  };
}

function valueSchema(schema: ValueSchema): Fields {
  const { summary } = schema;
  return { ...shapeOf(schema), ...(summary === "" ? {} : { description: summary }) };
}

function shapeOf(schema: ValueSchema): Fields {
  const { type, length: [minItems, maxItems], items, fields } = schema;
  switch (type) {
    case "logical":
    case "integer":
    case "double":
    case "character":
      return vectorSchema(schema);
    case "raw":
    case "factor":
    case "date":
    case "datetime":
      return { $comment: `No JSON becomes a ${type}: it comes from a file` };
    case "list":
      if (fields) return objectSchema(fields);
      return {
        type: schema.names ? ["array", "object"] : "array",
        ...(items ? { items: valueSchema(items) } : {}),
        ...(items && schema.names ? { additionalProperties: valueSchema(items) } : {}),
        ...{ minItems, maxItems },
      };
    case "data_frame": {
      const row = fields ? objectSchema(new Map([...fields].map(cellOf))) : { type: "object" };
      return { type: "array", items: row, minItems, maxItems };
    }
    case "any_data":
      return {};
    default:
      return type satisfies never;
  }
}

/** One value stands for a vector of one; null is missing only within an array. */
function vectorSchema(schema: ValueSchema): Fields {
  const { length: [minItems, maxItems] } = schema;
  const array = { type: "array", items: elementSchema(schema, schema.na), minItems, maxItems };
  const hasOne = minItems <= 1 && maxItems >= 1;
  return hasOne ? { anyOf: [elementSchema(schema, false), array] } : array;
}

const JSON_TYPES: Readonly<Record<string, string>> = {
  logical: "boolean",
  integer: "integer",
  double: "number",
  character: "string",
};

function elementSchema(schema: ValueSchema, orNull: boolean): Fields {
  const { type, min, max, choices, pattern, charsMax } = schema;
  const name = JSON_TYPES[type];
  return {
    type: orNull ? [name, "null"] : name,
    ...(min === undefined ? {} : { minimum: min }),
    ...(max === undefined ? {} : { maximum: max }),
    ...(choices === undefined ? {} : { enum: orNull ? [...choices, null] : choices }),
    ...(pattern === undefined ? {} : { pattern: `^(?:${pattern.source})$` }),
    ...(type === "character" && choices === undefined ? { maxLength: charsMax } : {}),
  };
}

/** A column's cell in a row. */
function cellOf([name, schema]: [string, ValueSchema]): [string, ValueSchema] {
  return [name, { ...schema, length: [1, 1], optional: schema.optional || schema.na }];
}
