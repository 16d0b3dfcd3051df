/**
 * Looks after a job of a session that says nothing: when its host is lost nobody runs it again, so
 * whoever reads its log writes the end.
 */

import type { Outcome } from "../core/job.ts";
import { RtoolError } from "../core/errors.ts";
import { endEntry, endFrames } from "./job_end.ts";
import { type Entry, type JobLog, readObject } from "./job_log.ts";
import { SessionRegister } from "./session_register.ts";

/** What the first message of an attempt says of a session's job. */
export interface AboutRun {
  /** The session's name. */
  readonly session: string;
  /** The process that runs it. */
  readonly token: string;
  readonly lease_ms: number;
}

/** The host that runs the job answers within this. */
const ALIVE_TIMEOUT_MS = 1_500;

/** Whoever sends a job has found it a host by then, or has refused it. */
const DELIVERY_MS = 90_000;

/** A host that has the job is asked after so long a silence. */
const SILENCE_MS = 5_000;

/** Asks the host of a job whether it is at it. */
export async function isAlive({ queue, id }: JobLog): Promise<boolean> {
  const subject = `${queue.names.prefix}.ask.${id}`;
  return await queue.broker.ask(subject, "alive", ALIVE_TIMEOUT_MS) !== undefined;
}

/** The watch over one job. */
export class SessionWatch {
  readonly #log: JobLog;
  #run: Partial<AboutRun> = {};
  #silentFrom: number | undefined;

  constructor(log: JobLog) {
    this.#log = log;
  }

  /** After so long a silence it is time to {@linkcode look}. */
  get patienceMs(): number {
    const { lease_ms: leaseMs = Infinity } = this.#run;
    return Math.max(100, Math.min(SILENCE_MS, leaseMs / 2));
  }

  /** A message of the log has come. */
  heard({ about, attempt }: Entry): void {
    this.#silentFrom = undefined;
    if (about === undefined) return;
    const { session, token, lease_ms } = readObject(about) as Partial<AboutRun>;
    if (typeof session !== "string") return;
    this.#run = { ...this.#run, session };
    if (attempt > 0) this.#run = { session, token: String(token), lease_ms: Number(lease_ms) };
  }

  /** Behind message `last` there is nothing: asks its host, and ends it when that is lost. */
  async look(last: { readonly seq: number; readonly entry: Entry }): Promise<void> {
    const { session, token, lease_ms: leaseMs = DELIVERY_MS } = this.#run;
    if (session === undefined) return; // Its message is in the queue: another host will have it.
    const askedAt = performance.now();
    if (await isAlive(this.#log).catch(isUnknown)) return void (this.#silentFrom = undefined);
    if (this.#log.queue.broker.settling) return; // Its host may be later than we.
    this.#silentFrom ??= askedAt;
    if (performance.now() - this.#silentFrom < leaseMs) return;
    const outcome = lostOutcome(session, last.entry);
    const entry = { ...endEntry(last.entry, outcome), host: "" };
    const seq = await this.#log.append(last.seq, entry, endFrames(outcome), AbortSignal.abort());
    if (seq === undefined || token === undefined) return;
    const { queue, owner } = this.#log;
    await new SessionRegister(queue).markGone({ owner, name: session }, token);
  }
}

/** While the broker is away nobody knows. */
function isUnknown(error: unknown): true {
  if (error instanceof RtoolError && error.code === "cannot_connect") return true;
  throw error;
}

function lostOutcome(session: string, { attempt, host }: Entry): Outcome {
  if (attempt === 0) {
    const message = `Nobody has brought the job to the host of its session '${session}': ` +
      "it is not run";
    return { kind: "rejected", code: "cannot_connect", message };
  }
  const message = `The host ${host} of the session '${session}' was lost, ` +
    "and the session's variables with it";
  return { kind: "lost", message };
}
