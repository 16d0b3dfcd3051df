/**
 * Joins the parts of `rtool serve`: port, guard, engine, doors; runs them until told to stop.
 *
 * Part of main.ts, loaded only by `serve`.
 */

import { createGuard, identify } from "./access/guard.ts";
import { hasGone } from "./access/peer.ts";
import type { Context } from "./cli/context.ts";
import { fitConnections, makeStateDir, openPort, rEnvironment } from "./cli/serve.ts";
import { SERVE } from "./cli/table_serve.ts";
import { RtoolError } from "./core/errors.ts";
import type { JobLimits } from "./core/job.ts";
import { createLog, type Log } from "./core/log.ts";
import type { Options } from "./core/options.ts";
import { createReloader } from "./core/reload.ts";
import { SOFTWARE } from "./core/version.ts";
import { type NativeOptions, refuseNative, serveNative } from "./doors/native.ts";
import { refuseRpy2, serveRpy2 } from "./doors/rpy2.ts";
import { type EngineOptions, Sessions } from "./engine/sessions.ts";
import type { Link } from "./wire.ts";
import { serve, type ServeOptions } from "./server.ts";
import { confine } from "./start_sandbox.ts";

const HELLO_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 30_000;

/** What a running server is told from outside. */
export interface Control {
  /** Ends it, once its jobs have. */
  readonly stop: AbortSignal;
  /** Lets it wait for no job. */
  readonly hurry: AbortSignal;
  /** Calls back whenever the configuration is to be read again. */
  readonly onReload: (reload: () => void) => void;
  /** Reads all options again, as at the start. */
  readonly reread: () => Promise<Options>;
}

/** Serves until `stop`, drains until that is done or `hurry`, and leaves nothing behind. */
export async function start(context: Context, control: Control): Promise<void> {
  const { options, say } = context;
  const { stop, hurry } = control;
  const log = openLog(options);
  const limits = limitsOf(options);
  const listener = openPort(options);
  const stateDir = makeStateDir();
  try {
    const first = engineOptions(options, context.env, stateDir);
    const confined = await confine(options, first, log);
    await using sessions = new Sessions({ ...first, ...confined }, log);
    const applied = (changed: Options) => {
      sessions.reconfigure({ ...engineOptions(changed, context.env, stateDir), ...confined });
      Object.assign(limits, limitsOf(changed));
    };
    const reload = { specs: SERVE.options, read: control.reread, apply: applied, log };
    control.onReload(createReloader(options, reload));
    const rVersion = await startR(sessions, stop);
    const drained = new AbortController();
    const served = serve(
      listener,
      joinDoors(limits, sessions, { rVersion, spoolDir: stateDir }, log),
      stop,
      drained.signal,
    );
    const { hostname, port } = listener.addr;
    say(`listening on ${hostname}:${port} (R ${rVersion})`);
    await aborted(stop);
    await sessions.drain(AbortSignal.any([hurry, AbortSignal.timeout(limits.drainMs)]));
    drained.abort();
    await served;
  } finally {
    closeQuietly(listener);
    await Deno.remove(stateDir, { recursive: true }).catch(() => {});
  }
}

/** Bounds outside the engine; what holds them reads them anew each time. */
interface Limits {
  insecure: boolean;
  codeMax: number;
  uploadMax: number;
  connectionsMax: number;
  jobsPerConnectionMax: number;
  limitsMax: JobLimits;
  timeoutMax: number | undefined;
  drainMs: number;
}

function limitsOf(options: Options): Limits {
  return {
    insecure: options.flag("insecure"),
    codeMax: options.bytes("code-max"),
    uploadMax: options.bytes("upload-max"),
    connectionsMax: fitConnections(
      options.integer("connections-max"),
      options.integer("sessions-max"),
    ),
    jobsPerConnectionMax: options.integer("jobs-per-connection-max"),
    limitsMax: jobLimits(options),
    timeoutMax: options.maybeMs("timeout-max"),
    drainMs: options.ms("drain"),
  };
}

