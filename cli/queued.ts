/**
 * Whether a job is for a queue, as the options of `send` and `call` say.
 */

import { parseRequirements, requirementWords } from "../cluster/requirements.ts";
import { RtoolError } from "../core/errors.ts";
import type { QueueRequest } from "../core/job.ts";
import type { Options } from "../core/options.ts";

/** The queue a job is for, or `undefined` when the server itself is to run it. */
export function readQueue(options: Options): QueueRequest | undefined {
  const name = options.maybeText("queue");
  const require = options.list("require");
  const atMostOnce = options.flag("at-most-once");
  if (name === undefined) {
    const given = options.list("nats").length > 0
      ? "--nats"
      : require.length > 0
      ? "--require"
      : atMostOnce
      ? "--at-most-once"
      : undefined;
    if (given === undefined) return undefined;
    throw new RtoolError("usage", `${given} needs --queue NAME`);
  }
  if (options.has("session") && options.origin("session") === "flag") {
    throw new RtoolError("usage", "--queue and --session exclude each other", {
      hint: "a queued job has a clean R of its own, on any host",
    });
  }
  return { name, require: requirementWords(parseRequirements(require)), atMostOnce };
}
