/**
 * Reading the configuration again while a server runs: what is taken over, what has to wait.
 *
 * Knows options, not where they are read nor what they bound.
 */

import { toRtoolError } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Options, OptionSpec } from "./options.ts";

/** What a configuration that was read again means for a running server. */
export interface ReloadPlan {
  /** Keys whose new value is taken over. */
  readonly changed: readonly string[];
  /** Keys whose old value is kept, since only a start can change them. */
  readonly needRestart: readonly string[];
  /** What the server goes on with. */
  readonly options: Options;
}

/**
 * Compares two configurations; `before` is what the server runs with. `tables` hold keys that are
 * no options, and are taken over as a whole.
 */
export function planReload(
  before: Options,
  after: Options,
  specs: readonly OptionSpec[],
  tables: readonly string[] = [],
): ReloadPlan {
  const different = specs.filter(({ name }) => {
    return JSON.stringify(before.list(name)) !== JSON.stringify(after.list(name));
  });
  const taken = different.filter(({ reload }) => reload);
  const kept = different.filter(({ reload }) => !reload);
  return {
    changed: [
      ...taken.map(nameOf),
      ...tables.filter((table) => {
        return JSON.stringify(before.below(table)) !== JSON.stringify(after.below(table));
      }),
    ],
    needRestart: kept.map(nameOf),
    // Also what is the same may come from elsewhere now.
    options: after.with(before, kept.map(({ name }) => name)),
  };
}

/** What a reloader works with. */
export interface ReloaderOptions {
  readonly specs: readonly OptionSpec[];
  /** Tables of the file whose keys are no options, and which are always taken over. */
  readonly tables?: readonly string[];
  /** Reads all sources again; rejects when the server could not start with them. */
  readonly read: () => Promise<Options>;
  /** Takes the options over. */
  readonly apply: (options: Options) => void;
  readonly log: Log;
}

/**
 * Makes what reads the configuration again each time it is called. Calls while it reads are one:
 * the file is then read once more, so the last change is never missed.
 */
export function createReloader(first: Options, by: ReloaderOptions): () => void {
  let current = first;
  let asked = false;
  let reading = false;
  const read = async () => {
    reading = true;
    while (asked) {
      asked = false;
      try {
        const plan = planReload(current, await by.read(), by.specs, by.tables);
        by.apply(plan.options);
        current = plan.options;
        tell(plan, by.log);
      } catch (error) {
        refuse(error, by.log);
      }
    }
    reading = false;
  };
  return () => {
    asked = true;
    if (!reading) void read(); // Never rejects.
  };
}

/** Keys only: a value may be a secret. */
function tell({ changed, needRestart }: ReloadPlan, log: Log): void {
  log.info("configuration reloaded", { changed: changed.join(",") || "nothing" });
  if (needRestart.length > 0) log.error("needs a restart", { keys: needRestart.join(",") });
}

/** A line for each problem: the log has no others. */
function refuse(error: unknown, log: Log): void {
  const { message, hint } = toRtoolError(error);
  for (const problem of message.split("\n")) log.error("configuration kept", { problem, hint });
}

function nameOf({ key, name }: OptionSpec): string {
  return key ?? name;
}
