/**
 * Joins the parts of `rtool serve`: port, guard, engine, doors; runs them until told to stop.
 *
 * Part of main.ts, loaded only by `serve`.
 */

import { createGuard } from "./access/guard.ts";
import type { Audit } from "./access/audit.ts";
import { hideProcess } from "./access/hiding.ts";
import { refuseHalfCluster } from "./cli/cluster_access.ts";
import type { Context } from "./cli/context.ts";
import { CERTIFICATE_TABLE } from "./cli/certificates.ts";
import { PROFILE_TABLE } from "./cli/profiles.ts";
import { makeStateDir, openPort } from "./cli/serve.ts";
import { maybeServerFiles } from "./cli/tls_files.ts";
import { SERVE } from "./cli/table_serve.ts";
import { RtoolError } from "./core/errors.ts";
import type { Evaluator } from "./core/job.ts";
import type { Log } from "./core/log.ts";
import type { Options } from "./core/options.ts";
import { createReloader } from "./core/reload.ts";
import { type EngineOptions, Sessions } from "./engine/sessions.ts";
import { serve, type ServeOptions } from "./server.ts";
import { type Access, type Configured, openAccess } from "./start_access.ts";
import { auditedAdmission, auditedRefusals, maybeAudit } from "./start_audit.ts";
import { joinCluster } from "./start_cluster.ts";
import { joinDoors } from "./start_doors.ts";
import { type Limits, limitsOf } from "./start_limits.ts";
import { openLog } from "./start_log.ts";
import { counted, listening, maybeMetrics } from "./start_metrics.ts";
import { maybeTls, type ServerTls } from "./start_tls.ts";
import { Ways } from "./start_ways.ts";

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
  refuseHalfCluster(options);
  const log = openLog(options);
  hideProcess(log);
  using audit = maybeAudit(options, log);
  const access = await openAccess(context, log);
  const { registries } = access.configured;
  const limits: Limits = { ...limitsOf(options), registries };
  using tls = maybeTls(maybeServerFiles(options, context.env), log);
  const openTls = tls && { hasCredentials: tls.hasAuthority || access.admission.hasTokens };
  await using metrics = await maybeMetrics({ options, openTls, tls, access, audit, log });
  const listener = openPort(options, openTls);
  const stateDir = makeStateDir();
  try {
    const ways = new Ways(context.env, stateDir, log);
    const engine = await ways.engine(options, access.configured);
    await using sessions = new Sessions(engine, log, listening(audit, metrics));
    control.onReload(reloader({ options, access, tls, ways, sessions, limits, log }, control));
    const rVersion = await startR(sessions, stop);
    const drained = new AbortController();
    const around = (engine: Evaluator) => guarded(engine, limits, audit);
    const counts = metrics?.queue;
    const parts = { context, log, stateDir, rVersion, stop, sessions, access, around, counts };
    await using joined = await joinCluster(parts);
    const evaluator = metrics?.jobs.around(joined.evaluator) ?? joined.evaluator;
    const portOptions: ServeOptions = {
      ...joinDoors(limits, evaluator, { rVersion, spoolDir: stateDir }),
      ...counted(auditedAdmission(access.admission, audit), auditedRefusals(audit), metrics),
      secure: tls?.secure,
      log,
    };
    const served = serve(listener, portOptions, stop, drained.signal);
    metrics?.tell({ sessions, rVersion, standing: joined.standing }, say);
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

/** What doors may be given of an engine. */
function guarded(engine: Evaluator, limits: Limits, audit: Audit | undefined): Evaluator {
  const guard = createGuard(engine, limits);
  return audit?.around(guard) ?? guard;
}

/** What a running server takes a new configuration over with. */
interface Reloaded {
  /** As it was started. */
  readonly options: Options;
  readonly access: Access;
  readonly tls: ServerTls | undefined;
  readonly ways: Ways;
  readonly sessions: Sessions;
  readonly limits: Limits;
  readonly log: Log;
}

/** What cannot be had, such as a sandbox, is found out before anything is taken over. */
function reloader(to: Reloaded, control: Control): () => void {
  const { options, access, tls, ways, sessions, limits, log } = to;
  const fixed = SERVE.options.filter(({ reload }) => !reload).map(({ name }) => name);
  let next: { readonly configured: Configured; readonly engine: EngineOptions } | undefined;
  const read = async () => {
    const changed = await control.reread();
    const configured = await access.checked(changed);
    // What needs a restart is as it was.
    const engine = await ways.engine(changed.with(options, fixed), configured);
    tls?.check();
    next = { configured, engine };
    return changed;
  };
  const apply = (changed: Options) => {
    const { configured, engine } = next!;
    sessions.reconfigure(engine);
    Object.assign(limits, limitsOf(changed), { registries: configured.registries });
    access.reconfigure(configured);
    tls?.apply();
  };
  const tables = [PROFILE_TABLE, CERTIFICATE_TABLE];
  return createReloader(options, { specs: SERVE.options, tables, read, apply, log });
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
