/**
 * Sessions: who has which R, and whose turn it is. The engine's Evaluator.
 *
 * Jobs of one session run in order, sessions side by side up to a limit; what cannot run waits in a
 * bounded queue. Must not know doors or frames.
 */

import { ANY_FUNCTION, type Callables } from "../core/callable.ts";
import { RtoolError } from "../core/errors.ts";
import type { ItemBounds } from "../core/item.ts";
import type { Evaluator, Job, JobRequest, Outcome, Principal, Receipt } from "../core/job.ts";
import type { Log } from "../core/log.ts";
import type { ControlCommand, Report } from "../core/report.ts";
import { Archive } from "./archive.ts";
import { Controls } from "./controls.ts";
import { Directory, type DirectoryOptions } from "./directory.ts";
import { EngineJob } from "./job.ts";
import { discardUploads } from "./job_uploads.ts";
import { Places } from "./places.ts";
import { Pools, type PoolsOptions } from "./pools.ts";
import { jobReport, sessionReport } from "./reports.ts";
import type { Session } from "./session.ts";
import type { SessionOwner } from "./session_types.ts";
import { Sweeper } from "./sweeper.ts";
import { Watchdog } from "./watchdog.ts";

/** Bounds of the engine. */
export interface EngineOptions extends PoolsOptions, DirectoryOptions, ItemBounds {
  /** Sessions that may evaluate at the same time. @default {max(4, 2 x cores)} */
  readonly jobsMax: number;
  /** How many of these one other principal may have. @default {max(2, cores)} */
  readonly jobsPerPrincipalMax: number;
  /** Jobs that may wait. @default {256} */
  readonly queueMax: number;
  /** Output of one job, in bytes. @default {64 MiB} */
  readonly outputMax: number;
  /** How long events are kept after a job's end, in milliseconds. @default {1 h} */
  readonly detachedKeepMs: number;
  /** Kept events on disk, in bytes. @default {1 GiB} */
  readonly detachedMax: number;
}

/** Is told of each job that was accepted. */
export interface JobListener {
  /** R was given the job, so many milliseconds after it was accepted. */
  started?(waitMs: number): void;
  ended?(
    job: { readonly id: string; readonly principal: Principal; readonly request: JobRequest },
    outcome: Outcome,
    receipt: Receipt,
  ): void;
}

/** Jobs whose events are kept at once. */
const KEPT_JOBS_MAX = 10_000;

/** How often a waiting client is told where its job stands, in milliseconds. */
const WAITING_MS = 1000;

/** All sessions of one server. */
export class Sessions implements Evaluator, SessionOwner {
  #options: EngineOptions;
  readonly #log: Log;
  readonly #listener: JobListener;
  readonly #sweeper = new Sweeper();
  readonly #watchdog = new Watchdog();
  readonly pools: Pools;
  readonly #archive: Archive;
  readonly #directory: Directory;
  readonly #controls: Controls;
  readonly #places: Places<Session>;
  /** Every job that has not ended. */
  readonly #jobs = new Map<string, EngineJob>();
  /** The server's own user's principals: these may have every place. */
  readonly #locals = new Set<string>();
  #queued = 0;
  #draining = false;
  #idle: PromiseWithResolvers<void> | undefined;
  #readyAt = performance.now();
  #ticker: ReturnType<typeof setInterval> | undefined;

