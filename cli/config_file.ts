/**
 * The configuration file: TOML, checked against the options that have a key. All that is wrong
 * with it is told at once, each with its line.
 *
 * Loaded only when there is a file.
 */

import type { OptionSpec, RawValues } from "../core/options.ts";
import { checkTable } from "./config_schema.ts";
import { COMMANDS } from "./table.ts";
import { parseToml, refuseFaults } from "./toml_file.ts";
import { findKeyLines } from "./toml_lines.ts";

/** A file that can be used. */
export interface ConfigFile {
  readonly path: string;
  /** Values by key: `serve.jobs_max`. */
  readonly values: RawValues;
  /** The line a key stands on. */
  readonly maybeLine: (key: string) => number | undefined;
}

/** Reads the text of a file; throws `bad_config`, which names every fault and its line. */
export function readConfig(text: string, path: string): ConfigFile {
  const table = parseToml(text, path);
  const { values, faults } = checkTable(table, KEYED);
  const lines = findKeyLines(text);
  refuseFaults(path, faults, lines);
  return { path, values, maybeLine: (key) => lines.maybeLine(key.split(".")) };
}

/** Every option that has a key, each key once: commands share some. */
const KEYED: readonly OptionSpec[] = [
  ...new Map(
    COMMANDS.flatMap(({ options }) => options.filter(({ key }) => key !== undefined))
      .map((spec) => [spec.key, spec]),
  ).values(),
];
