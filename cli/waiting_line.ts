/**
 * One line on a terminal that says what a job waits for: rewritten as that changes, gone when it
 * starts.
 */

import { countText, timeText } from "../core/units.ts";
import type { Waiting } from "../messages.ts";

/** Back to the line's beginning, and clear the line. */
const ERASE = "\r\x1b[K";

/** Digits of a job's id that are shown. */
const ID_DIGITS = 8;

/** The line; nothing is written before something is to be said. */
export class WaitingLine {
  readonly #write: (text: string) => void;
  readonly #columns: number;
  #shown = false;

  /** `columns`: what fits on a line; a longer text could not be erased. */
  constructor(write: (text: string) => void, columns: number) {
    this.#write = write;
    this.#columns = columns;
  }

  show(waiting: Waiting): void {
    const text = `rtool: ${waitingText(waiting)}`.slice(0, this.#columns - 1);
    this.#write(`${ERASE}${text}`);
    this.#shown = true;
  }

  /** Makes room for what is written next. */
  erase(): void {
    if (this.#shown) this.#write(ERASE);
    this.#shown = false;
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