  constructor(options: EngineOptions, log: Log, listener: JobListener = {}) {
    this.#options = options;
    this.#log = log;
    this.#listener = listener;
    this.pools = new Pools(options, log, this.#sweeper);
    this.#archive = new Archive(this.#archiveOptions());
    this.#places = new Places<Session>(this.#placesOptions());
    this.#directory = new Directory(this, options);
    this.#controls = new Controls({
      directory: this.#directory,
      jobs: this.#jobs,
      archive: this.#archive,
      recycle: () => this.pools.recycle(),
    });
  }

  /** Whether a session waits for a place to run. */
  get contended(): boolean {
    return this.#places.contended;
  }

  /** Starts the first R and returns its version. */
  async start(): Promise<string> {
    const version = await this.pools.warm();
    this.#readyAt = performance.now();
    return version;
  }

  /** Obeys other bounds from now on; what runs keeps those it began with. */
  reconfigure(options: EngineOptions): void {
    this.#options = options;
    this.#directory.reconfigure(options);
    this.pools.reconfigure(options);
    for (const session of this.#directory.all) session.reconsider();
    this.#archive.reconfigure(this.#archiveOptions());
    this.#places.reconfigure(this.#placesOptions());
  }

  submit(principal: Principal, request: JobRequest, signal: AbortSignal): Promise<Job> {
    return Promise.resolve().then(() => this.#admit(principal, request, signal));
  }

  attach(principal: Principal, id: string, after: number, signal: AbortSignal): Promise<Job> {
    return Promise.resolve().then(() => this.#archive.attach(principal, id, after, signal));
  }

  report(principal: Principal): Promise<Report> {
    const sees = (owner: string) => principal.local || owner === principal.name;
    const jobs = new Set([...this.#archive.jobs, ...this.#jobs.values()]);
    return Promise.resolve({
      software: "",
      rVersion: this.pools.rVersion,
      uptimeMs: performance.now() - this.#readyAt,
      running: this.#places.running,
      queued: this.#queued,
      jobsMax: this.#options.jobsMax,
      sessions: [...this.#directory.all].filter(({ owner }) => sees(owner)).map(sessionReport),
      jobs: [...jobs].filter((job) => sees(job.principal.name)).map(jobReport),
    });
  }

  functions(): Promise<Callables> {
    return Promise.resolve(ANY_FUNCTION); // Who may call less is the guard's to know.
  }

  control(principal: Principal, command: ControlCommand): Promise<string> {
    return Promise.resolve().then(() => this.#controls.obey(principal, command));
  }

  /** Refuses new jobs, waits for the open ones until `signal`, then stops what is left. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    if (this.#jobs.size > 0) {
      this.#idle = Promise.withResolvers<void>();
      const stop = () => {
        for (const session of this.#directory.all) session.cancelAll("shutdown");
      };
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      await this.#idle.promise;
      signal.removeEventListener("abort", stop);
    }
  }

  /** Whether a job could begin now. */
  get hasPlace(): boolean {
    return !this.#draining && this.#places.running < this.#options.jobsMax;
  }

  /** Ends every R. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#draining = true;
    clearInterval(this.#ticker);
    await Promise.all([
      this.pools[Symbol.asyncDispose](),
      this.#directory[Symbol.asyncDispose](),
    ]);
    this.#archive[Symbol.dispose]();
    await this.#sweeper[Symbol.asyncDispose]();
    await this.#watchdog[Symbol.asyncDispose]();
  }

  #admit(principal: Principal, request: JobRequest, signal: AbortSignal): Job {
    if (this.#draining) throw new RtoolError("draining", "The server is shutting down");
    signal.throwIfAborted();
    const { key } = request;
    const known = key === undefined
      ? undefined
      : this.#archive.maybeKeyed(principal, key, request.code, signal);
    if (known) {
      discardUploads(request.uploads);
      return known;
    }
    this.#directory.refuseDeadlock(principal, request);
    const isKept = request.detach || key !== undefined;
    if (isKept) this.#archive.refuseFull();
    if (principal.local) this.#locals.add(principal.name);
    const session = this.#directory.obtain(principal, request.session);
    const waits = session.busy || this.#places.full(principal.name);
    if (waits && this.#queued >= this.#options.queueMax) throw this.#busy();
    const job = this.#enter(principal, request, signal);
    session.enqueue(job);
    this.schedule(session);
    if (request.progress && !job.started) this.#tellWaiting();
    return isKept ? this.#archive.keep(job, signal) : job;
  }

  #enter(principal: Principal, request: JobRequest, signal: AbortSignal): EngineJob {
    const systemLimits = this.pools.limitsOf(principal.profile.name);
    const job = new EngineJob(principal, request, { ...this.#options, systemLimits });
    const gone = () => job.cancel({ kind: "cancelled", reason: "gone" });
    if (!request.detach) signal.addEventListener("abort", gone, { once: true });
    this.#jobs.set(job.id, job);
    this.#queued++;
    job.onStart = () => {
      this.#queued--;
      this.#listener.started?.(performance.now() - job.acceptedAt);
    };
    job.onEnd = (outcome, receipt) => {
      signal.removeEventListener("abort", gone);
      this.#ended(job, outcome, receipt);
    };
    return job;
  }

  #busy(): RtoolError {
    return new RtoolError(
      "busy",
      `The server is busy: ${this.#places.running} jobs run and ${this.#queued} wait, ` +
        "as many as may",
      { hint: "try again later" },
    );
  }

  /** Called by a session that has work: gives it a place, or remembers that it waits for one. */
  schedule(session: Session): void {
    if (session.running || !session.hasWork || !this.#places.take(session)) return;
    void session.run().finally(() => { // Never rejects.
      const next = this.#places.leave(session);
      if (next) this.schedule(next);
      this.schedule(session);
    });
  }

  /** Tells waiting clients where they stand, as long as there are any. */
  #tellWaiting(): void {
    let told = false;
    for (const session of this.#directory.all) {
      for (const [index, job] of session.line.entries()) {
        if (!job.request.progress) continue;
        told = true;
        job.wait(index + this.#places.ahead(session), session.current);
      }
    }
    if (told) this.#ticker ??= setInterval(() => this.#tellWaiting(), WAITING_MS);
    else {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
    }
  }

  #ended(job: EngineJob, outcome: Outcome, receipt: Receipt): void {
    this.#jobs.delete(job.id);
    discardUploads(job.request.uploads);
    if (!job.started) this.#queued--;
    this.#log.info("job ended", {
      job: job.id,
      session: job.request.session ?? "(fresh)",
      principal: job.principal.name,
      outcome: outcome.kind,
      ms: Math.round(receipt.wallMs * 10) / 10,
      code_bytes: job.request.code.length,
      stdout_bytes: receipt.stdoutBytes,
      stderr_bytes: receipt.stderrBytes,
    });
    this.#listener.ended?.(job, outcome, receipt);
    if (this.#jobs.size === 0) this.#idle?.resolve();
  }

  #archiveOptions(): ConstructorParameters<typeof Archive>[0] {
    const { stateDir, detachedKeepMs, detachedMax } = this.#options;
    return { stateDir, keepMs: detachedKeepMs, bytesMax: detachedMax, jobsMax: KEPT_JOBS_MAX };
  }

  #placesOptions(): ConstructorParameters<typeof Places>[0] {
    const { jobsMax, jobsPerPrincipalMax } = this.#options;
    const maxOf = (owner: string) => this.#locals.has(owner) ? jobsMax : jobsPerPrincipalMax;
    return { max: jobsMax, maxOf };
  }
}
