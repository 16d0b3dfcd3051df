/**
 * What a principal gets: how its R runs, what that may touch, and what may be asked of it.
 *
 * Part of the words of job.ts. Must not know tokens, files or R.
 */

import type { JobLimits } from "./job.ts";

/** What may be asked: any code, or only calls of registered functions. */
export type Grant = "eval" | "call";

/** Whether R is shut in: `confined` by bubblewrap, or not at all. */
export type Isolation = "none" | "confined";

/** What those who have it get. */
export interface Profile {
  /** As tokens and the log name it. */
  readonly name: string;
  readonly grant: Grant;
  readonly isolation: Isolation;
  /** Whether a confined R reaches the network. */
  readonly network: boolean;
  /** Directories a confined R may read, beside those that R itself needs. */
  readonly readOnly: readonly string[];
  /** Directories a confined R may also write. */
  readonly readWrite: readonly string[];
  /** Environment variables a job may set; undefined: any. */
  readonly env: readonly string[] | undefined;
  /** Sessions at once; undefined: as many as the server has. */
  readonly sessionsMax: number | undefined;
  /** Jobs that run at once; undefined: as the server shares them. */
  readonly jobsMax: number | undefined;
  /** Most a job may ask for; the server's own bounds hold too. */
  readonly limits: JobLimits;
  /** Longest a job may wait and run together, in milliseconds. */
  readonly timeoutMs: number | undefined;
}

/** The server's own user on its own machine: as if R ran in its terminal. */
export const OWNER: Profile = {
  name: "owner",
  grant: "eval",
  isolation: "none",
  network: true,
  readOnly: [],
  readWrite: [],
  env: undefined,
  sessionsMax: undefined,
  jobsMax: undefined,
  limits: {},
  timeoutMs: undefined,
};
