/**
 * What a server tells of its sessions and jobs, and what it can be asked to do to them.
 *
 * Words only, as in job.ts.
 */

/** One session. */
export interface SessionReport {
  /** Eight hexadecimal digits; names it where a name would not do. */
  readonly id: string;
  /** Its name; null when it was made for a single job. */
  readonly name: string | null;
  readonly principal: string;
  /**
   * `busy`: evaluates; `waiting`: has jobs and no place to run them; `idle`: has an R and no job;
   * `stopping`: a job is being stopped; `empty`: its R has ended, the next job starts another.
   */
  readonly state: "busy" | "waiting" | "idle" | "stopping" | "empty";
  /** The job R is at, or null. */
  readonly job: string | null;
  /** How long that job has run, in milliseconds, or null. */
  readonly jobAgeMs: number | null;
  /** How long the session has had no job, in milliseconds; null while it has one. */
  readonly idleMs: number | null;
  /** Jobs that wait for this session. */
  readonly queued: number;
  readonly jobsDone: number;
  /** Process id of R, or null. */
  readonly pid: number | null;
  /** How its R was started. */
  readonly start: "fork" | "spawn" | null;
  /** Processor time of R and all it has started, in milliseconds; null where unknown. */
  readonly cpuMs: number | null;
  /** Memory of R and all it has started, in bytes, shared pages by share; null where unknown. */
  readonly memoryBytes: number | null;
}

/** One job: waiting, running, or ended and still kept. */
export interface JobReport {
  readonly id: string;
  /** Name of its session; null for a session of its own. */
  readonly session: string | null;
  readonly principal: string;
  readonly state: "waiting" | "running" | "ended";
  readonly detached: boolean;
  /** Kind of its outcome, once it has ended. */
  readonly outcome: string | null;
  /** Since it was accepted, in milliseconds. */
  readonly ageMs: number;
  /** How long it has run or ran, in milliseconds; null before it starts. */
  readonly wallMs: number | null;
  readonly codeBytes: number;
}

/** A server at one moment. */
export interface Report {
  readonly software: string;
  readonly rVersion: string;
  /** Since the server was ready, in milliseconds. */
  readonly uptimeMs: number;
  readonly running: number;
  readonly queued: number;
  readonly jobsMax: number;
  readonly sessions: readonly SessionReport[];
  readonly jobs: readonly JobReport[];
}

/** What can be done to a session, by its name or id, or to a job. */
export type ControlCommand =
  /** Ends the session's R and what it has started; its jobs end as `cancelled`. */
  | { readonly kind: "kill"; readonly session: string }
  /** Interrupts the job the session is at; its variables stay. */
  | { readonly kind: "interrupt"; readonly session: string }
  /** The session's next job gets a clean R; what runs may finish. */
  | { readonly kind: "reset"; readonly session: string }
  /** New sessions come from an R started anew: for packages that have changed. */
  | { readonly kind: "recycle" }
  | { readonly kind: "cancel"; readonly job: string };
