/**
 * Reads the fields of a JSON object a peer has sent: each reader gives the value, or throws
 * `bad_request` naming the field.
 *
 * Part of messages.ts. Must not know which messages there are. No I/O.
 */

import { RtoolError } from "./core/errors.ts";
import { asFields, type Fields } from "./core/condition.ts";

/** A field that may be missing. */
export function optional<T>(
  fields: Fields,
  key: string,
  read: (fields: Fields, key: string) => T,
): T | undefined {
  return fields[key] === undefined ? undefined : read(fields, key);
}

/** Text R can be given: whole Unicode characters, no NUL. */
export function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value !== "string") throw wrong(key, "text", value);
  if (!value.isWellFormed()) throw new RtoolError("bad_request", `'${key}' is no Unicode text`);
  if (value.includes("\0")) throw new RtoolError("bad_request", `'${key}' holds a NUL character`);
  return value;
}

/** True or false. */
export function flag(fields: Fields, key: string): boolean {
  const value = fields[key];
  if (typeof value !== "boolean") throw wrong(key, "true or false", value);
  return value;
}

/** A list of texts. */
export function texts(fields: Fields, key: string): readonly string[] {
  const value = fields[key];
  if (!Array.isArray(value)) throw wrong(key, "a list of texts", value);
  return value.map((each, i) => text({ [`${key}[${i}]`]: each }, `${key}[${i}]`));
}

/** Texts by name. */
export function textMap(fields: Fields, key: string): Readonly<Record<string, string>> {
  const value = fields[key];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(key, "an object of texts", value);
  }
  const map = asFields(value);
  return Object.fromEntries(Object.keys(map).map((name) => [name, text(map, name)]));
}

/** A list of objects. */
export function objects(fields: Fields, key: string): readonly Fields[] {
  const value = fields[key];
  if (!Array.isArray(value)) throw wrong(key, "a list of objects", value);
  return value.map(asFields);
}

/** A whole number from `min` to `max`. */
export function integer(fields: Fields, key: string, min: number, max: number): number {
  const value = fields[key];
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw wrong(key, `a whole number from ${min} to ${max}`, value);
  }
  return value;
}

/** One of a closed list of words. */
export function oneOf<W extends string>(fields: Fields, key: string, words: readonly W[]): W {
  const value = fields[key];
  const word = words.find((each) => each === value);
  if (word === undefined) throw wrong(key, `one of ${words.join(", ")}`, value);
  return word;
}

/** The value if it is a number, else null. */
export function maybeNumber(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function wrong(key: string, wanted: string, value: unknown): RtoolError {
  const got = value === undefined ? "nothing" : JSON.stringify(value)?.slice(0, 80);
  return new RtoolError("bad_request", `'${key}' must be ${wanted}, not ${got}`);
}
