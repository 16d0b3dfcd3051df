/**
 * Notices an R that waits for a command while a job is open.
 *
 * User code can read the command channel or break the functions that send marks; then neither side
 * would ever hear from the other again.
 */

import type { RProcess } from "./process.ts";
import type { WorkerStream } from "./stream.ts";

/** How often a busy R is looked at, in milliseconds. */
const INTERVAL_MS = 1000;

/** So many looks in a row must find R waiting. */
const LOOKS = 2;

/** Looks at one R while it has a job. */
export class PlaceWatch {
  readonly #process: RProcess;
  readonly #streams: readonly WorkerStream[];
  readonly #onLost: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #seenWaiting = 0;

  constructor(process: RProcess, streams: readonly WorkerStream[], onLost: () => void) {
    this.#process = process;
    this.#streams = streams;
    this.#onLost = onLost;
  }

  /** Begins to look; again is harmless. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#seenWaiting = 0;
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** R was heard of. */
  progress(): void {
    this.#seenWaiting = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    // With a paused stream R's answer may lie unread in its pipe.
    const waits = this.#streams.every((stream) => !stream.paused) &&
      this.#process.waitsForCommand();
    this.#seenWaiting = waits ? this.#seenWaiting + 1 : 0;
    if (this.#seenWaiting < LOOKS) return;
    this.stop();
    this.#onLost();
  }
}
