/**
 * Calls as a line of text, for people: simple ones as R would write them, others shortened.
 *
 * Part of read.ts; nothing is ever parsed back from this.
 */

import { NA_INTEGER, type RValue } from "./types.ts";

const TEXT_CHARS_MAX = 200;

/** Operators that stand between their arguments. */
const INFIX = new Set([
  ...["+", "-", "*", "/", "^", "~", "==", "!=", "<", ">", "<=", ">=", "&", "&&", "|", "||"],
  ...[":", "<-", "=", "$", "@", "::", ":::", "%%", "%in%", "%*%", "%/%"],
]);

/** Of these, those without space around them. */
const TIGHT = new Set([":", "^", "$", "@", "::", ":::"]);

/** The text of a call whose first value is the function. */
export function callText(values: readonly RValue[], tags: readonly (string | null)[]): string {
  const [head, ...rest] = values;
  const name = head === undefined ? "" : textOf(head);
  const args = rest.map((value, index) => {
    const tag = tags[index + 1];
    return tag ? `${tag} = ${textOf(value)}` : textOf(value);
  });
  const space = TIGHT.has(name) ? "" : " ";
  let text = `${name}(${args.join(", ")})`;
  if (INFIX.has(name) && args.length === 2) text = args.join(`${space}${name}${space}`);
  else if ((INFIX.has(name) || name === "!") && args.length === 1) text = `${name}${args[0]}`;
  else if (name === "(") text = `(${args[0] ?? ""})`;
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}...` : text;
}

function textOf(value: RValue): string {
  switch (value.type) {
    case "NULL":
      return "NULL";
    case "opaque":
      return value.description;
    case "list":
      return "list(...)";
    case "raw":
      return "raw(...)";
    case "character": {
      const [first] = value.values;
      if (value.values.length !== 1) return "c(...)";
      return typeof first === "string" ? JSON.stringify(first) : "NA";
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
