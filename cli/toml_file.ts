/**
 * A TOML file of the operator's: read, and refused with all that is wrong in it, each with its
 * line.
 *
 * Must not know which keys there are.
 */

import { parse, TomlError } from "smol-toml";
import { RtoolError } from "../core/errors.ts";
import type { Fault } from "./config_schema.ts";
import type { KeyLines } from "./toml_lines.ts";

/** Longest file; one that somebody writes has a few dozen lines. */
const FILE_CHARS_MAX = 1 << 20;

/** How many faults are told; the first are enough to begin with. */
const FAULTS_MAX = 20;

/** The table of a file, its integers bigints; throws `bad_config`. */
export function parseToml(text: string, path: string): unknown {
  if (text.length > FILE_CHARS_MAX) {
    const message = `Cannot use ${path}: it has ${text.length} characters; the most is`;
    throw new RtoolError("bad_config", `${message} ${FILE_CHARS_MAX}`);
  }
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

/** Throws `bad_config` when there is a fault: it names every one, in the order of the lines. */
export function refuseFaults(path: string, faults: readonly Fault[], lines: KeyLines): void {
  const placed = faults.map((fault) => ({ ...fault, line: lines.maybeLine(fault.path) }));
  if (placed.length > 0) throw refusal(path, placed.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
}

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
