/**
 * Joins the parts of `rtool serve`: port, guard, engine, doors; runs them until told to stop.
 *
 * Part of main.ts, loaded only by `serve`.
 */

import { Admission } from "./access/admission.ts";
import { createGuard } from "./access/guard.ts";
import { hideProcess } from "./access/hiding.ts";
import { hasGone } from "./access/peer.ts";
import type { Registries } from "./access/call_check.ts";
import type { Context } from "./cli/context.ts";
import { PROFILE_TABLE, readProfiles, refuseConfined } from "./cli/profiles.ts";
import { fitConnections, makeStateDir, openPort, rEnvironment } from "./cli/serve.ts";
import { SERVE } from "./cli/table_serve.ts";
import { tokensPath } from "./cli/token_file.ts";
import { RtoolError } from "./core/errors.ts";
import type { Evaluator, JobLimits } from "./core/job.ts";
import type { Log } from "./core/log.ts";
import type { Options } from "./core/options.ts";
import { createReloader } from "./core/reload.ts";
import { SOFTWARE } from "./core/version.ts";
import { type NativeOptions, refuseNative, serveNative } from "./doors/native.ts";
import { refuseRpy2, serveRpy2 } from "./doors/rpy2.ts";
import { type EngineOptions, Sessions } from "./engine/sessions.ts";
import type { Link } from "./wire.ts";
import { serve, type ServeOptions } from "./server.ts";
import { auditedAdmission, maybeAudit } from "./start_audit.ts";
import { openLog } from "./start_log.ts";
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
  hideProcess(log);
  using audit = maybeAudit(options, log);
  const limits: Limits = { ...limitsOf(options), registries: new Map() };
  const access = await openAccess(context, limits, log);
  const listener = openPort(options);
  const stateDir = makeStateDir();
  try {
    const onEnd = audit && audit.ended.bind(audit);
    const first = engineOptions(options, context.env, stateDir);
    const confined = await confine(options, first, log);
    await using sessions = new Sessions({ ...first, ...confined }, log, onEnd);
    const applied = (changed: Options) => {
      sessions.reconfigure({ ...engineOptions(changed, context.env, stateDir), ...confined });
      Object.assign(limits, limitsOf(changed));
      access.reconfigure(changed);
    };
    const read = async () => await access.checked(await control.reread());
    const tables = [PROFILE_TABLE];
    const reload = { specs: SERVE.options, tables, read, apply: applied, log };
    control.onReload(createReloader(options, reload));
    const rVersion = await startR(sessions, stop);
    const drained = new AbortController();
    const guard = createGuard(sessions, limits);
    const served = serve(
      listener,
      {
        ...joinDoors(limits, audit?.around(guard) ?? guard, { rVersion, spoolDir: stateDir }),
        admit: auditedAdmission(access.admission, audit),
        log,
      },
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

/** Who may come in and what each gets, as the configuration and the token file say. */
async function openAccess({ options, env }: Context, limits: Limits, log: Log) {
  const profilesOf = (from: Options) => readProfiles(from.below(PROFILE_TABLE));
  let profiles = profilesOf(options);
  limits.registries = await readRegistries(profiles);
  let checkedRegistries = limits.registries;
  const admission = new Admission({
    insecure: options.flag("insecure"),
    tokens: tokensPath(options, env),
    maybeProfile: (name) => profiles.get(name)?.profile,
    log,
  });
  // As it was started: what a file says of it later needs a restart.
  const isConfined = options.text("isolation") !== "none";
  refuseConfined(profiles, isConfined);
  admission.check();
  return {
    admission,
    /** The options, if a server may go on with them. */
    checked: async (changed: Options) => {
      const next = profilesOf(changed);
      refuseConfined(next, isConfined);
      checkedRegistries = await readRegistries(next);
      return changed;
    },
    reconfigure: (changed: Options) => {
      profiles = profilesOf(changed);
      limits.registries = checkedRegistries;
    },
  };
}

/** What may be called, by the profiles that name a file of functions. */
async function readRegistries(profiles: ReturnType<typeof readProfiles>): Promise<Registries> {
  const paths = [...profiles].flatMap(([name, { functions }]) => {
    return functions === undefined ? [] : [[name, functions] as const];
  });
  if (paths.length === 0) return new Map();
  const { loadRegistries } = await import("./cli/registry_file.ts");
  const registries = await loadRegistries(new Map(paths));
  for (const { script } of registries.values()) refuseScript(script);
  return registries;
}

/** Sessions of one profile have no start of their own yet: nothing is called that is not there. */
function refuseScript(script: string | undefined): void {
  if (script === undefined) return;
  throw new RtoolError("bad_config", `Cannot run ${script} for the sessions of one profile`, {
    hint: "name it as serve.init, which every session runs, and take script from the file",
  });
}

/** Bounds outside the engine; what holds them reads them anew each time. */
interface Limits {
  codeMax: number;
  uploadMax: number;
  connectionsMax: number;
  jobsPerConnectionMax: number;
  limitsMax: JobLimits;
  timeoutMax: number | undefined;
  drainMs: number;
  /** What may be called where the grant is `call`, by profile. */
  registries: Registries;
}

function limitsOf(options: Options): Omit<Limits, "registries"> {
  return {
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
  evaluator: Evaluator,
  told: Pick<NativeOptions, "rVersion" | "spoolDir">,
): Omit<ServeOptions, "admit" | "log"> {
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
      serve: (link, _line, admit, greeted) => serveNative(link, admit, native, greeted),
      refuse: refuseNative,
    },
    rpy2: {
      serve: (link, line, admit, greeted) => serveRpy2(link, line, admit, rpy2, greeted),
      refuse: refuseRpy2,
    },
    get connectionsMax() {
      return limits.connectionsMax;
    },
    helloTimeoutMs: HELLO_TIMEOUT_MS,
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
