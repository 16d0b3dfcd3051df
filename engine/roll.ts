/**
 * The jobs and questions R is still to answer, in the order they were written to it.
 */

import { expectAnswer, type Expected } from "./ladder.ts";
import type { EngineJob } from "./job.ts";
import type { WorkerStream } from "./stream.ts";

/** Jobs that may lie in R's pipe behind the one that runs. Their lines must fit its 64 KiB. */
const AHEAD_MAX = 64;

/** What R has been given and has not yet answered on both streams. */
export class Roll {
  readonly #streams: readonly WorkerStream[];
  readonly #expected: Expected[] = [];
  #filling = true;

  constructor(streams: readonly WorkerStream[]) {
    this.#streams = streams;
  }

  get length(): number {
    return this.#expected.length;
  }

  /** What R is at. */
  get first(): Expected | undefined {
    return this.#expected[0];
  }

  /**
   * Whether a small job may be written behind these. Refilled only when half empty: a write for
   * many jobs costs no more than a write for one.
   */
  mayGrow(): boolean {
    if (this.#expected.length >= AHEAD_MAX) this.#filling = false;
    if (this.#expected.length <= AHEAD_MAX / 2) this.#filling = true;
    return this.#filling && this.#expected.every(({ job }) => job !== undefined && job.isSmall);
  }

  /** Adds what is about to be written. */
  expect(job: EngineJob | undefined, nonce: string): Expected {
    const expected = expectAnswer(nonce, job);
    this.#expected.push(expected);
    for (const stream of this.#streams) stream.expect(nonce, job);
    return expected;
  }

  find(nonce: string): Expected | undefined {
    return this.#expected.find((each) => each.nonce === nonce);
  }

  has(job: EngineJob): boolean {
    return this.#expected.some((each) => each.job === job);
  }

  /** Takes what has been answered off, and what stood before it: that has no answer to come. */
  take(answered: Expected): Expected[] {
    return this.#expected.splice(0, this.#expected.indexOf(answered) + 1).slice(0, -1);
  }

  /** Takes everything off: R has gone. */
  clear(): Expected[] {
    return this.#expected.splice(0);
  }
}
