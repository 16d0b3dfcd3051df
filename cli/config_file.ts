/**
 * The configuration file: TOML, checked against the options that have a key. All that is wrong with
 * it is told at once, each with its line.
 *
 * Loaded only when there is a file.
 */

import { parse, TomlError } from "smol-toml";
import { RtoolError } from "../core/errors.ts";
import type { OptionSpec, RawValues } from "../core/options.ts";
import { checkTable, type Fault } from "./config_schema.ts";
import { COMMANDS } from "./table.ts";
import { findKeyLines } from "./toml_lines.ts";

/** A file that can be used. */
export interface ConfigFile {
  readonly path: string;
  /** Values by key: `serve.jobs_max`. */
  readonly values: RawValues;
  /** The line a key stands on. */
  readonly maybeLine: (key: string) => number | undefined;
}

/** Longest file; one that somebody writes has a few dozen lines. */
const CONFIG_CHARS_MAX = 1 << 20;

/** How many faults are told; the first are enough to begin with. */
const FAULTS_MAX = 20;

/** Reads the text of a file; throws `bad_config`, which names every fault and its line. */
export function readConfig(text: string, path: string): ConfigFile {
  if (text.length > CONFIG_CHARS_MAX) {
    const message = `Cannot use ${path}: it has ${text.length} characters; the most is`;
    throw new RtoolError("bad_config", `${message} ${CONFIG_CHARS_MAX}`);
  }
  const table = parseToml(text, path);
  const { values, faults } = checkTable(table, KEYED);
  const lines = findKeyLines(text);
  const placed = faults.map((fault) => ({ ...fault, line: lines.maybeLine(fault.path) }));
  if (placed.length > 0) throw refusal(path, placed.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
  return { path, values, maybeLine: (key) => lines.maybeLine(key.split(".")) };
}

/** Every option that has a key, each key once: commands share some. */
const KEYED: readonly OptionSpec[] = [
  ...new Map(
    COMMANDS.flatMap(({ options }) => options.filter(({ key }) => key !== undefined))
      .map((spec) => [spec.key, spec]),
  ).values(),
];

interface PlacedFault extends Fault {
  readonly line: number | undefined;
}

function refusal(path: string, faults: readonly PlacedFault[]): RtoolError {
  const [first] = faults;
  if (first && faults.length === 1) {
    const place = first.line === undefined ? "" : `, line ${first.line}`;
    const message = `${first.what} in ${path}${place}${first.detail ? `: ${first.detail}` : ""}`;
    return new RtoolError("bad_config", message, first.hint ? { hint: first.hint } : {});
  }
  const rows = faults.slice(0, FAULTS_MAX).map(({ line, what, detail, hint }) => {
    const place = line === undefined ? path : `${path}:${line}`;
    return [place, what, ...[detail ?? hint ?? []].flat()].join(": ");
  });
  if (faults.length > FAULTS_MAX) rows.push(`and ${faults.length - FAULTS_MAX} more`);
  const message = [`Cannot use ${path}: ${faults.length} problems`, ...rows].join("\n");
  return new RtoolError("bad_config", message);
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text, { integersAsBigInt: true });
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const what = cause.message.split("\n")[0];
    throw new RtoolError("bad_config", `Cannot read ${path}, line ${cause.line}: ${what}`, {
      cause,
    });
  }
}
