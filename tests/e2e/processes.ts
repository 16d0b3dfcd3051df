/**
 * Processes as the end-to-end tests start, feed, read and look for them.
 *
 * Knows nothing of rtool but the variable that marks its workers.
 */

import { concat } from "../../core/bytes.ts";

/** What a process left behind. */
export interface Run {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** How a process is run; what is left out is as in the test's own process. */
export interface RunOptions {
  /** Text or bytes of the standard input. @default {nothing: at end of file} */
  readonly stdin?: string | Uint8Array;
  /** Working directory. */
  readonly cwd?: string;
  /** Variables added to those of `environment()`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Kills the process. */
  readonly signal?: AbortSignal;
  /** Kills the process and fails the test: nothing here may hang. @default {120_000} */
  readonly limitMs?: number;
}

/** The test's own variables in one locale, without what would configure R or rtool. */
export function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = Object.entries(Deno.env.toObject())
    .filter(([name]) => !/^(RTOOL_|LC_|LANGUAGE$|R_PROFILE|R_ENVIRON|R_DEFAULT)/.test(name));
  return { ...Object.fromEntries(kept), LANG: "C.UTF-8", ...more };
}

/** Starts a process with its output piped, and its input too unless it is left out. */
export function start(command: readonly string[], options: RunOptions = {}): Deno.ChildProcess {
  const [program = "false", ...args] = command;
  return new Deno.Command(program, {
    args,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: environment(options.env),
    clearEnv: true,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a process to its end. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = start(command, options);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    kill(child);
  }, options.limitMs ?? 120_000);
  const giveUp = () => kill(child);
  options.signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const fed = options.stdin === undefined ? undefined : feed(child.stdin, options.stdin);
    const [stdout, stderr, { code, signal }] = await Promise.all([
      readAll(child.stdout),
      readAll(child.stderr),
      child.status,
      fed,
    ]);
    if (late) throw new Error(`Hung: ${command.join(" ")}\n${text(stdout)}\n${text(stderr)}`);
    return { code, signal, stdout, stderr };
  } finally {
    clearTimeout(limit);
    options.signal?.removeEventListener("abort", giveUp);
  }
}

/** The bytes as text; what is no UTF-8 becomes U+FFFD. */
export function text(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Everything a stream still gives until its end. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return concat(chunks);
}

/** Sends SIGKILL, unless the process has ended. */
export function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Writes all and closes; a process that does not want its input is not a failure. */
async function feed(stdin: WritableStream<Uint8Array>, input: string | Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch {
    await writer.abort().catch(() => {});
  }
}

/**
 * Ids of the processes that a worker is or has started, however they have detached themselves:
 * found by the variable every one of them inherits. With `trace`, only those whose environment
 * holds that text too. Always empty where there is no /proc.
 */
export async function workersAlive(trace = ""): Promise<number[]> {
  const found: number[] = [];
  for await (const entry of maybeList("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    const environ = await Deno.readTextFile(`/proc/${entry.name}/environ`).catch(() => "");
    if (/(^|\0)RTOOL_WORKER=/.test(environ) && environ.includes(trace)) {
      found.push(Number(entry.name));
    }
  }
  return found;
}

async function* maybeList(path: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
