/**
 * What became of a map's items, counted, and the first failures by name: its summary.
 */

import { countText, timeText } from "../core/units.ts";
import type { ItemEnd } from "./map_result.ts";

/** Failures that are listed; the results have them all. */
export const FAILURES_SHOWN_MAX = 10;

/** Characters of a failure's message that are shown. */
const MESSAGE_CHARS_MAX = 200;

/** Counts items. */
export class Tally {
  /** Items that have finished in this run. */
  ok = 0;
  failed = 0;
  /** Items that had finished in a run before, and those of them that had failed. */
  earlier = 0;
  earlierFailed = 0;
  /** Items sent again because the connection was lost before they had started. */
  sentAgain = 0;
  readonly #failures: string[] = [];

  /** Items that have a result now. */
  get done(): number {
    return this.earlier + this.ok + this.failed;
  }

  /** Whether any item has a result of this run. */
  get hasBegun(): boolean {
    return this.ok + this.failed > 0;
  }

  /** Whether any item has failed, in whatever run. */
  get hasFailures(): boolean {
    return this.failed + this.earlierFailed > 0;
  }

  add(index: number, end: ItemEnd): void {
    if (end.outcome === "ok") {
      this.ok++;
      return;
    }
    this.failed++;
    if (this.#failures.length >= FAILURES_SHOWN_MAX) return;
    const [first = ""] = end.message.split("\n");
    this.#failures.push(`item ${index}: ${end.outcome}: ${first.slice(0, MESSAGE_CHARS_MAX)}`);
  }

  /** The failures of this run, the first of them by name. */
  failureLines(): readonly string[] {
    const more = this.failed - this.#failures.length;
    return more > 0 ? [...this.#failures, `and ${numberText(more)} more`] : this.#failures;
  }

  /** All counts on one line. */
  summary(tookMs: number): string {
    const parts = [
      `${numberText(this.ok)} ok`,
      ...(this.failed > 0 ? [`${numberText(this.failed)} failed`] : []),
      ...(this.earlier > 0 ? [earlierText(this.earlier, this.earlierFailed)] : []),
      ...(this.sentAgain > 0 ? [`${numberText(this.sentAgain)} sent again before they began`] : []),
    ];
    const run = this.ok + this.failed;
    return `${countText(run, "item")} in ${timeText(tookMs)}: ${parts.join(", ")}`;
  }
}

/** Thousands set apart. */
export function numberText(count: number): string {
  return count.toLocaleString("en");
}

function earlierText(count: number, failed: number): string {
  const failures = failed > 0 ? ` (${numberText(failed)} failed)` : "";
  return `${numberText(count)} finished before${failures}`;
}
