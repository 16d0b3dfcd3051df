/**
 * One delivery of one job: what the job's log says decides what becomes of it.
 */

import type { JsMsg } from "@nats-io/jetstream";
import { type ErrorCode, RtoolError, toRtoolError } from "../core/errors.ts";
import type { Job, Outcome } from "../core/job.ts";
import { delay } from "../core/time.ts";
import type { Headers } from "./broker.ts";
import { answerFor, beginJob, proveJob, recordUntil, withNote } from "./hosted_job.ts";
import type { ProvedJob } from "./hosted_job.ts";
import { endEntry, endFrames } from "./job_end.ts";
import { type Entry, JobLog, type LogMessage, PLAIN_ENTRY } from "./job_log.ts";
import type { Written } from "./log_recorder.ts";
import { ownerToken } from "./names.ts";
import type { Queue } from "./queue.ts";
import type { WorkerOptions } from "./queue_worker.ts";

/** The host of another attempt answers within this, or it is lost. */
const ALIVE_TIMEOUT_MS = 1_500;

const AGAIN_MS = 1_000;

/** The engine has no place after all: another host may have one. Twice as long each time. */
const BACK_MS = { first: 200, max: 10_000 } as const;

const NO_FRAMES = new Uint8Array(0);

/** What the engine says when it would take the job at another time. */
const NOT_NOW = new Set<ErrorCode>([
  "busy",
  "draining",
  "r_unavailable",
  "too_many_jobs",
  "too_many_sessions",
]);

/** One delivery. */
export class QueuedRun {
  readonly #queue: Queue;
  readonly #message: JsMsg;
  readonly #options: WorkerOptions;
  readonly #leaseMs: number;
  readonly #log: JobLog;
  readonly #headers: Headers;

  constructor(queue: Queue, message: JsMsg, options: WorkerOptions, leaseMs: number) {
    this.#queue = queue;
    this.#message = message;
    this.#options = options;
    this.#leaseMs = leaseMs;
    const [owner = "", id = ""] = message.subject.split(".").slice(-2);
    this.#log = new JobLog(queue, owner, id);
    const entries = [...message.headers ?? []].map(([name, [text = ""]]) => [name, text]);
    this.#headers = Object.fromEntries(entries);
  }

