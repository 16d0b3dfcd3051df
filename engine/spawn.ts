/**
 * Every process rtool starts: R, and the small helpers beside it.
 *
 * Knows command lines and their environments. Must not know what is said over the pipes.
 */

import { RtoolError } from "../core/errors.ts";

/** Bounds the system itself holds for R and all it starts. `undefined`: the system's own. */
export interface SystemLimits {
  /** Private memory of one process, in bytes (RLIMIT_DATA). */
  readonly memoryBytes: number | undefined;
  /** Open files of one process. */
  readonly openFiles: number | undefined;
  /** Size of a file that is written, in bytes. */
  readonly fileBytes: number | undefined;
}

/** How R is started. */
export interface SpawnOptions {
  /** Command that runs R, looked up on PATH. @default {"R"} */
  readonly command: string;
  /** Environment of R; nothing of the server's own is added. */
  readonly env: Readonly<Record<string, string>>;
  readonly systemLimits: SystemLimits;
}

/** Marks a worker and every process it starts, whatever group or parent these move to. */
export const WORKER_VARIABLE = "RTOOL_WORKER";

/** Marks all that one server has started. */
export const SERVER_VARIABLE = "RTOOL_SERVER";

/** Names this server in {@linkcode SERVER_VARIABLE}. */
export const SERVER_ID = crypto.randomUUID().replaceAll("-", "");

/**
 * Run by `sh` before R: the commands move to fd 3, where user code does not look for its input, and
 * the input becomes a FIFO that is at its end for as long as nobody writes to it. fd 9 only keeps
 * the opening of the FIFO from waiting for a writer. `exec` keeps the process id ours.
 */
const LAUNCH = [
  'cd "$1" && mkfifo -m 600 input && exec 9<>input && exec 3<&0 <input 9>&- || exit 70',
  // What the server's parent left open is not R's.
  "exec 4<&- 5<&- 6<&- 7<&- 8<&-",
  'mkdir tmp wd && cd wd && export TMPDIR="$1/tmp" || exit 70',
  // A file that grows too large is an error of the write, not the end of R.
  "trap '' XFSZ",
  // Also the hard bounds: R raises its soft ones to those. Of memory what can be written counts,
  // not what is only reserved: programs with a heap of their own, such as V8's, reserve far more.
  'ulimit -d "$3" 2>/dev/null; ulimit -n "$4" 2>/dev/null; ulimit -f "$5" 2>/dev/null',
  'if [ "$2" = yes ]; then shift 5; exec setpriv --pdeathsig KILL -- "$@"; fi',
  'shift 5; exec "$@"',
].join("\n");

const R_ARGUMENTS = ["--vanilla", "--no-echo", "--file=/dev/fd/3"];

/** Starts R in its directory; its commands are its stdin. */
export function spawnR(id: string, dir: string, options: SpawnOptions): Deno.ChildProcess {
  const { memoryBytes, openFiles, fileBytes } = options.systemLimits;
  const command = new Deno.Command("sh", {
    args: [
      ...["-c", LAUNCH, "sh", dir, hasSetpriv() ? "yes" : "no"],
      blocks(memoryBytes, 1024),
      openFiles === undefined ? "unlimited" : String(openFiles),
      blocks(fileBytes, 512),
      ...[options.command, ...R_ARGUMENTS],
    ],
    env: { ...options.env, [WORKER_VARIABLE]: id, [SERVER_VARIABLE]: SERVER_ID },
    clearEnv: true,
    // A group of its own: Ctrl-C on the server's terminal is the server's business.
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  try {
    return command.spawn();
  } catch (cause) {
    throw new RtoolError("r_unavailable", `Cannot start a process: ${String(cause)}`, { cause });
  }
}

function blocks(bytes: number | undefined, blockBytes: number): string {
  return bytes === undefined ? "unlimited" : String(Math.ceil(bytes / blockBytes));
}

/** An R that runs the script on its stdin with these arguments, and ends. */
export function spawnScript(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Deno.ChildProcess {
  try {
    return new Deno.Command(command, {
      args: ["--vanilla", "--no-echo", "--file=/dev/stdin", "--args", ...args],
      env: { ...env },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    throw new RtoolError("r_unavailable", `Cannot start R as ${command}: ${String(cause)}`, {
      cause,
    });
  }
}

/** What a program said in the time it had. */
export interface BriefRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program that ends soon or is killed then; `undefined` when it cannot be started. */
export async function runBriefly(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  limitMs: number,
): Promise<BriefRun | undefined> {
  const signal = AbortSignal.timeout(limitMs);
  const settings = { args: [...args], env: { ...env }, clearEnv: true, signal };
  try {
    const command = new Deno.Command(program, { ...settings, stdin: "null" });
    const { code, stdout, stderr } = await command.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  } catch {
    return undefined;
  }
}

/** Environment of the helpers: they look up nothing but their own programs. */
const HELPER_ENV = { PATH: "/usr/bin:/bin" };

/**
 * A process that does nothing but hold three pipes, until an R that was forked elsewhere has opened
 * them through /proc.
 */
export function spawnHolder(): Deno.ChildProcess {
  try {
    return new Deno.Command("sleep", {
      args: ["3600"],
      clearEnv: true,
      env: HELPER_ENV,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    throw new RtoolError("r_unavailable", `Cannot start a process: ${String(cause)}`, { cause });
  }
}

/** A process that writes its stdin to the FIFO; it says a line once that is open. */
export function spawnRelay(fifo: string): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", 'exec 3>"$1" && echo open && exec cat >&3', "sh", fifo],
    clearEnv: true,
    env: HELPER_ENV,
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

/**
 * Waits for the end of its stdin, which comes when the server dies, however it dies; then kills
 * what the server has started until three looks in a row find nothing.
 */
const WATCHDOG = [
  "trap '' INT HUP TERM",
  "while read -r line; do :; done",
  "quiet=0",
  'while [ "$quiet" -lt 3 ]; do',
  '  found=$(grep -la "$1" /proc/[0-9]*/environ 2>/dev/null)',
  '  if [ -z "$found" ]; then quiet=$((quiet + 1)); sleep 0.05; continue; fi',
  "  quiet=0",
  '  for each in $found; do pid=${each#/proc/}; kill -9 "${pid%/environ}" 2>/dev/null; done',
  "done",
].join("\n");

/** Outlives the server for as long as it takes to end all the server has started. */
export function spawnWatchdog(): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", WATCHDOG, "sh", `${SERVER_VARIABLE}=${SERVER_ID}`],
    clearEnv: true,
    env: HELPER_ENV,
    detached: true,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

let setpriv: boolean | undefined;

/** With setpriv (util-linux) the kernel ends R when the server dies, however it dies. */
function hasSetpriv(): boolean {
  return setpriv ??= (Deno.env.get("PATH") ?? "").split(":").some((dir) => {
    try {
      return Deno.statSync(`${dir}/setpriv`).isFile;
    } catch {
      return false;
    }
  });
}
