/**
 * Puts jobs into a queue, follows them, cancels them, and says which there are.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Job, JobEvent, JobId, JobRequest, Outcome, Principal } from "../core/job.ts";
import { delay } from "../core/time.ts";
import { persistently } from "./broker_faults.ts";
import { claimedOf, type ClaimedPrincipal, type ClusterKey, signClaim } from "./claim.ts";
import { CLAIM_HEADER, claimHeaders, SIGNATURE_HEADER } from "./claim_headers.ts";
import { encodeBody, queueable } from "./job_body.ts";
import { endEntry, endFrames } from "./job_end.ts";
import { JobLog, PLAIN_ENTRY, readObject } from "./job_log.ts";
import { LogReader } from "./log_reader.ts";
import { digestHex, keyedId, ownerToken, randomId } from "./names.ts";
import type { Queue } from "./queue.ts";
import { bringJob } from "./session_delivery.ts";
import {
  NO_REQUIREMENTS,
  parseRequirements,
  requirementsToken,
  requirementWords,
} from "./requirements.ts";
import { Announcer } from "./wanted.ts";

/** A host that runs the job answers within this. */
const ASK_TIMEOUT_MS = 2_000;

/** Both are written again when a host was faster, so often. */
const CANCEL_ROUNDS_MAX = 20;

/** A job with a key may be sent again when it was refused, so often. */
const REFUSALS_MAX = 1000;

/** The submission is not tried again: whoever asked is told. */
const ONCE = AbortSignal.abort();

const NO_FRAMES = new Uint8Array(0);

/** What the first message of a log says of the job. */
export interface AboutJob {
  readonly principal: string;
  readonly code_bytes: number;
  readonly detached: boolean;
  /** SHA-256 of what is run: a key with something else is refused. */
  readonly digest: string;
  /** Name of its session; a job without one has a clean R. */
  readonly session?: string | undefined;
}

/** One queue, as those who want something of it see it. */
export class QueueClient {
  readonly queue: Queue;
  readonly #key: ClusterKey;
  readonly #announcer: Announcer;

  constructor(queue: Queue, key: ClusterKey) {
    this.queue = queue;
    this.#key = key;
    this.#announcer = new Announcer(queue);
  }

