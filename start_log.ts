/**
 * The log of `rtool serve`, which goes to stderr. Part of start.ts.
 */

import { createLog, type Log } from "./core/log.ts";
import type { Options } from "./core/options.ts";

/** The log of a server; `--quiet` leaves the errors. */
export function openLog(options: Options): Log {
  const log = createLog(writeStderr);
  return options.flag("quiet") ? { ...log, info: () => {} } : log;
}

let written = Promise.resolve();

/** Writes to stderr, one text after the other: the lines of log and audit stay whole. */
export function writeStderr(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  const writing = written.then(async () => {
    for (let at = 0; at < bytes.length;) at += await Deno.stderr.write(bytes.subarray(at));
  });
  written = writing.catch(() => {});
  return writing;
}
