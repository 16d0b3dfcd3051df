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

/** The profile of a token that names none. */
export const DEFAULT_PROFILE_NAME = "default";

/** Names of tables in the configuration file; they are logged, too. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** What {@linkcode isProfileName} asks for, for people. */
export const PROFILE_NAME_HINT =
  "a profile's name is 1 to 64 letters, digits, '_' or '-', and not 'owner'";

/** Whether a profile may be called so. */
export function isProfileName(name: string): boolean {
  return NAME.test(name) && name !== OWNER.name;
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
