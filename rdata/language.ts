/**
 * Calls as a line of text, for people: simple ones as R would write them, others shortened.
 *
 * Part of read.ts; nothing is ever parsed back from this.
 */

import { NA_INTEGER, type RValue } from "./types.ts";

const TEXT_CHARS_MAX = 200;

/** More arguments than any text that is not shortened has. */
const ARGUMENTS_MAX = TEXT_CHARS_MAX / 2;

/** Operators that stand between their arguments. */
const INFIX = new Set([
  ...["+", "-", "*", "/", "^", "~", "==", "!=", "<", ">", "<=", ">=", "&", "&&", "|", "||"],
  ...[":", "<-", "=", "$", "@", "::", ":::"],
]);

/** Of these, those without space around them. */
const TIGHT = new Set([":", "^", "$", "@", "::", ":::"]);

/** The text of a call whose first value is the function. */
export function callText(values: readonly RValue[], tags: readonly (string | null)[]): string {
  const [head, ...rest] = values.slice(0, 1 + ARGUMENTS_MAX);
  const name = head === undefined ? "" : textOf(head);
  const args = rest.map((value, index) => {
    const tag = tags[index + 1];
    return tag ? `${shorten(tag)} = ${textOf(value)}` : textOf(value);
  });
  return shorten(joined(name, args));
}

function joined(name: string, args: readonly string[]): string {
  const isInfix = INFIX.has(name) || /^%.*%$/.test(name);
  const space = TIGHT.has(name) ? "" : " ";
  const [first = "", ...others] = args;
  if (isInfix && args.length === 2) return args.join(`${space}${name}${space}`);
  if ((isInfix || name === "!") && args.length === 1) return `${name}${first}`;
  if (name === "(") return `(${first})`;
  if (name === "[") return `${first}[${others.join(", ")}]`;
  if (name === "[[") return `${first}[[${others.join(", ")}]]`;
  return `${name}(${args.join(", ")})`;
}

function shorten(text: string): string {
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}...` : text;
}

function textOf(value: RValue): string {
  switch (value.type) {
    case "NULL":
      return "NULL";
    case "opaque":
      return shorten(value.description);
    case "list":
      return "list(...)";
    case "raw":
      return "raw(...)";
    case "character": {
      const [first] = value.values;
      if (value.values.length !== 1) return "c(...)";
      return typeof first === "string" ? JSON.stringify(shorten(first)) : "NA";
    }
    case "logical": {
      const [first] = value.values;
      if (value.values.length !== 1) return "c(...)";
      return first === NA_INTEGER ? "NA" : first ? "TRUE" : "FALSE";
    }
    case "integer":
      return value.values.length === 1 ? `${value.values[0]}L` : "c(...)";
    case "double":
      return value.values.length === 1 ? `${value.values[0]}` : "c(...)";
    case "complex":
      return "c(...)";
    default:
      return value satisfies never;
  }
}