  /** Queues a job; `contents` are its uploads. Aborting `signal` only stops looking. */
  async submit(
    principal: Principal,
    asked: JobRequest,
    contents: Uint8Array,
    signal: AbortSignal,
  ): Promise<Job> {
    if (this.queue.broker.away) {
      throw new RtoolError("cannot_connect", "The broker of the cluster is away");
    }
    const request = queueable(asked);
    const require = request.queue?.require ?? [];
    parseRequirements(require); // Before anything is written.
    const body = encodeBody(request, contents);
    const owner = await ownerToken(principal);
    const log = await this.#openLog(owner, request.key);
    const about: AboutJob = {
      principal: principal.name,
      code_bytes: request.code.length,
      detached: request.detach,
      digest: await digestOf(request, contents),
      session: request.session,
    };
    const entry = { ...PLAIN_ENTRY, about: JSON.stringify(about) };
    const reading = new AbortController();
    const left = AbortSignal.any([signal, reading.signal]);
    // Before anything is written: what is told live from here on is heard.
    const reader = request.detach ? undefined : new LogReader(log, { seq: 0, skip: 0 }, left);
    let note: string | undefined;
    try {
      const seq = await log.append(0, entry, NO_FRAMES, ONCE);
      if (seq === undefined) await refuseOther(log, about.digest);
      else reader?.knows(seq, entry);
      // A second job message of one id finds the log at its end, or at work.
      const last = seq ?? await maybeForgotten(log);
      if (last !== undefined && request.session !== undefined) {
        const brought = this.#bring(principal, request.session, log, last, body);
        // Else it can be followed, and stopped, on its way; a refusal is its end.
        if (request.detach) await brought;
        else brought.catch(() => {});
      } else if (last !== undefined) {
        const put = this.#put(require, log, claimedOf(principal), body);
        note = await put.catch(async (error) => await undo(log, last, toRtoolError(error)));
      }
    } catch (error) {
      reading.abort();
      throw error;
    }
    const events = reader?.events() ?? noEvents();
    return { ...this.#job(principal, log.id, events, signal), note };
  }

  /** The events of a job behind the first `after`; rejects with `unknown_job`. */
  async attach(
    principal: Principal,
    id: JobId,
    after: number,
    signal: AbortSignal,
  ): Promise<Job> {
    const log = await this.#find(principal, id);
    const reader = new LogReader(log, { seq: 0, skip: after }, signal);
    return this.#job(principal, id, reader.events(), signal);
  }

  /** Stops a job wherever it is; a sentence that says what was done. */
  async cancel(principal: Principal, id: JobId): Promise<string> {
    const log = await this.#find(principal, id);
    const subject = `${this.queue.names.prefix}.ask.${id}`;
    for (let round = 0; round < CANCEL_ROUNDS_MAX; round++) {
      const last = await log.maybeLast();
      if (!last || last.entry.end !== undefined) {
        throw new RtoolError("unknown_job", `Job ${id} has ended already`);
      }
      const answer = await this.queue.broker.ask(subject, "cancel", ASK_TIMEOUT_MS);
      if (answer !== undefined) return `job ${id} is being stopped on ${answer}`;
      const outcome: Outcome = { kind: "cancelled", reason: "client" };
      const entry = { ...endEntry(last.entry, outcome), host: "" };
      if (await log.append(last.seq, entry, endFrames(outcome), ONCE) !== undefined) {
        return `job ${id} is cancelled`;
      }
      await delay(50); // A host has begun just now: it can be asked.
    }
    throw new RtoolError("busy", `Cannot cancel job ${id}: it changes hosts all the time`);
  }

  /**
   * Puts a job into the queue again that was in it, under a new id; that id. Done twice, it is the
   * same one, which runs once.
   */
  async putAgain(
    id: JobId,
    claimed: ClaimedPrincipal,
    body: Uint8Array<ArrayBuffer>,
    about: AboutJob,
    require: readonly string[],
  ): Promise<JobId> {
    const owner = await ownerToken({ name: claimed.principal });
    // No key has a space.
    const again = await keyedId(owner, this.queue.name, `again ${id}`);
    const log = new JobLog(this.queue, owner, again);
    const entry = { ...PLAIN_ENTRY, about: JSON.stringify({ ...about, detached: true }) };
    await log.append(0, entry, NO_FRAMES, ONCE);
    await this.#put(require, log, claimed, body);
    return log.id;
  }

  /** What is to be told of the job that now lies in the queue, or nothing. */
  async #put(
    require: readonly string[],
    { owner, id }: JobLog,
    claimed: ClaimedPrincipal,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<string | undefined> {
    const { queue } = this;
    const requirements = parseRequirements(require);
    const token = requirementsToken(requirements);
    const claim = await signClaim(this.#key, { queue: queue.name, id, ...claimed }, body);
    // Hosts that have not seen these requirements before get ready for them meanwhile.
    const asking = token === NO_REQUIREMENTS || this.#announcer.hasHost(token);
    await queue.put(token, owner, id, body, {
      [CLAIM_HEADER]: claim.text,
      [SIGNATURE_HEADER]: claim.signature,
    });
    if (await asking) return undefined;
    const words = requirementWords(requirements).join(" and ");
    return `no host of the queue has ${words} now; the job waits`;
  }

  /** The log of a job; of one with a key the first under which it was not refused unbegun. */
  async #openLog(owner: string, key: string | undefined): Promise<JobLog> {
    const { queue } = this;
    if (key === undefined) return new JobLog(queue, owner, randomId());
    for (let refusals = 0; refusals < REFUSALS_MAX; refusals++) {
      // No key has a space.
      const name = refusals === 0 ? key : `${key} ${refusals}`;
      const log = new JobLog(queue, owner, await keyedId(owner, queue.name, name));
      const last = await log.maybeLast();
      if (last?.entry.end !== "rejected" || last.entry.attempt > 0) return log;
    }
    throw new RtoolError("busy", `The job with that key was refused ${REFUSALS_MAX} times`);
  }

  async #bring(
    principal: Principal,
    session: string,
    log: JobLog,
    seq: number,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const claim = { queue: this.queue.name, id: log.id, ...claimedOf(principal) };
    const headers = claimHeaders(await signClaim(this.#key, claim, body));
    await bringJob(log, seq, session, { body, headers });
  }

  async #find(principal: Principal, id: JobId): Promise<JobLog> {
    // Whoever is not its owner learns nothing of it, not even that it is there.
    const owner = principal.local ? "*" : await ownerToken(principal);
    const log = await JobLog.find(this.queue, owner, id);
    if (log) return log;
    throw new RtoolError("unknown_job", `There is no job ${id}, or its output is no longer kept`);
  }

  #job(
    principal: Principal,
    id: JobId,
    events: AsyncIterable<JobEvent>,
    signal: AbortSignal,
  ): Job {
    return {
      id,
      events,
      cancel: ({ kind }) => {
        // A vanished client leaves its job to the queue.
        if (kind !== "cancelled") return;
        // While the broker is away it is tried again; else the job has ended.
        void persistently(() => this.cancel(principal, id), signal).catch(() => {});
      },
    };
  }
}

/** Of what is run, and on what; bounds may differ. */
async function digestOf(
  { call, code, uploads, session }: JobRequest,
  contents: Uint8Array,
): Promise<string> {
  const files = uploads.map(({ target, bytes }) => [target, bytes]);
  const parts = [call, session, code, files, await digestHex(contents.slice())];
  return await digestHex(JSON.stringify(parts));
}

async function refuseOther(log: JobLog, digest: string): Promise<void> {
  const first = await log.maybeNext(0);
  const about: Partial<AboutJob> = readObject(first?.entry.about);
  if (about.digest === digest) return;
  throw new RtoolError("bad_request", "That key was used for another job");
}

/** The last of a log that nobody has begun: the job's message may never have been sent. */
async function maybeForgotten(log: JobLog): Promise<number | undefined> {
  const last = await log.maybeLast();
  return last?.entry.attempt === 0 && last.entry.end === undefined ? last.seq : undefined;
}

/** The job's message may be in the queue or not: with an end in its log it is not run. */
async function undo(log: JobLog, last: number, error: RtoolError): Promise<never> {
  const outcome: Outcome = { kind: "rejected", code: error.code, message: error.message };
  const entry = endEntry(PLAIN_ENTRY, outcome);
  const undone = await log.append(last, entry, endFrames(outcome), ONCE).catch(() => undefined);
  if (undone !== undefined) throw error;
  throw new RtoolError("connection_lost", `The broker went while it took job ${log.id}`, {
    cause: error,
    hint: `it may be run; see: rtool attach ${log.id}`,
  });
}

async function* noEvents(): AsyncGenerator<JobEvent> {}
