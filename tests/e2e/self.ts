/**
 * The command line with which R code inside a session calls the rtool under test.
 */

import { RTOOL } from "./rtool.ts";

/** A shell line that sends `cat(1, 0)` without blanks to a session. */
export function rtoolShell(port: number, session: string): string {
  const words = [...RTOOL, "send", "-n", "-p", String(port), "-s", session];
  return [...words, "-e", "cat('1');cat('')"].map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
    .join(" ");
}
