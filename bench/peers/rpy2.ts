/**
 * R embedded in Python by rpy2, behind the server of rpy2_server.py.
 */

import { Rpy2Client } from "./rpy2_client.ts";
import { ServerProcess, type Service } from "./service.ts";

/** The interpreter Debian's python3-rpy2 belongs to. */
const PYTHON = "/usr/bin/python3";

/** A running server. */
export class Rpy2 implements Service {
  readonly name = "rpy2 server";
  readonly staysOpen = false;
  readonly #port: number;
  readonly #process: ServerProcess;

  private constructor(port: number, process: ServerProcess) {
    this.#port = port;
    this.#process = process;
  }

  /** Starts it; resolves when it has said its port. */
  static async start(): Promise<Rpy2> {
    const script = new URL("./rpy2_server.py", import.meta.url).pathname;
    const process = new ServerProcess([PYTHON, script], { stdin: "piped", stdout: "piped" });
    const [, port] = await process.announced("stdout", /^(\d+)\n/);
    return new Rpy2(Number(port), process);
  }

  /** Whether this machine has it. */
  static async isInstalled(): Promise<boolean> {
    const probe = new Deno.Command(PYTHON, {
      args: ["-c", "import rpy2"],
      stdout: "null",
      stderr: "null",
    });
    return await probe.output().then(({ success }) => success, () => false);
  }

  connect(): Promise<Rpy2Client> {
    return Promise.resolve(new Rpy2Client(this.#port));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}
