/**
 * Sessions: who has which R, and whose turn it is. The engine's Evaluator.
 *
 * Jobs of one session run in order, sessions side by side up to a limit; what cannot run waits in a
 * bounded queue. Must not know doors or frames.
 */

import { RtoolError } from "../core/errors.ts";
import type { Evaluator, Job, JobRequest, Outcome, Principal, Receipt } from "../core/job.ts";
import type { Log } from "../core/log.ts";
import { EngineJob } from "./job.ts";
import { Session, type SessionOwner } from "./session.ts";
import { Spares } from "./spares.ts";
import type { WorkerOptions } from "./worker_types.ts";

/** Bounds of the engine. */
export interface EngineOptions extends WorkerOptions {
  /** Sessions that may evaluate at the same time. @default {max(4, 2 x cores)} */
  readonly jobsMax: number;
  /** Jobs that may wait. @default {256} */
  readonly queueMax: number;
  /** Sessions that may have an R. @default {64} */
  readonly sessionsMax: number;
  /** Output of one job, in bytes. @default {64 MiB} */
  readonly outputMax: number;
  /** How long a session may be unused before its R ends, in milliseconds. @default {1 h} */
  readonly sessionIdleMs: number;
}

/** All sessions of one server. */
export class Sessions implements Evaluator, SessionOwner {
  readonly #options: EngineOptions;
  readonly #log: Log;
  readonly #spares: Spares;
  readonly #sessions = new Map<string, Session>();
  /** Sessions with work and no place to run it, in order of arrival. */
  readonly #waiting = new Set<Session>();
  #running = 0;
  #queued = 0;
  #open = 0;
  #draining = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: EngineOptions, log: Log) {
    this.#options = options;
    this.#log = log;
    this.#spares = new Spares(options, log);
  }

  /** Whether a session waits for a place to run. */
  get contended(): boolean {
    return this.#waiting.size > 0;
  }

  /** Starts the first R and returns its version. */
  async start(): Promise<string> {
    return await this.#spares.warm();
  }

  submit(principal: Principal, request: JobRequest, signal: AbortSignal): Promise<Job> {
    return Promise.resolve().then(() => this.#admit(principal, request, signal));
  }

  /** Refuses new jobs, waits for the open ones until `signal`, then stops what is left. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    if (this.#open > 0) {
      this.#idle = Promise.withResolvers<void>();
      const stop = () => {
        for (const session of this.#sessions.values()) session.cancelAll();
      };
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      await this.#idle.promise;
      signal.removeEventListener("abort", stop);
    }
  }

  /** Ends every R. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#draining = true;
    await Promise.all([
      this.#spares[Symbol.asyncDispose](),
      ...Array.from(this.#sessions.values(), (session) => session[Symbol.asyncDispose]()),
    ]);
    this.#sessions.clear();
  }

  #admit(principal: Principal, request: JobRequest, signal: AbortSignal): Job {
    if (this.#draining) throw new RtoolError("draining", "The server is shutting down");
    signal.throwIfAborted();
    this.#refuseDeadlock(principal, request);
    const session = this.#session(principal, request.session);
    const waits = session.busy || this.#running >= this.#options.jobsMax;
    if (waits && this.#queued >= this.#options.queueMax) throw this.#busy();
    const job = new EngineJob(principal, request, this.#options.outputMax);
    const gone = () => job.cancel({ kind: "cancelled", reason: "gone" });
    signal.addEventListener("abort", gone, { once: true });
    this.#open++;
    this.#queued++;
    job.onStart = () => this.#queued--;
    job.onEnd = (outcome, receipt) => {
      signal.removeEventListener("abort", gone);
      this.#ended(job, outcome, receipt);
    };
    session.enqueue(job);
    this.schedule(session);
    return job;
  }

  #busy(): RtoolError {
    return new RtoolError(
      "busy",
      `The server is busy: ${this.#running} jobs run and ${this.#queued} wait, as many as may`,
      { hint: "try again later" },
    );
  }

  #session(principal: Principal, name: string): Session {
    const key = `${principal.name}\n${name}`;
    const known = this.#sessions.get(key);
    if (known) return known;
    if (this.#sessions.size >= this.#options.sessionsMax) this.#forgetEmpty();
    if (this.#sessions.size >= this.#options.sessionsMax) {
      throw new RtoolError(
        "too_many_sessions",
        `Cannot make the session '${name}': ${this.#options.sessionsMax} sessions are open`,
        { hint: "end one with quit(), or raise sessions_max" },
      );
    }
    const session: Session = new Session(name, this, this.#options.sessionIdleMs, () => {
      // Forgotten meanwhile, its name may be a new session's.
      if (this.#sessions.get(key) === session) this.#sessions.delete(key);
    });
    this.#sessions.set(key, session);
    return session;
  }

  /** Sessions whose R has ended are only kept to tell the next job so. */
  #forgetEmpty(): void {
    for (const [key, session] of this.#sessions) {
      if (!session.empty) continue;
      session.forget();
      this.#sessions.delete(key);
    }
  }

  /** A job that waits for the job it was sent from would wait for ever. */
  #refuseDeadlock(principal: Principal, request: JobRequest): void {
    let within = request.within;
    for (let depth = 0; within !== undefined && depth < 64; depth++) {
      const id = within;
      const session = [...this.#sessions.values()].find((s) => s.workerId === id);
      if (!session?.current) return;
      if (session === this.#sessions.get(`${principal.name}\n${request.session}`)) {
        throw new RtoolError(
          "deadlock",
          `Session '${request.session}' runs the job this one was sent from: ` +
            "it would wait for ever",
          { hint: "name another session with --session" },
        );
      }
      within = session.current.request.within;
    }
  }

  /** Called by a session that has work: gives it a place, or remembers that it waits for one. */
  schedule(session: Session): void {
    if (session.running || !session.hasWork) return;
    if (this.#running >= this.#options.jobsMax) {
      this.#waiting.add(session);
      return;
    }
    this.#waiting.delete(session);
    this.#running++;
    void session.run(this.#spares).finally(() => { // Never rejects.
      this.#running--;
      const next = this.#waiting.values().next().value;
      if (next) this.schedule(next);
      this.schedule(session);
    });
  }

  #ended(job: EngineJob, outcome: Outcome, receipt: Receipt): void {
    this.#open--;
    if (!job.started) this.#queued--;
    this.#log.info("job ended", {
      job: job.id,
      session: job.request.session,
      principal: job.principal.name,
      outcome: outcome.kind,
      ms: Math.round(receipt.wallMs * 10) / 10,
      code_bytes: job.request.code.length,
      stdout_bytes: receipt.stdoutBytes,
      stderr_bytes: receipt.stderrBytes,
    });
    if (this.#open === 0) this.#idle?.resolve();
  }
}
