/**
 * Joins the parts of `rtool serve`: port, guard, engine, doors; runs them until told to stop.
 *
 * Part of main.ts, loaded only by `serve`.
 */

import { createGuard } from "./access/guard.ts";
import { hideProcess } from "./access/hiding.ts";
import type { Context } from "./cli/context.ts";
import { CERTIFICATE_TABLE } from "./cli/certificates.ts";
import { PROFILE_TABLE } from "./cli/profiles.ts";
import { makeStateDir, openPort } from "./cli/serve.ts";
import { maybeServerFiles } from "./cli/tls_files.ts";
import { SERVE } from "./cli/table_serve.ts";
import { RtoolError } from "./core/errors.ts";
import type { Options } from "./core/options.ts";
import { createReloader } from "./core/reload.ts";
import { Sessions } from "./engine/sessions.ts";
import { serve } from "./server.ts";
import { openAccess } from "./start_access.ts";
import { auditedAdmission, maybeAudit } from "./start_audit.ts";
import { joinDoors } from "./start_doors.ts";
import { engineOptions } from "./start_engine.ts";
import { type Limits, limitsOf } from "./start_limits.ts";
import { openLog } from "./start_log.ts";
import { confine } from "./start_sandbox.ts";
import { maybeTls } from "./start_tls.ts";

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

/** What is read again while it runs. */
const RELOADED = { specs: SERVE.options, tables: [PROFILE_TABLE, CERTIFICATE_TABLE] };

/** Serves until `stop`, drains until that is done or `hurry`, and leaves nothing behind. */
export async function start(context: Context, control: Control): Promise<void> {
  const { options, say } = context;
  const { stop, hurry } = control;
  const log = openLog(options);
  hideProcess(log);
  using audit = maybeAudit(options, log);
  const limits: Limits = { ...limitsOf(options), registries: new Map() };
  const access = await openAccess(context, limits, log);
  using tls = maybeTls(maybeServerFiles(options, context.env), log);
  const hasCredentials = tls?.hasAuthority || access.admission.hasTokens;
  const listener = openPort(options, tls && { hasCredentials });
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
      tls?.apply();
    };
    const read = async () => {
      const changed = await access.checked(await control.reread());
      tls?.check();
      return changed;
    };
    control.onReload(createReloader(options, { ...RELOADED, read, apply: applied, log }));
    const rVersion = await startR(sessions, stop);
    const drained = new AbortController();
    const guard = createGuard(sessions, limits);
    const told = { rVersion, spoolDir: stateDir };
    const doors = joinDoors(limits, audit?.around(guard) ?? guard, told);
    const admit = auditedAdmission(access.admission, audit);
    const port = { ...doors, admit, secure: tls?.secure, log };
    const served = serve(listener, port, stop, drained.signal);
    say(`listening on ${listener.addr.hostname}:${listener.addr.port} (R ${rVersion})`);
    await aborted(stop);
    await sessions.drain(AbortSignal.any([hurry, AbortSignal.timeout(limits.drainMs)]));
    drained.abort();
    await served;
  } finally {
    closeQuietly(listener);
    await Deno.remove(stateDir, { recursive: true }).catch(() => {});
  }
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
