/**
 * The engine on real R, and jobs as one line each.
 */

import { assert, assertRejects } from "@std/assert";
import { RtoolError } from "../core/errors.ts";
import { bareRequest } from "../core/job.ts";
import type { Condition, Job, JobRequest, Outcome, Principal, Receipt } from "../core/job.ts";
import { OWNER } from "../core/profile.ts";
import { processesWith } from "../engine/process_table.ts";
import { WORKER_VARIABLE } from "../engine/spawn.ts";
import { type EngineOptions, type JobListener, Sessions } from "../engine/sessions.ts";

/** A job that hangs fails its test after this, in milliseconds. */
const PATIENCE_MS = 20_000;

/** Whoever asks, unless a test says otherwise. */
export const USER: Principal = { name: "tester", local: true, profile: OWNER };

/** What makes R start sooner: base alone, for tests that need no more of it. */
export const BARE: Partial<EngineOptions> = {
  env: { ...rEnvironment(), R_DEFAULT_PACKAGES: "NULL" },
};

/** All that a job has emitted. */
export interface Ended {
  readonly outcome: Outcome;
  readonly receipt: Receipt;
  readonly stdout: string;
  readonly stderr: string;
  readonly conditions: readonly Condition[];
  /** What the job was told when it started. */
  readonly note: string | undefined;
  /** How often it was said to have started. */
  readonly starts: number;
}

/** What a request may have beside its code. */
export type More = Partial<JobRequest> & {
  readonly principal?: Principal;
  readonly signal?: AbortSignal;
};

/** A running engine. */
export class TestEngine implements AsyncDisposable {
  readonly sessions: Sessions;
  readonly dir: string;
  readonly options: EngineOptions;

  constructor(options: Partial<EngineOptions> = {}, listener: JobListener = {}) {
    this.dir = options.stateDir ?? Deno.makeTempDirSync({ prefix: "rtool-test-" });
    this.options = {
      command: "R",
      stateDir: this.dir,
      env: rEnvironment(),
      startTimeoutMs: 30_000,
      stopGraceMs: 2000,
      jobsMax: 16,
      queueMax: 1000,
      sessionsMax: 64,
      outputMax: 1 << 28,
      valueMax: 1 << 30,
      plotsMax: 100,
      plotSizeMax: 20 << 20,
      filesMax: 1 << 30,
      sessionIdleMs: 3_600_000,
      jobsPerPrincipalMax: 8,
      detachedKeepMs: 3_600_000,
      detachedMax: 1 << 30,
      start: (Deno.env.get("RTOOL_TEST_START") ?? "spawn") as "spawn" | "fork",
      spares: 1,
      spareAgeMaxMs: 3_600_000,
      preload: { packages: [], scripts: [] },
      systemLimits: { memoryBytes: undefined, openFiles: undefined, fileBytes: undefined },
      diskLeftMin: 1 << 20,
      ...options,
    };
    this.sessions = new Sessions(this.options, { info: () => {}, error: () => {} }, listener);
  }

  /** An engine whose first R is ready. */
  static async started(options: Partial<EngineOptions> = {}): Promise<TestEngine> {
    const engine = new TestEngine(options);
    await engine.sessions.start();
    return engine;
  }

  submit(code: string, more: More = {}): Promise<Job> {
    const { principal = USER, signal = new AbortController().signal, ...fields } = more;
    return this.sessions.submit(principal, { ...bareRequest(code, "main"), ...fields }, signal);
  }

  /** Submits, and waits for the end. */
  async run(code: string, more: More = {}): Promise<Ended> {
    return await collect(await this.submit(code, more));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sessions[Symbol.asyncDispose]();
    await Deno.remove(this.dir, { recursive: true });
  }
}

/** Why a job is not taken; fails when it is. */
export async function refusal(
  engine: TestEngine,
  code: string,
  more: More = {},
): Promise<RtoolError> {
  return await assertRejects(() => engine.submit(code, more), RtoolError);
}

/** Everything a job emits, to its end. `watch` is called with each piece of its output. */
export async function collect(job: Job, watch?: (text: string) => void): Promise<Ended> {
  const text = { stdout: "", stderr: "" };
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const conditions: Condition[] = [];
  let note: string | undefined;
  let starts = 0;
  let end: { outcome: Outcome; receipt: Receipt } | undefined;
  const events = job.events[Symbol.asyncIterator]();
  for (;;) {
    const { value: event, done } = await soon(events.next(), () => JSON.stringify(text));
    if (done) break;
    assert(end === undefined, `A job went on after its end with '${event.kind}'`);
    if (event.kind === "stdout" || event.kind === "stderr") {
      const piece = decoders[event.kind].decode(event.bytes, { stream: true });
      text[event.kind] += piece;
      watch?.(piece);
    } else if (event.kind === "condition") {
      conditions.push(event.condition);
    } else if (event.kind === "started") {
      note = event.note;
      starts++;
    } else if (event.kind === "end") {
      end = event;
    }
  }
  assert(end, "The events of a job ended without its end");
  const { outcome, receipt } = end;
  return { outcome, receipt, ...text, conditions, note, starts };
}

/** The promise's value, or a failure when it takes too long. */
async function soon<T>(promise: Promise<T>, describe: () => string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`A job hangs, so far it said ${describe().slice(0, 200)}`));
  }, PATIENCE_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the server's R starts in. */
export function rEnvironment(): Record<string, string> {
  const env: Record<string, string> = { LANG: "C.UTF-8" };
  for (const name of ["PATH", "HOME"]) env[name] = Deno.env.get(name) ?? "";
  return env;
}

/** Ids of the processes that carry a worker's mark. */
export function markedProcesses(id: string): number[] {
  return processesWith([`${WORKER_VARIABLE}=${id}`]).map(({ pid }) => pid);
}
