/**
 * One line on a terminal that says what a job waits for: rewritten as that changes, gone when it
 * starts.
 */

import { countText, timeText } from "../core/units.ts";
import type { Waiting } from "../messages.ts";
import { StatusLine } from "./status_line.ts";

/** Digits of a job's id that are shown. */
const ID_DIGITS = 8;

/** The line of one job. */
export class WaitingLine extends StatusLine {
  show(waiting: Waiting): void {
    this.rewrite(`rtool: ${waitingText(waiting)}`);
  }
}

/** What a job waits for, in words. */
export function waitingText({ ahead, holder }: Waiting): string {
  if (!holder) {
    return ahead === 0 ? "waiting for its turn" : `waiting: ${countText(ahead, "job")} ahead`;
  }
  const job = `job ${holder.job.slice(0, ID_DIGITS)}`;
  const between = ahead === 0 ? "" : `, and ${ahead} more`;
  return `waiting for ${job}, which has run for ${timeText(holder.ageMs)}${between}`;
}
