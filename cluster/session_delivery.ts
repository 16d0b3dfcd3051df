/**
 * Brings a job to the host that owns its session, by one request; never into a queue.
 *
 * Must not know how the host runs it: what it does stands in the job's log.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Outcome } from "../core/job.ts";
import { delay } from "../core/time.ts";
import { endEntry, endFrames } from "./job_end.ts";
import { type JobLog, PLAIN_ENTRY } from "./job_log.ts";
import { randomId, sessionToken } from "./names.ts";
import type { Packed } from "./queue.ts";
import { askForHolder, askProcess, sessionSubjects, throwRefusal } from "./session_ask.ts";
import { JOB_HEADER, LINE_HEADER } from "./session_ask.ts";
import { type KeptRecord, type SessionPlace, SessionRegister } from "./session_register.ts";

/** A host that is well answers within this, and a second for each so many bytes of the job. */
const ANSWER_MS = 3_000;
const BYTES_A_SECOND = 1 << 20;

/** A host that is well, and has many jobs of the session, begins this one within that. */
const BEGIN_MS = 60_000;
const ALIVE_MS = 1_000;
const NOTHING: Packed = { body: new Uint8Array(0), headers: {} };

/** A process that has no connection is asked again so often, until its lease is over. */
const AGAIN_MS = 250;

/** Hosts may come and go; then somebody has to look. */
const ROUNDS_MAX = 20;

/** The end of a job that is not run is written as soon as the broker is there, within this. */
const END_MS = 30_000;

/**
 * Brings a job, whose first message has number `seq`, to its session's host. Rejects when it is
 * certain that it is not run: then its log says why, too.
 */
export async function bringJob(
  log: JobLog,
  seq: number,
  session: string,
  { body, headers }: Packed,
): Promise<void> {
  let packed: Packed | undefined;
  try {
    packed = await log.queue.pack(log.id, body, headers);
    await new SessionDelivery(log, seq, session).bring(packed, body.length);
  } catch (cause) {
    const error = toRtoolError(cause);
    const outcome: Outcome = { kind: "rejected", code: error.code, message: error.message };
    const entry = endEntry(PLAIN_ENTRY, outcome);
    const patience = AbortSignal.timeout(END_MS);
    // A host that has begun has read the body; whoever reads the end may leave at once.
    if (packed) await log.queue.forget(log.id, packed.headers).catch(() => {});
    // Is another message behind it, the host has begun, however late: its log tells.
    if (await log.append(seq, entry, endFrames(outcome), patience) !== undefined) throw error;
  }
}

/** One job on its way to its host. */
class SessionDelivery {
  readonly #log: JobLog;
  readonly #session: string;
  readonly #place: SessionPlace;
  readonly #register: SessionRegister;
  /** Number of the job's first message. */
  readonly #seq: number;

  constructor(log: JobLog, seq: number, session: string) {
    this.#log = log;
    this.#seq = seq;
    this.#session = session;
    this.#place = { owner: log.owner, name: session };
    this.#register = new SessionRegister(log.queue);
  }

  /**
   * Resolves when the host has it, or when the log says that nobody needs to; rejects when the host
   * has refused or does not answer. Then it may still begin, unless its log has an end.
   */
  async bring({ body, headers }: Packed, bytes: number): Promise<void> {
    const { queue, id, owner } = this.#log;
    const line = `${owner} ${await sessionToken(this.#session)}`;
    const request = { body, headers: { ...headers, [JOB_HEADER]: id, [LINE_HEADER]: line } };
    const answerMs = ANSWER_MS + 1000 * bytes / BYTES_A_SECOND;
    const missing = new Missing();
    for (let round = 0; round < ROUNDS_MAX;) {
      const record = await this.#owner(missing);
      const subject = sessionSubjects(queue).run(record.token);
      const reply = await askProcess(queue, subject, request, answerMs);
      if (reply.kind === "silence" && await this.#isOwner(record)) {
        if (await this.#begins(record)) return;
        throw this.#silent(record);
      }
      if (reply.kind === "nobody") {
        missing.note(record);
        await delay(AGAIN_MS);
        if (!await this.#isWaiting()) return;
        continue;
      }
      if (reply.kind === "answer") {
        throwRefusal(reply.fields);
        if (reply.fields["ok"] === true) return;
      }
      round++; // It is another's by now.
    }
    throw new RtoolError("busy", `The session '${this.#session}' changes hosts all the time`);
  }

  /** Who owns the session; without an owner, or after its lease, whoever has most room. */
  async #owner(missing: Missing): Promise<KeptRecord> {
    const place = this.#place;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const known = await this.#register.maybeRecord(place);
      if (known && !known.gone && !missing.isOver(known)) return known;
      const holder = await askForHolder(this.#log.queue);
      const record = { ...holder, was: known?.host ?? "", gone: false, epoch: randomId() };
      const seq = await this.#register.write(place, known?.seq ?? 0, record);
      if (seq !== undefined) return { ...record, seq };
    }
    throw new RtoolError("busy", `The session '${this.#session}' changes hosts all the time`);
  }

  /** Whether the session is not another's by now. */
  async #isOwner({ epoch }: KeptRecord): Promise<boolean> {
    const record = await this.#register.maybeRecord(this.#place);
    return record?.epoch === epoch && !record.gone;
  }

  /** Whether a host that answers, but not yet for this job, begins it: others may be before it. */
  async #begins({ token }: KeptRecord): Promise<boolean> {
    const { queue } = this.#log;
    const patience = performance.now() + BEGIN_MS;
    while (performance.now() < patience) {
      if (!await this.#isWaiting()) return true;
      const reply = await askProcess(queue, sessionSubjects(queue).order(token), NOTHING, ALIVE_MS);
      // Who is well refuses what nobody has signed.
      if (reply.kind !== "answer") return false;
      await delay(AGAIN_MS);
    }
    return false;
  }

  /** Whether the job's first message still is its last: neither cancelled nor begun. */
  async #isWaiting(): Promise<boolean> {
    return (await this.#log.maybeLast())?.seq === this.#seq;
  }

  #silent({ host }: KeptRecord): RtoolError {
    const { name } = this.#log.queue;
    return new RtoolError(
      "cannot_connect",
      `The host ${host} of the session '${this.#session}' does not answer: the job is not run. ` +
        `Try again later, or let go of the session and its variables with: ` +
        `rtool sessions kill ${this.#session} --nats URL --queue ${name}`,
    );
  }
}

/** How long the process of a record has had no connection. */
class Missing {
  #token = "";
  #since = 0;

  /** Nobody listens for this process. */
  note({ token }: KeptRecord): void {
    if (token === this.#token) return;
    this.#token = token;
    this.#since = performance.now();
  }

  /** Whether its lease is over. A broker that was restarted has its hosts back before. */
  isOver({ token, leaseMs }: KeptRecord): boolean {
    return token === this.#token && performance.now() - this.#since >= leaseMs;
  }
}
