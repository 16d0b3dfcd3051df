/**
 * Every process rtool starts: R, and the small helpers beside it.
 *
 * Knows command lines and their environments. Must not know what is said over the pipes.
 */

import { RtoolError } from "../core/errors.ts";
import { FILTER_FD, type Sandbox, sandboxArguments, type SystemUser } from "./sandbox.ts";
import type { WorkerDirs } from "./worker_dirs.ts";

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
  /** What R is confined to. @default {not at all} */
  readonly sandbox?: Sandbox | undefined;
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
  'cd "$1" && mkfifo -m 600 "$2/input" && exec 9<>"$2/input" || exit 70',
  'exec 3<&0 <"$2/input" 9>&- || exit 70',
  // What the server's parent left open is not R's.
  "exec 4<&- 5<&- 6<&- 7<&- 8<&-",
  'mkdir tmp wd && cd wd && export TMPDIR="$1/tmp" || exit 70',
  // A file that grows too large is an error of the write, not the end of R.
  "trap '' XFSZ",
  // Also the hard bounds: R raises its soft ones to those. Of memory what can be written counts,
  // not what is only reserved: programs with a heap of their own, such as V8's, reserve far more.
  'ulimit -d "$4" 2>/dev/null; ulimit -n "$5" 2>/dev/null; ulimit -f "$6" 2>/dev/null',
];

/** The program itself, which the kernel ends with the server where it is asked to. */
const RUN = [
  'if [ "$3" = yes ]; then shift 6; exec setpriv --pdeathsig KILL -- "$@"; fi',
  'shift 6; exec "$@"',
];

/** The same for bubblewrap: R has no home but its own directory, and leaves no core. */
const LAUNCH_CONFINED = [
  // The first line of the commands is not R's: the pipes are ours now.
  "read -r go || exit 70",
  ...LAUNCH,
  'export HOME="$1/wd"; ulimit -c 0',
  `if [ -n "$7" ]; then exec ${FILTER_FD}<"$7" || exit 70; fi`,
  'if [ "$3" = yes ]; then shift 7; exec setpriv --pdeathsig KILL -- "$@"; fi',
  'shift 7; exec "$@"',
].join("\n");

/** Inside: the bound counts what runs there alone. Shells differ in the option's letter. */
const BOUND = '{ ulimit -u "$1" || ulimit -p "$1"; } 2>/dev/null; shift; exec "$@"';

const R_ARGUMENTS = ["--vanilla", "--no-echo", "--file=/dev/fd/3"];

/** Starts R in its directory; its commands are its stdin. */
export function spawnR(id: string, dirs: WorkerDirs, options: SpawnOptions): Deno.ChildProcess {
  const { sandbox, command } = options;
  const { memoryBytes, openFiles, fileBytes } = options.systemLimits;
  const before = [
    ...[dirs.dir, dirs.control, hasSetpriv() ? "yes" : "no", blocks(memoryBytes, 1024)],
    ...[openFiles === undefined ? "unlimited" : String(openFiles), blocks(fileBytes, 512)],
  ];
  const r = [command, ...R_ARGUMENTS];
  const launch = sandbox
    ? ["-c", LAUNCH_CONFINED, "sh", ...before, ...confined(sandbox, dirs, r)]
    : ["-c", [...LAUNCH, ...RUN].join("\n"), "sh", ...before, ...r];
  const child = spawnPiped("sh", {
    args: launch,
    env: { ...options.env, [WORKER_VARIABLE]: id, [SERVER_VARIABLE]: SERVER_ID },
    ...asUser(sandbox?.user),
    // A group of its own: Ctrl-C on the server's terminal is the server's business.
    detached: true,
  });
  if (sandbox) handOver(child, sandbox.user);
  return child;
}

function confined(sandbox: Sandbox, dirs: WorkerDirs, r: readonly string[]): string[] {
  const inside = ["/bin/sh", "-c", BOUND, "sh", String(sandbox.tasksMax), ...r];
  return [sandbox.filter ?? "", sandbox.command, ...sandboxArguments(sandbox, dirs, inside)];
}

/**
 * R opens its own pipes anew, by /dev/fd: as another user it may do so only with pipes of its own.
 * It waits for the line.
 */
function handOver(child: Deno.ChildProcess, user: SystemUser | undefined): void {
  try {
    for (const fd of user ? [0, 1, 2] : []) {
      Deno.chownSync(`/proc/${child.pid}/fd/${fd}`, user!.uid, user!.gid);
    }
  } catch {
    // It has ended: its exit tells why.
  }
  const writer = child.stdin.getWriter();
  writer.write(new Uint8Array([10])).catch(() => {});
  writer.releaseLock();
}

function asUser(user: SystemUser | undefined): Pick<Deno.CommandOptions, "uid" | "gid"> {
  return user ? { uid: user.uid, gid: user.gid } : {};
}

/** Starts a program with all three streams piped and none of our environment. */
function spawnPiped(program: string, options: Deno.CommandOptions): Deno.ChildProcess {
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  try {
    return new Deno.Command(program, { ...options, ...piped, clearEnv: true }).spawn();
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
  return spawnPiped("sleep", { args: ["3600"], env: HELPER_ENV });
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

/** With setpriv (util-linux) the kernel ends R when the server dies, however it dies. */
function hasSetpriv(): boolean {
  return setpriv ??= maybeProgram("setpriv") !== undefined;
}

let setpriv: boolean | undefined;

/** Where a program is; `undefined` when it is not to be found. */
export function maybeProgram(name: string): string | undefined {
  const dirs = (Deno.env.get("PATH") ?? "").split(":").filter((dir) => dir.startsWith("/"));
  return dirs.map((dir) => `${dir}/${name}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A program's output as a user of the system, or why there is none. */
export async function runAs(
  user: SystemUser | undefined,
  command: readonly string[],
  env: Readonly<Record<string, string>> = HELPER_ENV,
): Promise<string> {
  const [program = "", ...args] = command;
  const child = spawnPiped(program, { args, env, ...asUser(user), cwd: "/" });
  await child.stdin.close();
  const { code, stdout, stderr } = await child.output();
  if (code === 0) return new TextDecoder().decode(stdout);
  const said = new TextDecoder().decode(stderr).trim();
  throw new RtoolError("r_unavailable", said || `'${program}' ended with status ${code}`);
}

/** A process for probes to find: it does nothing, and has a secret in its environment. */
export function spawnDecoy(user: SystemUser | undefined, secret: string): Deno.ChildProcess {
  return spawnPiped("sleep", {
    args: ["600"],
    env: { ...HELPER_ENV, RTOOL_SECRET: secret },
    ...asUser(user),
    detached: true,
  });
}
