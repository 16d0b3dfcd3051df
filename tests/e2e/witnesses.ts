/**
 * Things outside a sandbox that tell when somebody has been at them: a secret, a file, a directory,
 * a port, sockets, a process. Nothing but the sandbox is in the way of whoever tries.
 */

import { assertEquals } from "@std/assert";
import { sleepers, workerUser } from "../confined.ts";
import { kill, run, text } from "./processes.ts";
import { exists } from "../../core/path_state.ts";

/** What every secret begins with: code looks for it without holding one. */
export const SECRET_PREFIX = "rtool-witness-";

/** What survives is found so much later still, in milliseconds. */
const PATIENCE_MS = 2000;

const UNTOUCHED = "untouched\n";

/** Where code is to leave `rtool-canary`. */
export const SYSTEM_DIRS = ["/", "/usr", "/etc", "/tmp", "/var"];

/** A set of them, and what code is told of them. */
export class Witnesses implements AsyncDisposable {
  readonly secret = SECRET_PREFIX + crypto.randomUUID();
  readonly dir: string;
  readonly port: number;
  /** Name of the abstract socket. */
  readonly abstract = `rtool-${crypto.randomUUID()}`;
  /** A file of a name that no code is told. */
  readonly #unnamed = `unnamed-${crypto.randomUUID()}`;
  readonly #listeners: readonly Deno.Listener[];
  readonly #decoy: Deno.ChildProcess;
  readonly #reached = new Set<string>();
  #decoyEnd: string | undefined;

  private constructor(dir: string, ids: { uid?: number; gid?: number }) {
    this.dir = dir;
    const files = { secret: `${this.secret}\n`, victim: UNTOUCHED, [this.#unnamed]: "" };
    for (const [name, content] of Object.entries(files)) {
      Deno.writeTextFileSync(`${dir}/${name}`, content);
      Deno.chmodSync(`${dir}/${name}`, 0o777);
    }
    const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = tcp.addr.port;
    const listeners = {
      "port": tcp,
      "socket": Deno.listen({ transport: "unix", path: `${dir}/socket` }),
      "abstract socket": Deno.listen({ transport: "unix", path: `\0${this.abstract}` }),
    };
    Deno.chmodSync(`${dir}/socket`, 0o777);
    Deno.chmodSync(dir, 0o777);
    this.#listeners = Object.values(listeners);
    for (const [name, each] of Object.entries(listeners)) void this.#accept(name, each);
    this.#decoy = new Deno.Command("sleep", {
      args: ["900"],
      env: { WITNESS: this.secret },
      ...ids,
      stdin: "null",
    }).spawn();
    void this.#decoy.status.then(({ code }) => this.#decoyEnd = `it ended with ${code}`);
  }

  /** Made as whoever runs the test; the process is one of the user R runs as. */
  static async create(): Promise<Witnesses> {
    const dir = await Deno.makeTempDir({ prefix: "rtool-witnesses-" });
    const user = await workerUser();
    const ids = await Promise.all(
      user === undefined ? [] : ["-u", "-g"].map(async (which) => {
        return Number(text((await run(["id", which, user])).stdout));
      }),
    );
    return new Witnesses(dir, user === undefined ? {} : { uid: ids[0]!, gid: ids[1]! });
  }

  /** Id of the process. */
  get pid(): number {
    return this.#decoy.pid;
  }

  /** What has been done to them until now, and what `output` gives away; empty: nothing at all. */
  traces(output: string): string[] {
    const names = Array.from(Deno.readDirSync(this.dir), ({ name }) => name).sort();
    const strange = SYSTEM_DIRS.filter((dir) => exists(`${dir}/rtool-canary`));
    const seen: readonly (readonly [what: string, isTrue: boolean])[] = [
      ["the secret was read", output.includes(this.secret)],
      ["the file was written", Deno.readTextFileSync(`${this.dir}/victim`) !== UNTOUCHED],
      ["the directory was listed", output.includes(this.#unnamed)],
      ["the directory was written", String(names) !== `secret,socket,${this.#unnamed},victim`],
      ["the users were read", /\broot.x.0.0\b/.test(output)],
      ["the system was listed", /"(?:passwd|shadow|hostname)"/.test(output)],
      ["the system was written", strange.length > 0],
      ...["port", "socket", "abstract socket"].map((name) => {
        return [`the ${name} was reached`, this.#reached.has(name)] as const;
      }),
      ["the process was ended", this.#decoyEnd !== undefined],
    ];
    return seen.flatMap(([what, isTrue]) => isTrue ? [what] : []);
  }

  /** The same once there are so many: what was done is seen a moment later. */
  async tracesSoon(output: string, count: number): Promise<string[]> {
    const patience = performance.now() + PATIENCE_MS;
    while (this.traces(output).length < count && performance.now() < patience) await pause();
    return this.traces(output);
  }

  /** Fails when anything was done to them. */
  assertUntouched(output: string, by: string): void {
    assertEquals(this.traces(output), [], `${by}\n${output.slice(0, 2000)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    kill(this.#decoy);
    await this.#decoy.status;
    await Deno.remove(this.dir, { recursive: true });
  }

  async #accept(name: string, listener: Deno.Listener): Promise<void> {
    try {
      for (;;) {
        (await listener.accept()).close();
        this.#reached.add(name);
      }
    } catch {
      // Closed at the end.
    }
  }
}

/** Whether a `sleep SECONDS` goes on running, anywhere on the machine. */
export async function survives(seconds: number): Promise<boolean> {
  const patience = performance.now() + PATIENCE_MS;
  while (sleepers(seconds).length > 0) {
    if (performance.now() > patience) return true;
    await pause();
  }
  return false;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
