/**
 * Jobs whose events are kept: detached ones and those with a key, for a while after their end.
 *
 * Must not know sessions or R.
 */

import { RtoolError } from "../core/errors.ts";
import type { Job, JobEvent, JobId, Principal } from "../core/job.ts";
import { EventLog } from "./event_log.ts";
import type { EngineJob } from "./job.ts";

/** Bounds of what is kept. */
export interface ArchiveOptions {
  /** Where events go that memory is not to hold. */
  readonly stateDir: string;
  /** How long after a job's end, in milliseconds. @default {1 h} */
  readonly keepMs: number;
  /** Events of all jobs on disk, in bytes; the oldest ended ones go first. @default {1 GiB} */
  readonly bytesMax: number;
  /** Jobs that are kept at once. @default {10000} */
  readonly jobsMax: number;
}

/** A job whose events are kept. */
interface Kept {
  readonly job: EngineJob;
  readonly log: EventLog;
  readonly key: string | undefined;
  /** Runs once the job has ended. */
  timer?: ReturnType<typeof setTimeout>;
}

/** Every kept job of one server. */
export class Archive {
  #options: ArchiveOptions;
  readonly #kept = new Map<JobId, Kept>();
  readonly #byKey = new Map<string, Kept>();
  #fileBytes = 0;

  constructor(options: ArchiveOptions) {
    this.#options = options;
  }

  /** Kept jobs, the oldest first. */
  get jobs(): readonly EngineJob[] {
    return Array.from(this.#kept.values(), ({ job }) => job);
  }

  reconfigure(options: ArchiveOptions): void {
    this.#options = options;
  }

  /** The job this key has been used for, looked at from its first event. */
  maybeKeyed(
    principal: Principal,
    key: string,
    code: string,
    signal: AbortSignal,
  ): Job | undefined {
    const kept = this.#byKey.get(nameOf(principal, key));
    if (!kept) return undefined;
    if (kept.job.request.code !== code) {
      throw new RtoolError("bad_request", `The key '${key}' was used for other code before`, {
        hint: "take a new key for each piece of work",
      });
    }
    return look(kept, 0, signal);
  }

  /** Refuses as `busy` when no more jobs can be kept. */
  refuseFull(): void {
    this.#makeRoom();
    if (this.#kept.size < this.#options.jobsMax) return;
    throw new RtoolError("busy", `The events of ${this.#kept.size} jobs are kept, as many as may`);
  }

  /** Begins to keep a job's events; what is returned is looked at in the job's stead. */
  keep(job: EngineJob, signal: AbortSignal): Job {
    const { key } = job.request;
    const log = new EventLog(`${this.#options.stateDir}/events-${job.id}`);
    const kept: Kept = { job, log, key: key && nameOf(job.principal, key) };
    this.#kept.set(job.id, kept);
    if (kept.key !== undefined) this.#byKey.set(kept.key, kept);
    void this.#record(kept); // Never rejects.
    return look(kept, 0, signal);
  }

  /** A kept job of this principal, from the event behind `after` on. */
  attach(principal: Principal, id: JobId, after: number, signal: AbortSignal): Job {
    const kept = this.#kept.get(id);
    if (kept && (principal.local || kept.job.principal.name === principal.name)) {
      return look(kept, after, signal);
    }
    throw new RtoolError("unknown_job", `There is no job ${id} whose events are kept`, {
      hint: "see: rtool jobs; events are kept for jobs sent with --detach or --key",
    });
  }

  /** Forgets everything. */
  [Symbol.dispose](): void {
    for (const kept of this.#kept.values()) this.#forget(kept);
  }

  async #record(kept: Kept): Promise<void> {
    for await (const event of kept.job.events) this.#append(kept, event);
    kept.log.close();
    if (!this.#kept.has(kept.job.id)) return;
    kept.timer = setTimeout(() => this.#forget(kept), this.#options.keepMs);
    Deno.unrefTimer(kept.timer);
  }

  /** A job whose events cannot be kept is stopped: it would end without a witness. */
  #append({ job, log }: Kept, event: JobEvent): void {
    const before = log.fileBytes;
    try {
      log.append(event);
      this.#fileBytes += log.fileBytes - before;
      if (this.#fileBytes <= this.#options.bytesMax) return;
      this.#makeRoom();
      if (this.#fileBytes <= this.#options.bytesMax) return;
      job.cancel({ kind: "limited", limit: "output", max: this.#options.bytesMax });
    } catch {
      job.cancel({ kind: "limited", limit: "disk", max: 0 });
    }
  }

  /** Lets the oldest go that have ended. */
  #makeRoom(): void {
    const { bytesMax, jobsMax } = this.#options;
    for (const kept of this.#kept.values()) {
      if (this.#fileBytes <= bytesMax && this.#kept.size < jobsMax) return;
      if (kept.job.settled) this.#forget(kept);
    }
  }

  #forget(kept: Kept): void {
    if (!this.#kept.has(kept.job.id)) return;
    clearTimeout(kept.timer);
    this.#fileBytes -= kept.log.fileBytes;
    kept.log.discard();
    this.#kept.delete(kept.job.id);
    if (kept.key !== undefined && this.#byKey.get(kept.key) === kept) this.#byKey.delete(kept.key);
  }
}

function nameOf(principal: Principal, key: string): string {
  return `${principal.name}\n${key}`;
}

function look({ job, log }: Kept, after: number, signal: AbortSignal): Job {
  return { id: job.id, events: log.read(after, signal), cancel: (reason) => job.cancel(reason) };
}
