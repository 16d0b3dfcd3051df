/**
 * The log of `rtool serve`, on stderr.
 *
 * Part of start.ts.
 */

import { createLog, type Log } from "./core/log.ts";
import type { Options } from "./core/options.ts";

/** `--quiet` leaves the errors. */
export function openLog(options: Options): Log {
  const log = createLog(writeLog);
  return options.flag("quiet") ? { ...log, info: () => {} } : log;
}

async function writeLog(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stderr.write(bytes.subarray(at));
}
