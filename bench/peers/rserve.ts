/**
 * Debian's Rserve on a port and with a configuration of its own.
 */

import { Qap1Client } from "./qap1_client.ts";
import { freePort, ServerProcess, type Service } from "./service.ts";

const BINARY = "/usr/lib/R/site-library/Rserve/libs/Rserve";
const START_TIMEOUT_MS = 10_000;

/** A running Rserve and its directory. */
export class Rserve implements Service {
  readonly name = "Rserve";
  readonly staysOpen = true;
  readonly #port: number;
  readonly #process: ServerProcess;
  readonly #dir: string;

  private constructor(port: number, process: ServerProcess, dir: string) {
    this.#port = port;
    this.#process = process;
    this.#dir = dir;
  }

  /** Starts it with more lines of configuration; resolves when it takes connections. */
  static async start(more: readonly string[] = []): Promise<Rserve> {
    const dir = await Deno.makeTempDir({ prefix: "rtool-bench-rserve-" });
    const port = freePort();
    const config = [
      `port ${port}`,
      "daemon disable",
      "remote disable",
      "interactive no",
      `workdir ${dir}/sessions`,
      ...more,
    ];
    await Deno.writeTextFile(`${dir}/Rserv.conf`, config.join("\n") + "\n");
    const command = ["R", "CMD", BINARY, "--RS-conf", `${dir}/Rserv.conf`, "--vanilla"];
    const rserve = new Rserve(port, new ServerProcess(command), dir);
    await rserve.#listening();
    return rserve;
  }

  /** Whether this machine has it. */
  static async isInstalled(): Promise<boolean> {
    return await Deno.stat(BINARY).then(() => true, () => false);
  }

  get port(): number {
    return this.#port;
  }

  connect(): Promise<Qap1Client> {
    return Qap1Client.connect(this.#port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    await Deno.remove(this.#dir, { recursive: true }).catch(() => {}); // Its children may linger.
  }

  /** Rserve says nothing that could be waited for; a refused connection costs 50 us. */
  async #listening(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        (await this.connect())[Symbol.dispose]();
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  }
}
