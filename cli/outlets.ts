/**
 * Where what a job hands over goes: the value, files, plots, as the options say.
 */

import type { Options } from "../core/options.ts";
import type { Audience } from "./follow.ts";
import { GetFiles } from "./get_files.ts";
import { ItemRouter, type ItemSink } from "./item_sink.ts";
import { maybePlotSink } from "./plot_files.ts";
import { maybeValueSink } from "./value_sink.ts";

/** The sinks of one job. */
export interface Outlets {
  readonly audience: Audience;
  /** Whether all has come that was asked for; says what has not. */
  check(): boolean;
}

/**
 * An audience that also takes items, `pairs` being those of --get. With the value on stdout, what R
 * prints goes to stderr.
 */
export function openOutlets(
  options: Options,
  audience: Audience,
  pairs: readonly string[],
): Outlets {
  const onStdout = options.maybeText("out") === undefined;
  // With --ndjson it is in the lines already.
  const value = onStdout && audience.lines ? undefined : maybeValueSink(options);
  const file = pairs.length > 0 ? new GetFiles(pairs, audience.say) : undefined;
  const plot = maybePlotSink(options, audience.say);
  const items: ItemSink = new ItemRouter({
    ...(value ? { value } : {}),
    ...(file ? { file } : {}),
    ...(plot ? { plot } : {}),
  });
  return {
    audience: {
      ...audience,
      ...(value && onStdout ? { stdout: audience.stderr } : {}),
      items,
    },
    check: () => file?.check() ?? true,
  };
}
