/**
 * What a host does with a job of a queue, however it got it: believes it or not, answers for it
 * while it runs, and records what comes of it.
 */

import type { Evaluator, Job, Principal } from "../core/job.ts";
import { settlesWithin } from "../core/time.ts";
import type { Headers } from "./broker.ts";
import { verifyClaim } from "./claim.ts";
import { readClaim } from "./claim_headers.ts";
import { decodeBody, type DecodedBody } from "./job_body.ts";
import type { JobLog } from "./job_log.ts";
import { record, type Written } from "./log_recorder.ts";
import type { Queue } from "./queue.ts";
import type { WorkerOptions } from "./queue_worker.ts";
import { removeSpooled, spoolUploads } from "./spooled.ts";

/** A job whose claim is proved. */
export interface ProvedJob extends DecodedBody {
  readonly principal: Principal;
}

/** What believing a job takes. */
export type Belief = Pick<WorkerOptions, "trusted" | "principalOf">;

/** Whoever holds a message says who asks; nothing of it is believed before that is proved. */
export async function proveJob(
  queue: Queue,
  id: string,
  message: { readonly data: Uint8Array; readonly headers: Headers },
  { trusted, principalOf }: Belief,
): Promise<ProvedJob> {
  const body = await queue.bodyOf(id, message.data, message.headers);
  const check = { queue: queue.name, id, trusted };
  const principal = principalOf(await verifyClaim(readClaim(message.headers), body, check));
  return { principal, ...decodeBody(body) };
}

/**
 * Gives a job to the engine; rejects as that does, and then leaves no files. Its events are kept in
 * the log; what would keep them here too is the queue's business.
 */
export async function beginJob(
  evaluator: Evaluator,
  { principal, request, contents }: ProvedJob,
  spoolDir: string,
): Promise<Job> {
  const uploads = await spoolUploads(request.uploads, contents, spoolDir);
  const hosted = { ...request, uploads, key: undefined, detach: false, queue: undefined };
  try {
    return await evaluator.submit(principal, hosted, new AbortController().signal);
  } catch (error) {
    await removeSpooled(uploads);
    throw error;
  }
}

/** Answers what is asked of a running job: whether it is there, and to stop. */
export function answerFor({ queue, id }: JobLog, host: string, stop: () => void): Disposable {
  return queue.broker.listen(`${queue.names.prefix}.ask.${id}`, (question) => {
    if (question.string() === "cancel") stop();
    question.respond(host);
  });
}

/**
 * Records a job to its end, which it gives; nothing when another attempt stands in the log. Gives
 * up when something is to be written and the broker has been away for too long.
 */
export async function recordUntil(
  log: JobLog,
  job: Job,
  from: Written,
  awayMaxMs: number,
): Promise<string | undefined> {
  const { connection } = log.queue.broker;
  let away = new AbortController();
  let silentFrom = performance.now();
  const intervalMs = Math.min(awayMaxMs / 4, 5_000);
  const timer = setInterval(async () => {
    // A network that is cut tells nothing: there is no answer, and no error either.
    if (await settlesWithin(connection.flush(), intervalMs)) {
      silentFrom = performance.now();
      if (away.signal.aborted) away = new AbortController(); // It is back.
    } else if (performance.now() - silentFrom > awayMaxMs) {
      away.abort();
    }
  }, intervalMs);
  try {
    return await record(log, job, from, () => away.signal);
  } finally {
    clearInterval(timer);
  }
}

/** The job, whose `started` says this. */
export function withNote(job: Job, note: string): Job {
  return {
    id: job.id,
    cancel: (reason) => job.cancel(reason),
    events: (async function* () {
      for await (const event of job.events) {
        yield event.kind === "started" ? { ...event, note } : event;
      }
    })(),
  };
}
