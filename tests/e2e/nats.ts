/**
 * A broker of the tests' own, and servers that take jobs from it.
 */

import type { TestHost } from "./network.ts";
import { start, text } from "./processes.ts";
import { rtool, type Run, type RunOptions, startServer, type TestServer } from "./rtool.ts";

/** Debian keeps it where only root looks. */
const NATS_SERVER = isFile("/usr/sbin/nats-server") ? "/usr/sbin/nats-server" : "nats-server";

const READY_MS = 40_000;
const UNTIL_MS = 90_000;

/** A `nats-server` with JetStream on a free port, which may die and come back. */
export class TestBroker implements AsyncDisposable {
  readonly dir: string;
  readonly address: string;
  readonly port: number;
  #child: Deno.ChildProcess | undefined;

  private constructor(dir: string, { hostname, port }: Deno.NetAddr) {
    this.dir = dir;
    this.address = hostname;
    this.port = port;
  }

  /** Starts a broker with a key of a cluster beside it. */
  static async start(
    more: readonly string[] = [],
    hostname = "127.0.0.1",
  ): Promise<TestBroker> {
    const dir = await Deno.makeTempDir({ prefix: "rtool-nats-" });
    using free = Deno.listen({ hostname, port: 0 });
    const broker = new TestBroker(dir, free.addr);
    free.close();
    await rtool(["cluster", "key", broker.key]);
    await broker.revive(more);
    return broker;
  }

  get url(): string {
    return `nats://${this.address}:${this.port}`;
  }

  /** The file with the cluster's key. */
  get key(): string {
    return `${this.dir}/cluster.key`;
  }

  /** What a command needs to go straight to the queue. */
  get straight(): readonly string[] {
    return ["--nats", this.url, "--cluster-key", this.key];
  }

  /** Starts it (again), with what it has on its disk; returns when it answers. */
  async revive(more: readonly string[] = []): Promise<void> {
    const files = ["-js", "-sd", `${this.dir}/js`, "-l", `${this.dir}/log`];
    const where = ["-a", this.address, "-p", String(this.port)];
    this.#child = start([NATS_SERVER, ...where, ...files, ...more]);
    const patience = performance.now() + READY_MS;
    while (!await isListening(this.address, this.port)) {
      if (performance.now() > patience) throw new Error(await this.#report());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Sends it a signal; behind SIGKILL it is gone when this resolves. */
  async kill(signal: Deno.Signal): Promise<void> {
    const child = this.#child;
    child?.kill(signal);
    if (signal !== "SIGKILL") return;
    await child?.status;
    await Promise.all([child?.stdout.cancel(), child?.stderr.cancel()]);
    this.#child = undefined;
  }

  /** A server that takes jobs of the queue `q`, on a host of its own if one is given. */
  async server(
    more: readonly string[] = [],
    host: TestHost | undefined = undefined,
  ): Promise<TestServer> {
    const { url, within } = host ?? { url: this.url, within: [] };
    const way = ["--nats", url, "--cluster-key", this.key, "--queue", "q"];
    return await startServer([...way, ...more], { within });
  }

  /** Runs a command straight at the queue. */
  async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
    return await rtool([command, ...this.straight, "--queue", "q", ...args], options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child) await this.kill("SIGKILL");
    await Deno.remove(this.dir, { recursive: true });
  }

  async #report(): Promise<string> {
    const log = await Deno.readFile(`${this.dir}/log`).catch(() => new Uint8Array(0));
    return `The broker did not start: ${text(log)}`;
  }
}

async function isListening(hostname: string, port: number): Promise<boolean> {
  const conn = await maybeConnect(hostname, port);
  conn?.close();
  return conn !== undefined;
}

/** A connection, if anybody listens there. */
async function maybeConnect(hostname: string, port: number): Promise<Deno.TcpConn | undefined> {
  return await Deno.connect({ hostname, port }).catch(() => undefined);
}

/** The way to a broker, which can be cut, and may be long. */
export class Cable implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #ends = new Set<Deno.TcpConn>();
  readonly #accepting: Promise<void>;
  readonly #delayMs: number;
  #isCut = false;

  /** What is sent arrives so much later. */
  constructor(port: number, delayMs = 0) {
    this.#delayMs = delayMs;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#accept(port);
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Ends every connection, and lets none through. */
  cut(): void {
    this.#isCut = true;
    for (const end of this.#ends) closeQuietly(end);
    this.#ends.clear();
  }

  mend(): void {
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#accepting;
  }

  async #accept(port: number): Promise<void> {
    for await (const near of this.#listener) {
      const far = this.#isCut ? undefined : await maybeConnect("127.0.0.1", port);
      if (!far) {
        closeQuietly(near);
        continue;
      }
      for (const [from, to] of [[near, far], [far, near]] as const) {
        this.#ends.add(from);
        const arriving = this.#delayMs === 0
          ? from.readable
          : from.readable.pipeThrough(late(this.#delayMs));
        void arriving.pipeTo(to.writable).catch(() => {});
      }
    }
  }
}

function late(ms: number): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  return new TransformStream({
    transform: async (chunk, out) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      out.enqueue(chunk);
    },
  });
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // The other end was first.
  }
}

/** Waits until servers have joined the queue. */
export async function joined(...servers: readonly TestServer[]): Promise<void> {
  await until(() => servers.every((server) => server.stderrText().includes("joined the queue")));
}

/** Waits for something to become so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const patience = performance.now() + UNTIL_MS;
  while (!await isSo()) {
    if (performance.now() > patience) throw new Error(`It did not become so: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
