/**
 * One job of a session, on the host that owns that: begun at most once, whatever is sent how often.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Job } from "../core/job.ts";
import type { Headers } from "./broker.ts";
import { answerFor, beginJob, type ProvedJob, recordUntil, withNote } from "./hosted_job.ts";
import { endEntry, endFrames } from "./job_end.ts";
import { JobLog, PLAIN_ENTRY } from "./job_log.ts";
import type { Written } from "./log_recorder.ts";
import { ownerToken } from "./names.ts";
import type { Queue } from "./queue.ts";
import type { WorkerOptions } from "./queue_worker.ts";
import type { SessionLedger } from "./session_ledger.ts";
import type { SessionHolder, SessionPlace } from "./session_register.ts";
import type { AboutRun } from "./session_watch.ts";

/** Where jobs of sessions run. */
export interface SessionHouse {
  readonly queue: Queue;
  readonly options: WorkerOptions;
  readonly ledger: SessionLedger;
  readonly self: SessionHolder;
}

/** A beginning that is not confirmed is looked for, and written again, within this. */
const BEGIN_MS = 10_000;

const NO_FRAMES = new Uint8Array(0);

/** What came of a request. */
export type Begun =
  /** It is this host's to run. */
  | SessionRun
  /** It has begun, or has ended: its log tells. */
  | "known"
  /** The session is another host's. */
  | "stranger";

/** Begins a job if it has not begun; rejects with why it cannot. */
export async function beginRun(
  house: SessionHouse,
  id: string,
  proved: ProvedJob,
  headers: Headers,
): Promise<Begun> {
  const { queue, ledger, self, options } = house;
  const { principal, request: { session } } = proved;
  if (session === undefined) throw new RtoolError("bad_request", "The job names no session");
  const owner = await ownerToken(principal);
  const log = new JobLog(queue, owner, id);
  const last = await log.maybeLast();
  if (!last) throw new RtoolError("bad_request", "Nobody has announced the job");
  if (last.entry.attempt > 0 || last.entry.end !== undefined) return "known";
  const place = { owner, name: session };
  const { isOurs, isNew = false, note } = await ledger.admit(place, principal);
  if (!isOurs) return "stranger";
  const about: AboutRun = { session, token: self.token, lease_ms: self.leaseMs };
  const entry = { ...PLAIN_ENTRY, attempt: 1, host: options.host, about: JSON.stringify(about) };
  const run = new SessionRun(house, log, { headers, place, isNew, note });
  try {
    const seq = await log.append(last.seq, entry, NO_FRAMES, AbortSignal.timeout(BEGIN_MS));
    if (seq !== undefined) return run.begun({ seq, entry });
  } catch (error) {
    // It may stand there as begun: nobody answers for it, so whoever follows it ends it as lost.
    run[Symbol.dispose]();
    throw error;
  }
  run[Symbol.dispose]();
  return "known";
}

interface RunParts {
  readonly headers: Headers;
  readonly place: SessionPlace;
  /** The session's first job here. */
  readonly isNew: boolean;
  readonly note: string | undefined;
}

/** A job that stands in its log as begun here; answers for it until it is disposed. */
export class SessionRun implements Disposable {
  readonly #house: SessionHouse;
  readonly #log: JobLog;
  readonly #parts: RunParts;
  readonly #answering: Disposable;
  #from: Written | undefined;
  #job: Job | undefined;
  #isStopped = false;

  constructor(house: SessionHouse, log: JobLog, parts: RunParts) {
    this.#house = house;
    this.#log = log;
    this.#parts = parts;
    // Before anybody can know that it has begun.
    this.#answering = answerFor(log, house.options.host, () => this.#stop());
  }

  /** Its first message is written. */
  begun(from: Written): this {
    this.#from = from;
    return this;
  }

  /** Gives the job to the engine; what that refuses is its end. Never rejects. */
  async submit(proved: ProvedJob): Promise<void> {
    const { options, ledger } = this.#house;
    const { place, isNew } = this.#parts;
    try {
      this.#job = await beginJob(options.evaluator, proved, options.spoolDir);
      options.log.info("session's job begun", { id: this.#log.id, job: this.#job.id });
      if (this.#isStopped) this.#stop();
    } catch (error) {
      const { code, message } = toRtoolError(error);
      if (isNew) await ledger.letGo(place).catch(() => {}); // It expires.
      await this.#end({ kind: "rejected", code, message }).catch((error) => this.#untold(error));
    }
  }

  /** Records the job to its end, if there is one. Never rejects. */
  async record(): Promise<void> {
    const { options, ledger, queue } = this.#house;
    const job = this.#job;
    if (!job) return;
    const { note, place, headers } = this.#parts;
    const noted = note === undefined ? job : withNote(job, note);
    try {
      const end = await recordUntil(this.#log, noted, this.#from!, options.awayMaxMs);
      if (end !== undefined) {
        await queue.forget(this.#log.id, headers);
        return;
      }
      options.log.error("session's job overtaken", { id: this.#log.id });
      await ledger.review(place); // Who reads the log may have taken this host for lost.
    } catch (error) {
      this.#untold(error);
    }
  }

  [Symbol.dispose](): void {
    this.#answering[Symbol.dispose]();
  }

  #stop(): void {
    this.#isStopped = true;
    this.#job?.cancel({ kind: "cancelled", reason: "client" });
  }

  async #end(outcome: Parameters<typeof endEntry>[1]): Promise<void> {
    const { seq, entry } = this.#from!;
    const end = endEntry(entry, outcome);
    await this.#log.append(seq, end, endFrames(outcome), AbortSignal.abort());
    await this.#house.queue.forget(this.#log.id, this.#parts.headers);
  }

  #untold(error: unknown): void {
    const why = toRtoolError(error).message;
    this.#house.options.log.error("session's job not reported", { id: this.#log.id, why });
  }
}
