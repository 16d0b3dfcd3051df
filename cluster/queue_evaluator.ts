/**
 * Sends jobs that are for a queue there, and all others to the engine.
 *
 * Stands between guard and engine: what comes here is authorised and within bounds.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Evaluator } from "../core/job.ts";
import { settlesWithin } from "../core/time.ts";
import type { QueueClient } from "./queue_client.ts";
import { queuedJobs } from "./queue_report.ts";
import { readSpooled } from "./spooled.ts";

/** A server that has only just started is waited for: it may be about to join. */
const JOINING_MAX_MS = 5_000;

/** The way to the queue. */
export interface QueueWay {
  /** `undefined` while the broker has not been reached yet. */
  readonly client: QueueClient | undefined;
  /** Resolves once the broker was reached, or the first try has failed. */
  readonly tried: Promise<void>;
}

/** The engine, and the queue beside it. */
export function withQueue(engine: Evaluator, way: QueueWay): Evaluator {
  return {
    submit: async (principal, request, signal) => {
      if (!request.queue) return await engine.submit(principal, request, signal);
      const contents = await readSpooled(request.uploads);
      return await (await there(way)).submit(principal, request, contents, signal);
    },
    attach: (principal, id, after, signal) =>
      eitherJob(
        () => engine.attach(principal, id, after, signal),
        way,
        (client) => client.attach(principal, id, after, signal),
      ),
    control: (principal, command) =>
      eitherJob(
        () => engine.control(principal, command),
        way,
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
export function reportingQueue(evaluator: Evaluator, way: QueueWay): Evaluator {
  return {
    ...evaluator,
    report: async (principal) => {
      const report = await evaluator.report(principal);
      const { client } = way;
      // What this server does is told, whether or not the broker is there.
      const queued = await (client && queuedJobs(client.queue, principal).catch(() => []));
      return { ...report, jobs: [...report.jobs, ...queued ?? []] };
    },
  };
}

/** What the engine does not know may be in the queue. */
async function eitherJob<T>(
  ask: () => Promise<T>,
  way: QueueWay,
  askQueue: (client: QueueClient) => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (toRtoolError(error).code !== "unknown_job") throw error;
    // While nobody can look there, it is not said that there is none.
    return await askQueue(await there(way));
  }
}

async function there(way: QueueWay): Promise<QueueClient> {
  if (!way.client) await settlesWithin(way.tried, JOINING_MAX_MS);
  if (way.client) return way.client;
  throw new RtoolError("cannot_connect", "The broker of the cluster has not been reached yet");
}
