/**
 * The port and its doors on a real loopback socket, in front of an Evaluator of a few lines.
 */

import { ANY_FUNCTION } from "../core/callable.ts";
import { RtoolError } from "../core/errors.ts";
import { EMPTY_RECEIPT, type Evaluator, type Job, type JobEvent } from "../core/job.ts";
import type { JobRequest, Principal, StopReason } from "../core/job.ts";
import type { Log, LogFields } from "../core/log.ts";
import type { Report } from "../core/report.ts";
import { OWNER } from "../core/profile.ts";
import { refuseNative, serveNative } from "../doors/native.ts";
import { refuseRpy2, serveRpy2 } from "../doors/rpy2.ts";
import { PAYLOAD_BYTES_MAX } from "../protocol.ts";
import { serve, type ServeOptions } from "../server.ts";

/** Whoever connects. */
export const PRINCIPAL: Principal = { name: "tester", local: true, profile: OWNER };

/** What a test may want to be otherwise. */
export interface PortOptions {
  readonly jobsPerConnectionMax?: number;
  readonly codeMax?: number;
  readonly uploadMax?: number;
  /** Where uploads are kept. @default {nowhere: there are none} */
  readonly spoolDir?: string;
  readonly connectionsMax?: number;
  readonly helloTimeoutMs?: number;
  readonly admit?: ServeOptions["admit"];
  readonly secure?: ServeOptions["secure"];
  readonly watch?: ServeOptions["watch"];
}

/** An event of the log. */
export interface LogLine {
  readonly level: "info" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/** A port that listens. */
export interface FakePort extends AsyncDisposable {
  readonly port: number;
  readonly log: readonly LogLine[];
  /** Stops accepting; open connections go on until they are drained at the disposal. */
  stop(): void;
  /** Resolves when so many connections have ended. */
  ended(count: number): Promise<void>;
}

/** Starts `serve()` with both doors in front of `evaluator`. */
export function startPort(evaluator: Evaluator, options: PortOptions = {}): FakePort {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stop = new AbortController();
  const drained = new AbortController();
  const { log, lines, ended } = createMemoryLog();
  const served = serve(
    listener,
    {
      ...joinDoors(evaluator, options),
      admit: options.admit ?? (() => Promise.resolve(PRINCIPAL)),
      secure: options.secure,
      watch: options.watch,
      connectionsMax: options.connectionsMax ?? 64,
      helloTimeoutMs: options.helloTimeoutMs ?? 10_000,
      log,
    },
    stop.signal,
    drained.signal,
  );
  return {
    port: listener.addr.port,
    log: lines,
    stop: () => stop.abort(),
    ended,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      drained.abort();
      await served;
    },
  };
}

function joinDoors(
  evaluator: Evaluator,
  options: PortOptions,
): Pick<ServeOptions, "native" | "rpy2"> {
  const codeMax = options.codeMax ?? 1 << 24;
  const native = {
    evaluator,
    software: "rtool test",
    rVersion: "4.2.2",
    jobsPerConnectionMax: options.jobsPerConnectionMax ?? 256,
    codeMax,
    uploadMax: options.uploadMax ?? 1 << 24,
    spoolDir: options.spoolDir ?? "/nonexistent",
  };
  const rpy2 = { evaluator, codeMax, hasGone: () => false };
  return {
    native: {
      serve: (link, _line, who, greeted) => serveNative(link, who, native, greeted),
      refuse: refuseNative,
    },
    rpy2: {
      serve: (link, line, who, greeted) => serveRpy2(link, line, who, rpy2, greeted),
      refuse: refuseRpy2,
    },
  };
}

/**
 * An Evaluator whose jobs are what `events` yields; an aborted signal or a cancel ends them. It
 * knows its jobs, and attaching to one yields the same events again.
 */
