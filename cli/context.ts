/**
 * What a command is given of the process it runs in, so that main.ts alone touches arguments, exit
 * and signals.
 */

import type { Options } from "../core/options.ts";

/** Everything a command may use of its process. */
export interface Context {
  readonly options: Options;
  readonly operands: readonly string[];
  /** Arguments behind `--`. */
  readonly rest: readonly string[];
  readonly env: (name: string) => string | undefined;
  /** Writes a line of rtool's own to stderr. */
  readonly say: (line: string) => void;
}

/** How a command ends its process. */
export type CommandEnd =
  | { readonly status: number }
  /** Die of this signal, so that the shell sees it. */
  | { readonly signal: Deno.Signal };
