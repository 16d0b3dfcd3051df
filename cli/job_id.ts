/**
 * Which job an id of the command line means: it may be shortened.
 */

import { RtoolError } from "../core/errors.ts";
import type { JobId } from "../core/job.ts";
import type { Context } from "./context.ts";
import type { JobPlace } from "./queue_connection.ts";

const WHOLE = /^[0-9a-f]{32}$/;

/** Fewer digits are soon another job's too. */
const SHORTENED = /^[0-9a-f]{6,31}$/;

/** How many jobs are named when several are meant. */
const NAMED_MAX = 5;

/** Digits that tables show. */
const SHOWN_DIGITS = 8;

/** The one operand of a command that takes a job's id. */
export function jobOperand({ operands, rest }: Context, command: string): string {
  const [given, ...more] = [...operands, ...rest];
  if (given !== undefined && more.length === 0) return given;
  const wrong = given === undefined ? "The id of a job is missing" : "One job's id is enough";
  throw new RtoolError("usage", wrong, { hint: `see: rtool ${command} --help; rtool jobs --all` });
}

/** The whole id; asks the server which jobs there are when it is shortened. */
export async function findJobId(client: Pick<JobPlace, "report">, given: string): Promise<JobId> {
  const id = given.toLowerCase();
  if (WHOLE.test(id)) return id;
  if (!SHORTENED.test(id)) {
    const shown = JSON.stringify(given.slice(0, 80));
    throw new RtoolError("usage", `${shown} is no job's id: that is 6 to 32 hexadecimal digits`, {
      hint: "see: rtool jobs --all",
    });
  }
  return onlyMatch(id, (await client.report()).jobs.map((job) => job.id));
}

function onlyMatch(id: string, known: readonly JobId[]): JobId {
  const found = known.filter((each) => each.startsWith(id));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    throw new RtoolError("unknown_job", `There is no job whose id begins with ${id}`, {
      hint: "see: rtool jobs --all",
    });
  }
  const named = found.slice(0, NAMED_MAX).join(", ");
  const more = found.length > NAMED_MAX ? ", ..." : "";
  throw new RtoolError("usage", `The ids of ${found.length} jobs begin with ${id}`, {
    hint: `give more digits: ${named}${more}`,
  });
}

/** So many digits tell these ids apart. */
export function shownDigits(ids: readonly JobId[]): number {
  const unique = new Set(ids).size;
  for (let digits = SHOWN_DIGITS; digits < 32; digits++) {
    if (new Set(ids.map((id) => id.slice(0, digits))).size === unique) return digits;
  }
  return 32;
}
