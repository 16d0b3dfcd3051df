/**
 * What a principal gets: what may be asked of its R, and how much. How that is started is known by
 * the profile's name.
 *
 * Part of the words of job.ts. Must not know tokens, files or R.
 */

import type { JobLimits } from "./job.ts";

/** What may be asked: any code, or only calls of registered functions. */
export type Grant = "eval" | "call";

/** What those who have it get. */
export interface Profile {
  /** As tokens and the log name it. */
  readonly name: string;
  readonly grant: Grant;
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
  env: undefined,
  sessionsMax: undefined,
  jobsMax: undefined,
  limits: {},
  timeoutMs: undefined,
};
