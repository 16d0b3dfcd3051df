/**
 * The rtool under test, run as its users run it: as a process.
 *
 * `RTOOL_BIN` names the binary; without it the checkout's main.ts runs from source. With
 * `RTOOL_TEST_TLS=1` servers and clients speak TLS.
 */

import { assertEquals } from "@std/assert";
import type { ClientTls } from "../../client_dial.ts";
import { kill, type Run, run, type RunOptions, start, workersAlive } from "./processes.ts";

export { type Run, type RunOptions, text, workersAlive } from "./processes.ts";

const READY = /^rtool: listening on [\d.]+:(\d+) \(R [^)]+\)$/m;
const START_MS = 90_000;
const STOP_MS = 45_000;

/** How much of what a server has left is waited for before it counts as left behind. */
const LEFTOVER_MS = 15_000;

/** The command that is rtool, without arguments. */
export const RTOOL: readonly string[] = rtoolCommand();

/** One file may ask for TLS, or whoever starts the tests. */
const isUnderTls = "rtoolTestTls" in globalThis || Deno.env.get("RTOOL_TEST_TLS") === "1";

/** What a test under TLS works with; nothing in plain text. */
const tls = isUnderTls ? await makeTls() : undefined;

/** What a client within the test trusts. */
export const CLIENT_TLS: ClientTls | undefined = tls?.client;

/** Runs rtool to its end. */
export function rtool(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return run([...RTOOL, ...args], { ...options, env: { ...tls?.env, ...options.env } });
}

/** Starts rtool and leaves the rest, also its end, to the caller. */
export function spawnRtool(args: readonly string[], options: RunOptions = {}): Deno.ChildProcess {
  return start([...RTOOL, ...args], { ...options, env: { ...tls?.env, ...options.env } });
}

/** Certificates that last as long as the tests of one file. */
async function makeTls() {
  const { clientTls, TlsPlace } = await import("../tls_place.ts");
  const place = new TlsPlace();
  globalThis.addEventListener("unload", () => place[Symbol.dispose]());
  const { cert, ca } = place.serverFiles();
  return {
    args: ["--tls-cert", cert],
    env: { RTOOL_TLS: "true", RTOOL_TLS_CA: ca! },
    client: clientTls(),
  };
}

/** Starts `rtool serve` on a free port; returns when it can take jobs. */
export async function startServer(
  args: readonly string[] = [],
  options: Pick<RunOptions, "env"> & {
    /** Stands before the server's command, and runs it elsewhere. */
    readonly within?: readonly string[];
  } = {},
): Promise<TestServer> {
  const dir = await Deno.makeTempDir({ prefix: "rtool-e2e-" });
  await Deno.chmod(dir, 0o711); // R that is confined runs as another user.
  const env = { TMPDIR: dir, XDG_RUNTIME_DIR: dir, XDG_CONFIG_HOME: dir, ...options.env };
  const command = ["serve", "--port", "0", ...tls?.args ?? [], ...args];
  const child = start([...options.within ?? [], ...RTOOL, ...command], {
    env: { ...tls?.env, ...env },
  });
  const server = new TestServer(child, dir);
  await server.ready;
  return server;
}

/** A running `rtool serve`; disposing it also looks for what it has left behind. */
export class TestServer {
  readonly pid: number;
  readonly ready: Promise<void>;
  readonly #child: Deno.ChildProcess;
  readonly #dir: string;
  readonly #drained: Promise<unknown>;
  #stderr = "";
  #port = 0;
  #stopping: Promise<Deno.CommandStatus> | undefined;
  #disposing: Promise<void> | undefined;

  constructor(child: Deno.ChildProcess, dir: string) {
    this.pid = child.pid;
    this.#child = child;
    this.#dir = dir;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    const limit = setTimeout(() => {
      kill(child);
      reject(new Error(`Server was not ready in ${START_MS} ms: ${this.#stderr}`));
    }, START_MS);
    void child.status.then(({ code }) => {
      clearTimeout(limit);
      reject(new Error(`Server ended with status ${code}: ${this.#stderr}`));
    });
    const noted = this.#note((port) => {
      clearTimeout(limit);
      this.#port = port;
      resolve();
    });
    this.#drained = Promise.all([noted, child.stdout.pipeTo(new WritableStream())]);
  }

  get port(): number {
    return this.#port;
  }

  /** Where it keeps what it keeps. */
  get dir(): string {
    return this.#dir;
  }

  /** What the server has written to stderr until now. */
  stderrText(): string {
    return this.#stderr;
  }

  /** Ids of this server's workers and of all they have started. */
  workersAlive(): Promise<number[]> {
    return workersAlive(this.#dir);
  }

  /** Runs `rtool send` against this server. */
  send(args: readonly string[], options: RunOptions = {}): Promise<Run> {
    return rtool(["send", "-p", String(this.#port), ...args], options);
  }

  /** Ends the server by a signal to its own process, and returns when it has ended. */
  stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    return this.#stopping ??= this.#stop(signal);
  }

  /** Stops the server with status 0 and nothing of it left. Safe to call again. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposing ??= this.#dispose();
  }

  async #note(found: (port: number) => void): Promise<void> {
    for await (const chunk of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#stderr += chunk;
      const match = this.#port === 0 ? READY.exec(this.#stderr) : null;
      if (match) found(Number(match[1]));
    }
  }

  async #stop(signal: Deno.Signal): Promise<Deno.CommandStatus> {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself; the status tells how.
    }
    const limit = setTimeout(() => kill(this.#child), STOP_MS);
    const status = await this.#child.status;
    clearTimeout(limit);
    return status;
  }

  async #dispose(): Promise<void> {
    const stoppedByTest = this.#stopping !== undefined;
    const status = await this.stop();
    const left = await this.#leftovers();
    for (const pid of left) Deno.kill(pid, "SIGKILL");
    await this.#drained;
    await Deno.remove(this.#dir, { recursive: true }).catch(() => {});
    assertEquals(left, [], "Processes outlived their server");
    if (!stoppedByTest) assertEquals(status.code, 0, `Server ended badly:\n${this.#stderr}`);
  }

  async #leftovers(): Promise<number[]> {
    const patience = performance.now() + LEFTOVER_MS;
    for (;;) {
      const left = await this.workersAlive();
      if (left.length === 0 || performance.now() > patience) return left;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function rtoolCommand(): string[] {
  const binary = Deno.env.get("RTOOL_BIN");
  if (binary !== undefined && binary !== "") return [Deno.realPathSync(binary)];
  const root = decodeURIComponent(new URL("../..", import.meta.url).pathname);
  const config = ["--config", `${root}deno.json`, "--no-check", "--quiet"];
  return [Deno.execPath(), "run", "-A", ...config, `${root}main.ts`];
}
