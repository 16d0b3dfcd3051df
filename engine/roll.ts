/**
 * The jobs and questions R is still to answer, in the order they were written to it.
 */

import { expectAnswer, type Expected } from "./ladder.ts";
import type { EngineJob } from "./job.ts";
import type { WorkerStream } from "./stream.ts";

/** What R has been given and has not yet answered on both streams. */
export class Roll {
  readonly #streams: readonly WorkerStream[];
  readonly #expected: Expected[] = [];

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

  /** Whether all are jobs that need nothing more from us. */
  get areSmallJobs(): boolean {
    return this.#expected.every(({ job }) => job !== undefined && job.isSmall);
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
