/**
 * Whether a job is for a queue, and for which session, as the options of `send` and `call` say.
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
  if (require.length > 0 && readSession(options, true) !== undefined) {
    throw new RtoolError("usage", "--require and --session exclude each other", {
      hint: "a job of a session runs on the host that has the session",
    });
  }
  return { name, require: requirementWords(parseRequirements(require)), atMostOnce };
}

/**
 * The session a job is for; without one it has a clean R. A queued job has one only when it names
 * one: what the environment or a file says of sessions is for the server at hand.
 */
export function readSession(options: Options, isQueued: boolean): string | undefined {
  if (!options.has("session") || options.maybeFlag("fresh")) return undefined;
  if (isQueued && options.origin("session") !== "flag") return undefined;
  return options.text("session");
}