export function createEvaluator(
  events: (request: JobRequest, signal: AbortSignal) => AsyncIterable<JobEvent>,
): Evaluator {
  const jobs = new Map<string, { request: JobRequest; stop: AbortController }>();
  const find = (id: string) => {
    const job = jobs.get(id);
    if (job) return job;
    throw new RtoolError("unknown_job", `There is no job ${id}`);
  };
  return fakeEvaluator({
    submit: (_principal, request, signal) => {
      const stop = new AbortController();
      const either = request.detach ? stop.signal : AbortSignal.any([signal, stop.signal]);
      const id = crypto.randomUUID().replaceAll("-", "");
      jobs.set(id, { request, stop });
      const cancel: Job["cancel"] = (reason) => stop.abort(reason);
      return Promise.resolve({ id, events: events(request, either), cancel });
    },
    attach: async (_principal, id, after) => {
      const { request, stop } = await Promise.resolve().then(() => find(id));
      const cancel: Job["cancel"] = (reason) => stop.abort(reason);
      return { id, events: skip(events(request, stop.signal), after), cancel };
    },
    control: async (_principal, command) => {
      await Promise.resolve();
      if (command.kind === "cancel") find(command.job).stop.abort();
      else if (command.kind !== "recycle" && command.session !== "main") {
        throw new RtoolError("unknown_session", `There is no session '${command.session}'`);
      }
      return `done: ${command.kind}`;
    },
  });
}

/** An Evaluator that can do this, and refuses or has nothing to tell of what else there is. */
export function fakeEvaluator(able: Partial<Evaluator>): Evaluator {
  const refuse = () => Promise.reject(new RtoolError("internal", "This test expects no such call"));
  return {
    submit: refuse,
    attach: refuse,
    control: refuse,
    report: () => Promise.resolve(REPORT),
    functions: () => Promise.resolve(ANY_FUNCTION),
    ...able,
  };
}

/** What a server with one session and one job tells. */
export const REPORT: Report = {
  software: "",
  rVersion: "4.2.2",
  uptimeMs: 1000,
  running: 1,
  queued: 0,
  jobsMax: 4,
  sessions: [{
    id: "0a1b2c3d",
    name: "main",
    principal: "tester",
    state: "busy",
    job: "0123456789abcdef0123456789abcdef",
    jobAgeMs: 12_345,
    idleMs: null,
    queued: 0,
    jobsDone: 7,
    pid: 4242,
    start: "spawn",
    cpuMs: 1500,
    memoryBytes: 64 << 20,
  }],
  jobs: [{
    id: "0123456789abcdef0123456789abcdef",
    session: "main",
    principal: "tester",
    state: "running",
    detached: true,
    outcome: null,
    ageMs: 13_000,
    wallMs: 12_345,
    codeBytes: 100,
  }],
};

async function* skip<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let index = 0;
  for await (const item of items) if (index++ >= count) yield item;
}

/** Prints the code and ends well. */
export const ECHO = createEvaluator(async function* ({ code }) {
  yield { kind: "started", note: undefined };
  const bytes = new TextEncoder().encode(code);
  for (let at = 0; at < bytes.length; at += PAYLOAD_BYTES_MAX) {
    const part = bytes.subarray(at, at + PAYLOAD_BYTES_MAX);
    yield await Promise.resolve({ kind: "stdout", bytes: part });
  }
  yield okEnd();
});

/** Runs until it is stopped, and says by whom. */
export const SLEEPER = createEvaluator(async function* (_request, signal) {
  yield { kind: "started", note: undefined };
  await aborted(signal);
  const reason = signal.reason as StopReason | DOMException;
  yield {
    kind: "end",
    outcome: "kind" in reason ? reason : { kind: "cancelled", reason: "gone" },
    receipt: EMPTY_RECEIPT,
  };
});

/** The end of a job that went well. */
export function okEnd(): JobEvent {
  return { kind: "end", outcome: { kind: "ok" }, receipt: EMPTY_RECEIPT };
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

export function createMemoryLog(): {
  log: Log;
  lines: LogLine[];
  ended: (count: number) => Promise<void>;
} {
  const lines: LogLine[] = [];
  const waiting: { count: number; done: () => void }[] = [];
  const endings = () => lines.filter(({ message }) => message === "connection ended").length;
  const add = (level: LogLine["level"]) => (message: string, fields: LogFields = {}) => {
    lines.push({ level, message, fields });
    for (const each of waiting) if (endings() >= each.count) each.done();
  };
  const ended = (count: number) =>
    new Promise<void>((done) => {
      if (endings() >= count) done();
      else waiting.push({ count, done });
    });
  return { log: { info: add("info"), error: add("error") }, lines, ended };
}
