/**
 * The dead list of a queue: jobs that were given up, to be put into the queue again or dropped.
 */

import type { JobId } from "../core/job.ts";
import type { Kept } from "./broker.ts";
import { type Claim, verifyClaim } from "./claim.ts";
import { CLAIM_HEADER, readClaim } from "./claim_headers.ts";
import { decodeBody } from "./job_body.ts";
import { readObject } from "./job_log.ts";
import { digestHex } from "./names.ts";
import type { Queue } from "./queue.ts";
import type { QueueClient } from "./queue_client.ts";

/** A job that was given up. */
export interface DeadJob {
  readonly id: JobId;
  /** As the claim says, which is not proved. */
  readonly principal: string;
  /** When it was given up. */
  readonly since: Date;
  readonly kept: Kept;
}

/** The dead list, the oldest first. */
export async function* deadJobs(queue: Queue): AsyncGenerator<DeadJob> {
  for await (const kept of queue.dead()) {
    const claim: Partial<Claim> = readObject(kept.headers[CLAIM_HEADER]);
    const id = kept.subject.split(".").at(-1) ?? "";
    yield { id, principal: claim.principal ?? "", since: kept.time, kept };
  }
}

/**
 * Puts a job into the queue again, under a new id: what it did before is its old log's. Whoever it
 * was signed by must be trusted here, since it is signed anew.
 */
export async function retryJob(
  client: QueueClient,
  { id, kept }: DeadJob,
  trusted: ReadonlySet<string>,
): Promise<JobId> {
  const { queue } = client;
  const { headers } = kept;
  const body = await queue.bodyOf(id, kept.body, headers);
  const check = { queue: queue.name, id, trusted, ageMaxMs: Infinity };
  const { principal, profile } = await verifyClaim(readClaim(headers), body, check);
  const { request } = decodeBody(body);
  const again = await client.putAgain(
    id,
    { principal, profile },
    body,
    {
      principal,
      code_bytes: request.code.length,
      detached: true,
      digest: await digestHex(`${request.call ?? ""}\n${request.code}`),
    },
    request.queue?.require ?? [],
  );
  await dropJob(queue, { id, kept });
  return again;
}

/** Takes a job off the list, for good. */
export async function dropJob(
  queue: Queue,
  { id, kept }: Pick<DeadJob, "id" | "kept">,
): Promise<void> {
  await queue.exhume(kept);
  await queue.forget(id, kept.headers);
}
