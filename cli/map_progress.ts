/**
 * How far a map is, on the last line of a terminal; what else is written goes above it.
 */

import { timeText } from "../core/units.ts";
import type { StatusLine } from "./status_line.ts";
import { numberText } from "./map_tally.ts";

/** How often the line changes at most, and at least. */
const REDRAW_MIN_MS = 100;
const REDRAW_MAX_MS = 1000;

const BAR_CELLS = 20;

/** Items that must have ended before the rest of the time is guessed. */
const GUESS_MIN = 5;

/** How far a map is. */
export interface Standing {
  readonly done: number;
  /** Of those, the ones of this run. */
  readonly doneNow: number;
  readonly failed: number;
  readonly running: number;
  /** All there are, where that is known. */
  readonly total: number | undefined;
}

/** The line; without a terminal none. */
export class MapProgress implements Disposable {
  readonly #line: StatusLine | undefined;
  readonly #standing: () => Standing;
  readonly #startedAt = performance.now();
  #timer: ReturnType<typeof setInterval> | undefined;
  #drawnAt = -Infinity;
  /** Writes under way: the line would be drawn into them. */
  #writing = 0;

  constructor(line: StatusLine | undefined, standing: () => Standing) {
    this.#line = line;
    this.#standing = standing;
    if (line) this.#timer = setInterval(() => this.update(), REDRAW_MAX_MS);
  }

  /** Draws the line anew, unless it has just been. */
  update(): void {
    const now = performance.now();
    if (!this.#line || this.#writing > 0 || now - this.#drawnAt < REDRAW_MIN_MS) return;
    this.#drawnAt = now;
    this.#line.rewrite(progressText(this.#standing(), now - this.#startedAt));
  }

  /** Writes something else, where the line was. */
  async above(write: () => Promise<void> | void): Promise<void> {
    this.#writing++;
    this.#line?.erase();
    this.#drawnAt = -Infinity;
    try {
      await write();
    } finally {
      this.#writing--;
    }
    this.update();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#writing = Infinity;
    this.#line?.erase();
  }
}

/** How far a map is, in words, after so much time. */
export function progressText(standing: Standing, tookMs: number): string {
  const { done, doneNow, failed, running, total } = standing;
  const parts = [
    total === undefined ? numberText(done) : `${numberText(done)} of ${numberText(total)}`,
    ...(failed > 0 ? [`${numberText(failed)} failed`] : []),
    `${numberText(running)} running`,
    ...(total !== undefined && doneNow >= GUESS_MIN && done < total
      ? [`about ${secondsText((total - done) * tookMs / doneNow)} left`]
      : []),
  ];
  return `rtool: ${total ? `${bar(done / total)} ` : ""}${parts.join(", ")}`;
}

/** A guess is no better than whole seconds. */
function secondsText(ms: number): string {
  return timeText(Math.ceil(ms / 1000) * 1000);
}

function bar(share: number): string {
  const full = Math.floor(Math.min(share, 1) * BAR_CELLS);
  return `[${"#".repeat(full)}${"-".repeat(BAR_CELLS - full)}]`;
}
