/**
 * `rtool serve` on a port of its own, and a line to it through the project's own client.
 */

import { Client } from "../../client.ts";
import type { ClientTls } from "../../client_dial.ts";
import { bareRequest } from "../../core/job.ts";
import { confinedArgs } from "../../tests/confined.ts";
import { type Line, ServerProcess, type Service } from "./service.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const CONNECT_TIMEOUT_MS = 10_000;

/** Jobs open at once when nobody waits for each; a server takes 256 of a connection. */
const OPEN_JOBS_MAX = 200;

interface Program {
  readonly command: readonly string[];
  readonly origin: string;
}

/** A running server. */
export class Rtool implements Service {
  readonly name: string;
  readonly staysOpen = true;
  /** How rtool is run, without a subcommand. */
  readonly command: readonly string[];
  /** What of the project is run, in a word. */
  readonly origin: string;
  readonly #port: number;
  readonly #process: ServerProcess;

  private constructor(
    name: string,
    { command, origin }: Program,
    port: number,
    process: ServerProcess,
  ) {
    this.name = name;
    this.command = command;
    this.origin = origin;
    this.#port = port;
    this.#process = process;
  }

  /** Starts one; resolves when it says that it listens. */
  static async start(name = "rtool", options: readonly string[] = []): Promise<Rtool> {
    const program = await findProgram();
    const command = [...program.command, "serve", "--port", "0", ...options];
    const process = new ServerProcess(command, { stderr: "piped" });
    const pattern = /^rtool: listening on 127\.0\.0\.1:(\d+) \(R /m;
    const [, port] = await process.announced("stderr", pattern);
    return new Rtool(name, program, Number(port), process);
  }

  /** One that confines R. */
  static async startConfined(): Promise<Rtool> {
    return await Rtool.start("rtool, confined", await confinedArgs("confined"));
  }

  /** Whether this machine can confine R. */
  static async canConfine(): Promise<boolean> {
    const { command } = await findProgram();
    const [program = "", ...args] = [...command, "doctor", ...await confinedArgs("confined")];
    const { success } = await new Deno.Command(program, { args, stdout: "null" }).output();
    return success;
  }

  get pid(): number {
    return this.#process.pid;
  }

  connect(tls?: ClientTls): Promise<RtoolLine> {
    return RtoolLine.connect(this.#port, "main", tls);
  }

  /** The command line that evaluates one expression. */
  sendCommand(code: string, options: readonly string[] = []): readonly string[] {
    return [...this.command, "send", "--port", String(this.#port), ...options, "-e", code];
  }

  /** The command line that evaluates an expression for each line of JSON on its stdin. */
  mapCommand(code: string, options: readonly string[] = []): readonly string[] {
    const over = ["--over", "-", "--quiet"];
    return [...this.command, "map", "--port", String(this.#port), ...over, ...options, "-e", code];
  }

  /** A connection whose every job has a clean R of its own. */
  connectFresh(): Promise<Line> {
    return RtoolLine.connect(this.#port, undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}

/** One connection, one session. */
class RtoolLine implements Line {
  readonly #client: Client;
  readonly #session: string | undefined;

  private constructor(client: Client, session: string | undefined) {
    this.#client = client;
    this.#session = session;
  }

  static async connect(
    port: number,
    session: string | undefined,
    tls?: ClientTls,
  ): Promise<RtoolLine> {
    const client = await Client.connect({
      hostname: "127.0.0.1",
      port,
      timeoutMs: CONNECT_TIMEOUT_MS,
      software: "rtool-bench",
      tls,
    });
    return new RtoolLine(client, session);
  }

  /** The bytes of its output. */
  async evaluate(code: string): Promise<number> {
    let bytes = 0;
    for await (const event of this.#client.submit(bareRequest(code, this.#session)).events) {
      if (event.kind === "stdout") bytes += event.bytes.length;
      if (event.kind === "end" && event.outcome.kind !== "ok") {
        throw new Error(`rtool answered ${JSON.stringify(event.outcome)}`);
      }
    }
    return bytes;
  }

  async evaluateMany(code: string, times: number): Promise<void> {
    let left = times;
    const evaluateInTurn = async () => {
      while (left-- > 0) await this.evaluate(code);
    };
    await Promise.all(Array.from({ length: OPEN_JOBS_MAX }, evaluateInTurn));
  }

  [Symbol.dispose](): void {
    void this.#client[Symbol.asyncDispose](); // Closes at once; never rejects.
  }
}

async function findProgram(): Promise<Program> {
  const named = Deno.env.get("RTOOL_BIN");
  if (named) return { command: [named], origin: "the binary in RTOOL_BIN" };
  const compiled = `${ROOT}dist/rtool`;
  if (await Deno.stat(compiled).then(() => true, () => false)) {
    return { command: [compiled], origin: "dist/rtool" };
  }
  return { command: [Deno.execPath(), "run", "-A", `${ROOT}main.ts`], origin: "main.ts, source" };
}
