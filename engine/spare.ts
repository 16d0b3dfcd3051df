/**
 * One R that waits for a session, and how many such there are and have been.
 */

import { maybeResident } from "./process_table.ts";
import type { Worker } from "./worker.ts";

/** A spare that takes so many times the memory it began with is replaced. */
const GROWTH_MAX = 2;

/** An R that is ready. */
export interface Spare {
  readonly worker: Worker;
  readonly startedAt: number;
  /** Resident memory when it was ready, in bytes. */
  readonly memoryBytes: number | null;
}

/** R that no session has. */
export interface Stock {
  readonly starting: number;
  /** Those that wait for a session. */
  readonly ready: readonly number[];
  /** Process ids of those that are forked. */
  readonly templates: readonly number[];
}

/** R that were started, one way or the other, and starts that failed; only ever grows. */
export interface StartCounts {
  fork: number;
  spawn: number;
  /** To be forked. */
  template: number;
  failed: number;
}

/** An R that has just become ready. */
export function spareOf(worker: Worker): Spare {
  const memoryBytes = maybeResident(worker.process.pid);
  return { worker, startedAt: performance.now(), memoryBytes };
}

/** Code that a preloaded package runs by itself may make it grow. */
export function hasGrown({ worker, memoryBytes }: Spare): boolean {
  const now = maybeResident(worker.process.pid);
  return memoryBytes !== null && now !== null && now > GROWTH_MAX * memoryBytes;
}
