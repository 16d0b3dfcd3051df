/**
 * What a session is given, and what it asks and tells: the words of session.ts that its owners use.
 */

import type { RSource } from "./pools.ts";
import type { Session } from "./session.ts";
import type { Worker } from "./worker.ts";

/** What a session is, and how long it may be unused. */
export interface SessionOptions {
  /** `undefined`: made for one job, and ended with it. */
  readonly name: string | undefined;
  /** Name of the principal whose it is. */
  readonly owner: string;
  /** Name of that principal's profile. */
  readonly profile: string;
  /** In milliseconds. */
  readonly idleMs: number;
}

/** What a session asks of its owner. */
export interface SessionOwner {
  /** Whether another session waits for a place to run. */
  readonly contended: boolean;
  /** Where R comes from. */
  readonly pools: RSource;
  /** The session has work and wants to run. */
  schedule(session: Session): void;
}

/** What a session knows of itself. */
export interface SessionFacts {
  readonly worker: Worker | undefined;
  readonly jobsDone: number;
  /** How long it has had no job, in milliseconds; null while it has one. */
  readonly idleMs: number | null;
  readonly queued: number;
}