function jobLimits(options: Options): JobLimits {
  const cpuMs = options.maybeMs("cpu-max");
  return {
    ...(cpuMs === undefined ? {} : { cpuMs }),
    memoryBytes: options.bytes("memory-max"),
    outputBytes: options.bytes("output-max"),
    processes: options.integer("processes-max"),
  };
}

function engineOptions(
  options: Options,
  env: Context["env"],
  stateDir: string,
): EngineOptions {
  return {
    command: options.text("r"),
    stateDir,
    env: rEnvironment(env),
    startTimeoutMs: START_TIMEOUT_MS,
    stopGraceMs: options.ms("stop-grace"),
    jobsMax: options.integer("jobs-max"),
    queueMax: options.integer("queue-max"),
    sessionsMax: options.integer("sessions-max"),
    outputMax: options.bytes("output-max"),
    valueMax: options.bytes("value-max"),
    plotsMax: options.integer("plots-max"),
    plotSizeMax: options.bytes("plot-size-max"),
    filesMax: options.bytes("files-max"),
    sessionIdleMs: options.ms("session-idle"),
    jobsPerPrincipalMax: options.integer("jobs-per-principal-max"),
    detachedKeepMs: options.ms("detached-keep"),
    detachedMax: options.bytes("detached-max"),
    diskLeftMin: options.bytes("disk-left-min"),
    ...startOptions(options),
    systemLimits: {
      memoryBytes: options.bytes("memory-max"),
      openFiles: options.integer("open-files-max"),
      fileBytes: options.bytes("file-size-max"),
    },
  };
}

/** Getters, since `limits` changes when the configuration is read again. */
function joinDoors(
  limits: Readonly<Limits>,
  sessions: Sessions,
  told: Pick<NativeOptions, "rVersion" | "spoolDir">,
  log: Log,
): ServeOptions {
  const evaluator = createGuard(sessions, limits);
  const native = {
    evaluator,
    software: SOFTWARE,
    ...told,
    get codeMax() {
      return limits.codeMax;
    },
    get uploadMax() {
      return limits.uploadMax;
    },
    get jobsPerConnectionMax() {
      return limits.jobsPerConnectionMax;
    },
  };
  const rpy2 = {
    evaluator,
    get codeMax() {
      return limits.codeMax;
    },
    hasGone: (link: Link) => hasGone(link.ends),
  };
  return {
    native: {
      serve: (link, _line, principal, greeted) => serveNative(link, principal, native, greeted),
      refuse: refuseNative,
    },
    rpy2: {
      serve: (link, line, principal, greeted) => serveRpy2(link, line, principal, rpy2, greeted),
      refuse: refuseRpy2,
    },
    identify: (link) => identify(link.ends, limits),
    get connectionsMax() {
      return limits.connectionsMax;
    },
    helloTimeoutMs: HELLO_TIMEOUT_MS,
    log,
  };
}

/** How sessions get their R. */
function startOptions(
  options: Options,
): Pick<EngineOptions, "start" | "spares" | "spareAgeMaxMs" | "preload"> {
  const script = options.maybeText("init");
  return {
    start: options.text("start") === "spawn" ? "spawn" : "fork",
    spares: options.integer("spares"),
    spareAgeMaxMs: options.ms("spare-age-max"),
    preload: {
      packages: options.list("preload"),
      // R starts in a directory of its own.
      script: script === undefined || script.startsWith("/") ? script : `${Deno.cwd()}/${script}`,
    },
  };
}

async function startR(sessions: Sessions, stop: AbortSignal): Promise<string> {
  const version = await Promise.race([sessions.start(), aborted(stop)]);
  if (version === undefined) throw new RtoolError("draining", "Stopped before R was ready");
  return version;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function closeQuietly(listener: Deno.TcpListener): void {
  try {
    listener.close();
  } catch {
    // Closed when the stop was asked for.
  }
}

/** `--quiet` leaves the errors. */
function openLog(options: Options): Log {
  const log = createLog(writeLog);
  return options.flag("quiet") ? { ...log, info: () => {} } : log;
}

async function writeLog(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stderr.write(bytes.subarray(at));
}
