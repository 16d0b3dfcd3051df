/**
 * What a server tells a principal that it may call.
 *
 * Words only, as in job.ts.
 */

import type { Fields } from "./condition.ts";

/** One argument of a function. */
export interface CallableArgument {
  readonly name: string;
  readonly optional: boolean;
  /** What it must be, in words. */
  readonly wanted: string;
  readonly summary: string;
}

/** One function. */
export interface CallableFunction {
  /** `name` or `package::name`. */
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly CallableArgument[];
  /** JSON Schema (draft 2020-12) of the arguments by name. */
  readonly schema: Fields;
}

/** All of them. */
export interface Callables {
  /** Any function may be called, and any other code run: the list is empty. */
  readonly any: boolean;
  readonly functions: readonly CallableFunction[];
}

/** What the grant `eval` lets call. */
export const ANY_FUNCTION: Callables = { any: true, functions: [] };
