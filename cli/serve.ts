/**
 * `rtool serve`: checks its options and says when it can take jobs. The parts are joined in
 * main.ts.
 */

import { type Address, maybeAddress } from "../core/address.ts";
import { RtoolError } from "../core/errors.ts";
import { isLoopback } from "../core/loopback.ts";
import type { Options } from "../core/options.ts";
import { exists } from "../core/path_state.ts";

/** Then comes the id of the server's process. */
const STATE_DIR_PREFIX = "rtool-";

/** Variables of the server's own environment that R sees. Nothing else passes. */
const R_VARIABLES = ["PATH", "HOME", "TZ", "R_LIBS", "R_LIBS_USER", "R_LIBS_SITE", "R_HOME"];

/** Whether others may be let in under TLS; `undefined` without it. */
export type OpenTls = { readonly hasCredentials: boolean } | undefined;

/** Opens the port, or says why it cannot be had. */
export function openPort(options: Options, tls: OpenTls): Deno.TcpListener {
  const address = { hostname: options.text("hostname"), port: options.integer("port") };
  const hint = `ask it with: rtool ping --port ${address.port}; or choose another with --port`;
  return listenAt(address, options, tls, hint);
}

/** Opens the port of the metrics, if there is to be one; under the same conditions. */
export function maybeMetricsPort(options: Options, tls: OpenTls): Deno.TcpListener | undefined {
  const address = maybeAddress(options.text("metrics"));
  return address && listenAt(address, options, tls, "choose another with --metrics");
}

function listenAt(
  { hostname, port }: Address,
  options: Options,
  tls: OpenTls,
  takenHint: string,
): Deno.TcpListener {
  refuseOpenPort(hostname, options, tls);
  try {
    return Deno.listen({ hostname, port, transport: "tcp" });
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) {
      throw new RtoolError("port_taken", `Port ${port} on ${hostname} is taken`, {
        cause,
        hint: takenHint,
      });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RtoolError("bad_config", `Cannot listen on ${hostname}:${port}: ${why}`, { cause });
  }
}

/** Beyond this machine others listen, and nobody is known by the socket. */
export function refuseOpenPort(hostname: string, options: Options, tls: OpenTls): void {
  if (isLoopback(hostname) || options.flag("insecure") || tls?.hasCredentials) return;
  const [missing, hint] = tls
    ? ["credentials, and there are none", "make a token: rtool token new NAME"]
    : ["TLS and credentials", "rtool tls init makes certificates; then serve with --tls"];
  throw new RtoolError(
    "bad_config",
    `Cannot listen on ${hostname}: beyond this machine rtool needs ${missing}`,
    { hint: `${hint}; or listen on 127.0.0.1 and use ssh -L` },
  );
}

/** The environment R starts in. */
export function rEnvironment(env: (name: string) => string | undefined): Record<string, string> {
  const lang = Deno.build.os === "darwin" ? "en_US.UTF-8" : "C.UTF-8";
  const variables: Record<string, string> = { LANG: lang };
  for (const name of R_VARIABLES) {
    const value = env(name);
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}

/** A directory of this server's own, mode 0700. Those of servers that were killed are removed. */
export function makeStateDir(): string {
  let dir: string;
  try {
    dir = Deno.makeTempDirSync({ prefix: `${STATE_DIR_PREFIX}${Deno.pid}-` });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RtoolError("bad_config", `Cannot make a directory for sessions: ${why}`, {
      cause,
      hint: "let TMPDIR name a directory of a local disk that you can write",
    });
  }
  removeStale(dir.slice(0, dir.lastIndexOf("/")));
  return dir;
}

/** What is not ours cannot be removed, and is left. */
function removeStale(parent: string): void {
  for (const { name } of Deno.readDirSync(parent)) {
    const pid = new RegExp(`^${STATE_DIR_PREFIX}(\\d+)-\\w+$`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      Deno.removeSync(`${parent}/${name}`, { recursive: true });
    } catch {
      // Another user's.
    }
  }
}

/** Where there is no /proc, every process counts as alive. */
function isAlive(pid: number): boolean {
  return exists(`/proc/${pid}`) || !exists("/proc/self");
}

/** Connections that fit the process's file descriptors, with room for the workers' pipes. */
export function fitConnections(
  wanted: number,
  sessionsMax: number,
  limit: number | undefined = maybeOpenFilesMax(),
): number {
  if (limit === undefined) return wanted;
  const forWorkers = Math.min(4 * sessionsMax, Math.floor(limit / 2));
  return Math.max(8, Math.min(wanted, limit - forWorkers - 32));
}

/** How many files this process may have open; `undefined` where the system does not tell. */
export function maybeOpenFilesMax(): number | undefined {
  try {
    const match = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"));
    return match ? Number(match[1]) : undefined;
  } catch {
    return undefined;
  }
}
