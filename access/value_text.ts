/**
 * What an argument must be, and what came instead, in words: short whatever came, and without the
 * data itself.
 */

import { RtoolError } from "../core/errors.ts";
import { lengthOf } from "../rdata/columns.ts";
import type { RValue } from "../rdata/types.ts";
import { attributeOf } from "../rdata/values.ts";
import type { ValueSchema } from "./registry.ts";

/** Which argument it is, or which part of one. */
export interface Place {
  readonly functionName: string;
  /** `x`, `x$a`, `x[[3]]`. */
  readonly path: string;
}

/** Choices that are listed; of more only how many there are. */
const CHOICES_SHOWN_MAX = 10;

const WORD_CHARS_MAX = 40;

/** What a schema asks for, in one line. */
export function wantedText(schema: ValueSchema): string {
  const { type, min, max, choices, pattern } = schema;
  const bounds = [min === undefined ? "" : `from ${min}`, max === undefined ? "" : `to ${max}`];
  return [
    `${type.replace("_", " ")}${lengthText(schema)}`,
    bounds.filter((part) => part !== "").join(" "),
    choices === undefined ? "" : choicesText(choices),
    pattern === undefined ? "" : `like ${clipped(pattern.source)}`,
    hasTexts(schema) ? `at most ${schema.charsMax} characters each` : "",
    hasElements(schema) && schema.na ? "NA allowed" : "",
  ].filter((part) => part !== "").join(", ");
}

/** Refuses a value as a whole. */
export function refuseValue(place: Place, schema: ValueSchema, value: RValue): never {
  throw mismatch(place, `wanted ${wantedText(schema)}`, `found ${foundText(value)}`);
}

/** Refuses a part of a value: an element, an attribute. */
export function refusePart(place: Place, schema: ValueSchema, what: string): never {
  throw mismatch(place, `wanted ${wantedText(schema)}`, what);
}

/** What a value is, without what it holds. */
export function foundText(value: RValue): string {
  if (value.type === "NULL") return "NULL";
  const classes = attributeOf(value, "class");
  const first = classes?.type === "character" ? classes.values[0] : undefined;
  const ofClass = classes === undefined ? "" : ` of class '${clipped(String(first))}'`;
  if (value.type === "opaque") return `${clipped(value.kind)}${ofClass}`;
  const type = value.type === "list" ? value.form : value.type;
  return `${type}${ofClass} of length ${lengthOf(value)}`;
}

/** Text of anybody's, cut and without control characters. */
export function clipped(text: string): string {
  const cut = text.length > WORD_CHARS_MAX ? `${text.slice(0, WORD_CHARS_MAX)}...` : text;
  return JSON.stringify(cut.toWellFormed()).slice(1, -1);
}

function mismatch({ functionName, path }: Place, wanted: string, found: string): RtoolError {
  const [name, ...inside] = path.split(/(?=[$[])/);
  const part = inside.length === 0 ? "" : ` (${clipped(path)})`;
  const message = `Argument '${name}'${part} of ${functionName}: ${wanted}; ${found}`;
  return new RtoolError("bad_value", message);
}

function lengthText({ type, length: [min, max] }: ValueSchema): string {
  const unit = type === "data_frame" ? "rows" : "length";
  if (min === 1 && max === 1 && type !== "data_frame") return ", one";
  return min === max ? `, ${unit} ${min}` : `, ${unit} ${min} to ${max}`;
}

function choicesText(choices: readonly (string | number)[]): string {
  if (choices.length > CHOICES_SHOWN_MAX) return `one of ${choices.length} choices`;
  const shown = choices.map((each) => {
    return typeof each === "string" ? `"${clipped(each)}"` : String(each);
  });
  return shown.join(" or ");
}

function hasTexts({ type, choices }: ValueSchema): boolean {
  return type === "character" && choices === undefined;
}

function hasElements({ type }: ValueSchema): boolean {
  return !["raw", "list", "data_frame", "any_data"].includes(type);
}
