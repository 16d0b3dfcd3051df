/**
 * Joins the parts of `rtool serve`: port, guard, engine, doors; runs them until told to stop.
 *
 * Part of main.ts, loaded only by `serve`.
 */

import { createGuard, identify } from "./access/guard.ts";
import { hasGone } from "./access/peer.ts";
import type { Context } from "./cli/context.ts";
import { fitConnections, makeStateDir, openPort, rEnvironment } from "./cli/serve.ts";
import { RtoolError } from "./core/errors.ts";
import { createLog, type Log, NO_LOG } from "./core/log.ts";
import type { Options } from "./core/options.ts";
import { SOFTWARE } from "./core/version.ts";
import { refuseNative, serveNative } from "./doors/native.ts";
import { refuseRpy2, serveRpy2 } from "./doors/rpy2.ts";
import { type EngineOptions, Sessions } from "./engine/sessions.ts";
import type { Link } from "./wire.ts";
import { serve, type ServeOptions } from "./server.ts";

const HELLO_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 30_000;
const JOBS_PER_CONNECTION_MAX = 256;

/** Serves until `stop`, drains until that is done or `hurry`, and leaves nothing behind. */
export async function start(
  context: Context,
  stop: AbortSignal,
  hurry: AbortSignal,
): Promise<void> {
  const { options, say } = context;
  const log = options.flag("quiet") ? NO_LOG : createLog(writeLog);
  const listener = openPort(options);
  const stateDir = makeStateDir();
  try {
    await using sessions = new Sessions(engineOptions(context, stateDir), log);
    const rVersion = await startR(sessions, stop);
    const drained = new AbortController();
    const served = serve(
      listener,
      joinDoors(options, sessions, rVersion, log),
      stop,
      drained.signal,
    );
    const { hostname, port } = listener.addr;
    say(`listening on ${hostname}:${port} (R ${rVersion})`);
    await aborted(stop);
    await sessions.drain(AbortSignal.any([hurry, AbortSignal.timeout(options.ms("drain"))]));
    drained.abort();
    await served;
  } finally {
    closeQuietly(listener);
    await Deno.remove(stateDir, { recursive: true }).catch(() => {});
  }
}

function engineOptions({ options, env }: Context, stateDir: string): EngineOptions {
  return {
    command: options.text("r"),
    stateDir,
    env: rEnvironment(env),
    startTimeoutMs: START_TIMEOUT_MS,
    stopGraceMs: options.ms("stop-grace"),
    jobsMax: Number(options.maybeText("jobs-max") ?? defaultJobsMax()),
    queueMax: options.integer("queue-max"),
    sessionsMax: options.integer("sessions-max"),
    outputMax: options.bytes("output-max"),
    sessionIdleMs: options.ms("session-idle"),
  };
}

function joinDoors(
  options: Options,
  sessions: Sessions,
  rVersion: string,
  log: Log,
): ServeOptions {
  const codeMax = options.bytes("code-max");
  const guard = { insecure: options.flag("insecure"), codeMax };
  const evaluator = createGuard(sessions, guard);
  const native = {
    evaluator,
    software: SOFTWARE,
    rVersion,
    codeMax,
    jobsPerConnectionMax: JOBS_PER_CONNECTION_MAX,
  };
  const rpy2 = { evaluator, codeMax, hasGone: (link: Link) => hasGone(link.ends) };
  return {
    native: {
      serve: (link, _line, principal, greeted) => serveNative(link, principal, native, greeted),
      refuse: refuseNative,
    },
    rpy2: {
      serve: (link, line, principal, greeted) => serveRpy2(link, line, principal, rpy2, greeted),
      refuse: refuseRpy2,
    },
    identify: (link) => identify(link.ends, guard),
    connectionsMax: fitConnections(
      options.integer("connections-max"),
      options.integer("sessions-max"),
    ),
    helloTimeoutMs: HELLO_TIMEOUT_MS,
    log,
  };
}

async function startR(sessions: Sessions, stop: AbortSignal): Promise<string> {
  const version = await Promise.race([sessions.start(), aborted(stop)]);
  if (version === undefined) throw new RtoolError("draining", "Stopped before R was ready");
  const [major] = version.split(".");
  if (Number(major) < 4) {
    throw new RtoolError("r_unavailable", `Cannot use R ${version}: rtool needs R 4.0 or newer`);
  }
  return version;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function defaultJobsMax(): number {
  return Math.max(4, 2 * navigator.hardwareConcurrency);
}

function closeQuietly(listener: Deno.TcpListener): void {
  try {
    listener.close();
  } catch {
    // Closed when the stop was asked for.
  }
}

async function writeLog(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stderr.write(bytes.subarray(at));
}
