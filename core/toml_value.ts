/**
 * Values of a TOML file as it was parsed, and how an error speaks of them.
 *
 * Integers are bigints, tables have no prototype: so the parser is asked for them.
 */

/** Names of tables and of the key in them; numbers count the items of an array. */
export type KeyPath = readonly (string | number)[];

/** Longer text is cut in an error. */
const TEXT_CHARS_MAX = 80;

/** Tables have no prototype; a date has one. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null;
}

/** What was found, in words that go behind "found". */
export function tomlValueText(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (isTable(value)) return "a table";
  switch (typeof value) {
    case "string":
      return `the string ${JSON.stringify(clipped(value))}`;
    case "bigint":
      return `the integer ${clipped(String(value))}`;
    case "number":
      return `the float ${value}${Number.isInteger(value) ? ".0" : ""}`;
    case "boolean":
      return `${value}`;
    default:
      return "a date";
  }
}

/** A key as it could stand in the file. */
export function keyText(path: KeyPath): string {
  const names = path.map((name) => /^[\w-]+$/.test(`${name}`) ? name : JSON.stringify(name));
  return clipped(names.join("."));
}

function clipped(text: string): string {
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}...` : text;
}
