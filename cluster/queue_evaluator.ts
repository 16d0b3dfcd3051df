/**
 * Sends jobs that are for a queue there, and all others to the engine.
 *
 * Stands between guard and engine: what comes here is authorised and within bounds.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Evaluator } from "../core/job.ts";
import type { QueueClient } from "./queue_client.ts";
import { queuedJobs } from "./queue_report.ts";
import { readSpooled } from "./spooled.ts";

/** The queue, or `undefined` while the broker has not been reached yet. */
export type MaybeClient = () => QueueClient | undefined;

/** The engine, and the queue beside it. */
export function withQueue(engine: Evaluator, maybeClient: MaybeClient): Evaluator {
  return {
    submit: async (principal, request, signal) => {
      if (!request.queue) return await engine.submit(principal, request, signal);
      const contents = await readSpooled(request.uploads);
      return await there(maybeClient).submit(principal, request, contents, signal);
    },
    attach: (principal, id, after, signal) =>
      eitherJob(
        () => engine.attach(principal, id, after, signal),
        maybeClient,
        (client) => client.attach(principal, id, after, signal),
      ),
    control: (principal, command) =>
      eitherJob(
        () => engine.control(principal, command),
        maybeClient,
        (client) => {
          if (command.kind === "cancel") return client.cancel(principal, command.job);
          throw new RtoolError("unknown_session", "A queue has no sessions");
        },
      ),
    report: (principal) => engine.report(principal),
    functions: (principal) => engine.functions(principal),
  };
}

/**
 * The evaluator, whose reports also tell the jobs of the queue. Not below the guard, which asks for
 * reports often.
 */
export function reportingQueue(evaluator: Evaluator, maybeClient: MaybeClient): Evaluator {
  return {
    ...evaluator,
    report: async (principal) => {
      const report = await evaluator.report(principal);
      const client = maybeClient();
      // What this server does is told, whether or not the broker is there.
      const queued = await (client && queuedJobs(client.queue, principal).catch(() => []));
      return { ...report, jobs: [...report.jobs, ...queued ?? []] };
    },
  };
}

/** What the engine does not know may be in the queue. */
async function eitherJob<T>(
  ask: () => Promise<T>,
  maybeClient: MaybeClient,
  askQueue: (client: QueueClient) => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const client = maybeClient();
    if (toRtoolError(error).code !== "unknown_job" || !client) throw error;
    return await askQueue(client);
  }
}

function there(maybeClient: MaybeClient): QueueClient {
  const client = maybeClient();
  if (client) return client;
  throw new RtoolError("cannot_connect", "The broker of the cluster has not been reached yet");
}
