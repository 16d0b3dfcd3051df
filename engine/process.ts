/**
 * One R process with its pipes, its private directory and its descendants.
 *
 * Knows how R is started, written to, read from, signalled and found again under /proc. Must not
 * know jobs, marks or sessions.
 */

import { RtoolError } from "../core/errors.ts";

/** How R is started. */
export interface RProcessOptions {
  /** Command that runs R, looked up on PATH. @default {"R"} */
  readonly command: string;
  /** Directory (mode 0700) below which each process gets a directory of its own. */
  readonly stateDir: string;
  /** Environment of R; nothing of the server's own is added. */
  readonly env: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface RExit {
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

/** Marks a worker and every process it starts, whatever group or parent these move to. */
export const WORKER_VARIABLE = "RTOOL_WORKER";

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
  'if [ "$2" = yes ]; then shift 2; exec setpriv --pdeathsig KILL -- "$@"; fi',
  'shift 2; exec "$@"',
].join("\n");

const R_ARGUMENTS = ["--vanilla", "--no-echo", "--file=/dev/fd/3"];

const encoder = new TextEncoder();

/** A running R. */
export class RProcess {
  readonly id: string;
  readonly dir: string;
  readonly pid: number;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** Resolves when R has ended. */
  readonly exit: Promise<RExit>;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  #unwritten = "";
  #peak: { readAt: number; bytes: number | null } = { readAt: -Infinity, bytes: null };

  constructor(id: string, options: RProcessOptions) {
    this.id = id;
    this.dir = `${options.stateDir}/${id}`;
    Deno.mkdirSync(this.dir, { mode: 0o700 });
    const command = new Deno.Command("sh", {
      args: [
        ...["-c", LAUNCH, "sh", this.dir, hasSetpriv() ? "yes" : "no", options.command],
        ...R_ARGUMENTS,
      ],
      env: { ...options.env, [WORKER_VARIABLE]: id },
      clearEnv: true,
      // A group of its own: Ctrl-C on the server's terminal is the server's business.
      detached: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    this.#child = spawn(command, this.dir);
    this.pid = this.#child.pid;
    this.stdout = this.#child.stdout;
    this.stderr = this.#child.stderr;
    this.exit = this.#child.status.then(({ code, signal }) => ({ code, signal }));
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdin.closed.catch(() => {}); // R has gone; `exit` tells.
  }

  /** Where whoever writes to R's standard input writes. */
  get inputPath(): string {
    return `${this.dir}/input`;
  }

  /** While this file exists, the worker starts nothing further of a job. */
  get stopFile(): string {
    return `${this.dir}/stop`;
  }

  /** While this file exists, the worker begins no job that was written ahead. */
  get holdFile(): string {
    return `${this.dir}/hold`;
  }

  /**
   * Writes to the command channel; what is written in one turn reaches R together. A write after
   * R's end is dropped, `exit` tells.
   */
  write(text: string): void {
    if (this.#unwritten === "") queueMicrotask(() => this.#flush());
    this.#unwritten += text;
  }

  #flush(): void {
    this.#stdin.write(encoder.encode(this.#unwritten)).catch(() => {});
    this.#unwritten = "";
  }

  /** Sends a signal to R and the children in its group; false when there is none any more. */
  signalGroup(signal: Deno.Signal): boolean {
    return sendSignal(-this.pid, signal);
  }

  /**
   * Kills R and all it has started, also what has left its group, and returns when R has ended.
   * Safe to call again.
   */
  async killTree(): Promise<void> {
    sendSignal(-this.pid, "SIGKILL");
    sendSignal(this.pid, "SIGKILL");
    // A child may fork while we look: look again until a round finds nothing.
    for (let round = 0; round < 20; round++) {
      if (!killMarked(this.id)) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await this.exit;
    await this.#stdin.abort().catch(() => {});
  }

  /** Takes the directory away; only after R has ended. */
  async removeDir(): Promise<void> {
    await Deno.remove(this.dir, { recursive: true }).catch(() => {});
  }

  /**
   * Most memory the process has had resident, in bytes, or null where /proc does not tell. Read at
   * most every 50 ms: looking costs as much as a short job.
   */
  maybePeakMemory(): number | null {
    const now = performance.now();
    if (now - this.#peak.readAt > 50) {
      this.#peak = { readAt: now, bytes: readPeakMemory(this.pid) };
    }
    return this.#peak.bytes;
  }

  /**
   * Whether R sits in its REPL waiting for a command: blocked in `read` (system call 0 on x86-64,
   * 63 on arm64) on fd 4, which is where R has reopened the command channel. False where /proc
   * does not tell.
   */
  waitsForCommand(): boolean {
    try {
      return /^(0|63) 0x4 /.test(Deno.readTextFileSync(`/proc/${this.pid}/syscall`));
    } catch {
      return false;
    }
  }
}

function spawn(command: Deno.Command, dir: string): Deno.ChildProcess {
  try {
    return command.spawn();
  } catch (cause) {
    Deno.removeSync(dir, { recursive: true });
    throw new RtoolError("r_unavailable", `Cannot start a process: ${String(cause)}`, { cause });
  }
}

function readPeakMemory(pid: number): number | null {
  try {
    const match = /^VmHWM:\s+(\d+) kB/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`));
    return match ? Number(match[1]) * 1024 : null;
  } catch {
    return null;
  }
}

function sendSignal(pid: number, signal: Deno.Signal): boolean {
  try {
    Deno.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Kills every process whose environment names the worker; says whether there was one alive. */
function killMarked(id: string): boolean {
  let found = false;
  for (const pid of markedProcesses(id)) found = sendSignal(pid, "SIGKILL") || found;
  return found;
}

/** Ids of the processes whose environment names the worker. Empty where there is no /proc. */
export function markedProcesses(id: string): number[] {
  const needle = `${WORKER_VARIABLE}=${id}`;
  const pids: number[] = [];
  for (const name of processNames()) {
    try {
      if (Deno.readTextFileSync(`/proc/${name}/environ`).includes(needle)) pids.push(Number(name));
    } catch {
      // It has ended meanwhile, or is not ours.
    }
  }
  return pids;
}

function processNames(): string[] {
  try {
    return [...Deno.readDirSync("/proc")].map((e) => e.name).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
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

/**
 * Writes a job's input to R through a process of its own: a writer that R does not read from would
 * otherwise hold one of Deno's few blocking threads.
 */
export class InputRelay {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(inputPath: string) {
    this.#child = new Deno.Command("sh", {
      args: ["-c", 'exec 3>"$1" && echo open && exec cat >&3', "sh", inputPath],
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin" },
      detached: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#writer.closed.catch(() => {}); // The relay was stopped.
  }

  /** Resolves when the writing end is open: until then R would see an end of file. */
  async opened(): Promise<void> {
    const reader = this.#child.stdout.getReader();
    await reader.read();
    await reader.cancel();
  }

  /** Passes all of `source` on, as fast as R reads, then says that it has ended. */
  async pump(source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of source) await this.#writer.write(chunk);
      await this.#writer.close();
    } catch {
      // The job has ended before its input.
    }
  }

  /** Ends the writing, whether or not R has read it all. */
  async [Symbol.asyncDispose](): Promise<void> {
    sendSignal(this.#child.pid, "SIGKILL");
    await this.#child.status;
    await this.#writer.abort().catch(() => {});
  }
}