  /**
   * Whether the job has ended here, and that is stored. Rejects when the broker was away for longer
   * than `awayMaxMs`; then the lease runs out, too.
   */
  async run(awayMaxMs: number): Promise<boolean> {
    const last = await this.#log.maybeLast();
    if (last?.entry.end !== undefined) return await this.#bury(last.entry);
    const entry = last?.entry ?? PLAIN_ENTRY;
    // Given out before and without a log: that has made room for others, and may have said more.
    const isForgotten = last === undefined && this.#message.redelivered;
    const hasBegun = isForgotten || entry.attempt > 0 && !entry.back;
    // After an outage of the broker that host may be later than we.
    if (hasBegun && (await this.#isAlive() || this.#queue.broker.settling)) {
      this.#message.nak(this.#leaseMs / 2);
      return false;
    }
    const after = last?.seq ?? 0;
    const lost = entry.lost + (hasBegun ? 1 : 0);
    const next = { ...PLAIN_ENTRY, attempt: entry.attempt + 1, lost, host: this.#options.host };
    const checked = await this.#check().catch((error) => toRtoolError(error));
    if (checked instanceof RtoolError) {
      if (checked.code === "cannot_connect") throw checked;
      const { code, message } = checked;
      const outcome: Outcome = hasBegun
        ? { kind: "lost", message: `${lostHost(entry)}, and it cannot be run again: ${message}` }
        : { kind: "rejected", code, message };
      return await this.#end(after, { ...entry, lost }, outcome, false);
    }
    if (await ownerToken(checked.principal) !== this.#log.owner) return this.#throwAway();
    const atMostOnce = checked.request.queue?.atMostOnce ?? false;
    const hopeless = this.#maybeHopeless(atMostOnce, lost, entry);
    if (hopeless) {
      return await this.#end(after, { ...entry, lost }, hopeless.outcome, hopeless.dead);
    }
    // The result of a job is worth more patience than its beginning.
    const seq = await this.#log.append(after, next, NO_FRAMES, AbortSignal.abort());
    if (seq === undefined) return this.#giveBack(entry);
    return await this.#evaluate(checked, { seq, entry: next }, awayMaxMs);
  }

  async #evaluate(
    proved: ProvedJob,
    from: Written,
    awayMaxMs: number,
  ): Promise<boolean> {
    const { evaluator, spoolDir, log } = this.#options;
    let job: Job;
    try {
      job = await beginJob(evaluator, proved, spoolDir);
    } catch (error) {
      return await this.#refused(toRtoolError(error), from);
    }
    this.#options.counts?.begun(from.entry.lost);
    log.info("queued job begun", { id: this.#log.id, job: job.id, attempt: from.entry.attempt });
    const stop = () => job.cancel({ kind: "cancelled", reason: "client" });
    using _answering = answerFor(this.#log, this.#options.host, stop);
    const noted = from.entry.lost === 0 ? job : withNote(job, againNote(from.entry));
    const end = await recordUntil(this.#log, noted, from, awayMaxMs);
    if (end === undefined) {
      this.#options.counts?.overtaken();
      log.error("queued job overtaken", { id: this.#log.id });
      return false; // Not acknowledged: the job is the other attempt's.
    }
    this.#options.counts?.ended(end);
    await this.#finish();
    return true;
  }

  async #refused({ code, message }: RtoolError, from: Written): Promise<boolean> {
    if (!NOT_NOW.has(code)) {
      return await this.#end(from.seq, from.entry, { kind: "rejected", code, message }, false);
    }
    const entry = { ...from.entry, batch: from.entry.batch + 1, back: true };
    await this.#log.append(from.seq, entry, NO_FRAMES, AbortSignal.abort());
    return this.#giveBack(entry);
  }

  #giveBack({ attempt }: Entry): false {
    this.#options.counts?.givenBack();
    // Each round stands in the log: what waits for long must not fill the logs of all.
    this.#message.nak(Math.min(BACK_MS.first * 2 ** Math.max(0, attempt - 1), BACK_MS.max));
    return false;
  }

  /** Somebody has put a signed job under another's name: nothing is run, or written there. */
  #throwAway(): false {
    this.#options.log.error("queued job of another owner", { id: this.#log.id });
    this.#message.term();
    return false;
  }

  async #check(): Promise<ProvedJob> {
    const message = { data: this.#message.data, headers: this.#headers };
    const proved = await proveJob(this.#queue, this.#log.id, message, this.#options);
    if (proved.request.session !== undefined) {
      throw new RtoolError("bad_request", "A job of a session is brought to its host, not queued");
    }
    return proved;
  }

  #maybeHopeless(atMostOnce: boolean, lost: number, last: Entry) {
    if (lost > 0 && atMostOnce) {
      const message = `${lostHost(last)}, and the job may run at most once`;
      return { outcome: { kind: "lost", message } as const, dead: false };
    }
    if (lost < this.#options.deliveriesMax) return undefined;
    const message = `The job was given up: ${lost} hosts that ran it were lost`;
    return { outcome: { kind: "lost", message } as const, dead: true };
  }

  async #isAlive(): Promise<boolean> {
    const subject = `${this.#queue.names.prefix}.ask.${this.#log.id}`;
    const ask = () => this.#queue.broker.ask(subject, "alive", ALIVE_TIMEOUT_MS);
    if (await ask() !== undefined) return true;
    await delay(AGAIN_MS); // It may be reconnecting just now.
    return await ask() !== undefined;
  }

  /** Ends a job that is not run (any more). */
  async #end(after: number, last: Entry, outcome: Outcome, dead: boolean): Promise<boolean> {
    const entry = { ...endEntry(last, outcome), host: this.#options.host, dead };
    const seq = await this.#log.append(after, entry, endFrames(outcome), AbortSignal.abort());
    if (seq === undefined) return this.#giveBack(last);
    this.#options.counts?.ended(outcome.kind);
    if (dead) this.#options.counts?.buried();
    return await this.#bury(entry);
  }

  /** Behind a job's end: its message goes, to the dead list if the end says so. */
  async #bury({ dead }: Entry): Promise<boolean> {
    if (dead) await this.#queue.bury(this.#log.id, this.#message.data, this.#buried());
    await this.#finish(dead);
    return true;
  }

  #buried(): Headers {
    return { ...this.#headers, "Rtool-Subject": this.#message.subject };
  }

  async #finish(keepBody = false): Promise<void> {
    this.#message.ack();
    if (!keepBody) await this.#queue.forget(this.#log.id, this.#headers);
  }
}

/** Which host is meant stood in the log, which may be gone. */
function lostHost({ host }: Entry): string {
  return host === "" ? "The host that had the job was lost" : `The host ${host} was lost`;
}

/** Says that it is not the job's first time. */
function againNote({ attempt, lost }: LogMessage["entry"]): string {
  const hosts = lost === 1 ? "1 host that ran it was lost" : `${lost} hosts that ran it were lost`;
  return `the job is run again (attempt ${attempt}): ${hosts}`;
}
