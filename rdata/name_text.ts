/**
 * Names as R's `make.names()` mends them, so that code can say them without backticks.
 */

import { makeUnique } from "./columns.ts";

/** What R's grammar keeps for itself. */
const RESERVED = new Set(
  ("if else repeat while function for next break TRUE FALSE NULL Inf NaN NA NA_integer_ " +
    "NA_real_ NA_character_ NA_complex_ in ...").split(" "),
);

/** The names as `data.frame()` and `read.csv()` give them to columns: valid, and no two alike. */
export function makeNames(names: readonly string[]): string[] {
  return makeUnique(names.map(makeName));
}

function makeName(name: string): string {
  const isStart = /^(?:\p{L}|\.(?!\d))/u.test(name);
  const valid = (isStart ? name : `X${name}`).replace(/[^\p{L}\p{N}._]/gu, ".");
  return RESERVED.has(valid) || /^\.\.\d+$/.test(valid) ? `${valid}.` : valid;
}
