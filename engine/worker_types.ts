/**
 * What a worker is given and whom it tells: the words of worker.ts that its owners use too.
 */

import type { EngineJob } from "./job.ts";
import type { Preload } from "./ladder.ts";
import type { SpawnOptions } from "./spawn.ts";

/** Limits and times of a worker. */
export interface WorkerOptions extends SpawnOptions {
  /** Directory (mode 0700) below which each process gets a directory of its own. */
  readonly stateDir: string;
  readonly preload: Preload;
  /** How long R may take to become ready, in milliseconds. @default {30000} */
  readonly startTimeoutMs: number;
  /** How long an interrupted job may take to give in before R is killed, in ms. @default {2000} */
  readonly stopGraceMs: number;
  /** A job ends when less is left on its directory's file system, in bytes. @default {16 MiB} */
  readonly diskLeftMin: number;
}

/** What is kept ready, and how. */
export interface SparesOptions extends WorkerOptions {
  /** `fork` where the system can. @default {"fork"} */
  readonly start: "fork" | "spawn";
  /** How many are kept ready. @default {2} */
  readonly spares: number;
  /** An R that has been ready for longer is replaced, in milliseconds. @default {1 h} */
  readonly spareAgeMaxMs: number;
}

/** What a worker tells its session. */
export interface WorkerListener {
  /** A job was handed back, not started: it may be given to any worker. */
  held(job: EngineJob): void;
  /** There is room for another job. */
  ready(): void;
  /** R is gone. `why` finishes the sentence "R ...". */
  gone(why: string): void;
}
