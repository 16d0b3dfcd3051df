/**
 * The end of a job that no R had a part in, as its log holds it.
 */

import { EMPTY_RECEIPT, type Outcome } from "../core/job.ts";
import { encodeEvent } from "../messages_events.ts";
import { type Entry, PLAIN_ENTRY } from "./job_log.ts";

/** The entry of a job's end behind another. */
export function endEntry(last: Entry, outcome: Outcome): Entry {
  const { attempt, batch, lost, host } = last;
  return { ...PLAIN_ENTRY, attempt, lost, host, batch: batch + 1, end: outcome.kind };
}

/** The frames of a job's end that no R had a part in. */
export function endFrames(outcome: Outcome): Uint8Array {
  return encodeEvent(1, { kind: "end", outcome, receipt: EMPTY_RECEIPT });
}
