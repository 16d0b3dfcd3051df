/**
 * The configuration file: TOML, checked against the options that have a key.
 */

import { parse, TomlError } from "smol-toml";
import { RtoolError } from "../core/errors.ts";
import { maybeNearest, type RawValues } from "../core/options.ts";
import { COMMANDS } from "./table.ts";

/** Values by key (`serve.jobs_max`); an unknown key is an error that names its line. */
export function readConfig(text: string, path: string): RawValues {
  const known = new Set(
    COMMANDS.flatMap((command) => command.options.flatMap((spec) => spec.key ?? [])),
  );
  const values: Record<string, readonly string[]> = {};
  for (const [key, value] of flatten(parseToml(text, path), "")) {
    if (!known.has(key)) {
      const nearest = maybeNearest(key, [...known]);
      throw new RtoolError(
        "bad_config",
        `Unknown key '${key}' in ${path}${place(text, key)}`,
        nearest ? { hint: `did you mean '${nearest}'?` } : {},
      );
    }
    if (typeof value === "object") {
      throw new RtoolError("bad_config", `Key '${key}' in ${path}${place(text, key)} is no value`);
    }
    values[key] = [String(value)];
  }
  return values;
}

function parseToml(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const what = cause.message.split("\n")[0];
    throw new RtoolError("bad_config", `Cannot read ${path}, line ${cause.line}: ${what}`, {
      cause,
    });
  }
}

function* flatten(
  table: Readonly<Record<string, unknown>>,
  prefix: string,
): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(table)) {
    // Tables have no prototype; a date has one.
    const isTable = typeof value === "object" && value !== null && !Array.isArray(value) &&
      !(value instanceof Date);
    if (isTable) yield* flatten(value as Record<string, unknown>, `${prefix}${name}.`);
    else yield [`${prefix}${name}`, value];
  }
}

/** `, line N` where the key is assigned in its table, when that is found. */
function place(text: string, key: string): string {
  const at = key.lastIndexOf(".");
  const [table, name] = [key.slice(0, Math.max(at, 0)), key.slice(at + 1)];
  let current = "";
  for (const [i, line] of text.split("\n").entries()) {
    current = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1]?.replaceAll(/["'\s]/g, "") ?? current;
    const assigned = /^\s*([^=#]+?)\s*=/.exec(line)?.[1]?.replaceAll(/["'\s]/g, "");
    const full = current === "" ? assigned : `${current}.${assigned}`;
    if (assigned !== undefined && full === (table === "" ? name : `${table}.${name}`)) {
      return `, line ${i + 1}`;
    }
  }
  return "";
}
