/**
 * Proves a sandbox: an R in it tries to get out, each way once, at things made to be found.
 *
 * Knows what lies outside; r/probes.R knows the ways. What R says is checked here too, where it can
 * be: a file that has come to be, a process that has ended, a connection that was made.
 */

import { RtoolError } from "../core/errors.ts";
import { exists } from "../core/path_state.ts";
import { randomHex } from "./job.ts";
import { processesWith, sendSignal } from "./process_table.ts";
import { RProcess } from "./process.ts";
import probesSource from "./r/probes.R" with { type: "text" };
import { isWithin, type Sandbox } from "./sandbox.ts";
import { spawnDecoy, WORKER_VARIABLE } from "./spawn.ts";
import { Sweeper } from "./sweeper.ts";
import type { WorkerOptions } from "./worker_types.ts";

/** How one way out ended. */
export interface ProbeResult {
  readonly name: string;
  readonly result: "held" | "got out" | "not tried";
}

/** What R does in its REPL: long lines would not fit its buffer, and there are none. */
const GROUPS = ["try_files()", "try_kernel()", "try_processes()"];
const NETWORK_GROUP = "try_network()";

/** What R is not to find on any machine. */
const PRIVATE = ["/etc/passwd", "/etc/shadow", "/root"];

/** Where R tries to write, beside what is made for it to find. */
const TARGETS = ["/", "/usr/", "/etc/", "/var/", "/home/", "/dev/"].map((dir) => {
  return `${dir}rtool-probe`;
});

/** What still runs so long after R has been ended has survived it, in milliseconds. */
const SURVIVAL_MS = 300;

/** Tries every way out of the sandbox of `options`. Throws when R does not even start in it. */
export async function probeSandbox(
  options: WorkerOptions & { readonly sandbox: Sandbox },
): Promise<ProbeResult[]> {
  await using bait = new Bait(options.stateDir, options.sandbox);
  const sweeper = new Sweeper();
  const id = randomHex();
  const how = { ...options, keepsTree: true };
  const process = RProcess.spawn(id, options.stateDir, how, sweeper);
  const late = setTimeout(() => sendSignal(process.pid, "SIGKILL"), options.startTimeoutMs);
  try {
    process.write(script(bait, options, `${options.stateDir}/${id}-control`));
    const [stdout, stderr] = await Promise.all([textOf(process.stdout), textOf(process.stderr)]);
    await process.killTree();
    const said = parse(stdout, stderr);
    if (bait.taken()) said.set("signal_processes", "got out");
    if (bait.reached) said.set("reach_port", "got out");
    if (targetsOf(bait, options.sandbox).some(exists)) said.set("write_files", "got out");
    if (await survives(id)) said.set("survive", "got out");
    return Array.from(said, ([name, result]) => ({ name, result }));
  } finally {
    clearTimeout(late);
    await process.killTree();
    await process.removeDir();
    await sweeper[Symbol.asyncDispose]();
  }
}

/** Whether a process of R lives on; it may take the kernel a moment to end them all. */
async function survives(id: string): Promise<boolean> {
  const alive = () => processesWith([`${WORKER_VARIABLE}=${id}`]).length > 0;
  for (const since = performance.now(); performance.now() - since < SURVIVAL_MS;) {
    if (!alive()) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}

/** Things outside that R is not to find, read, write, reach or end. */
class Bait implements AsyncDisposable {
  readonly dir: string;
  readonly target: string;
  readonly secret = randomHex();
  readonly name = `rtool-${randomHex()}`;
  readonly decoy: Deno.ChildProcess;
  /** Whether R has come through to one of the ports. */
  reached = false;
  readonly #listeners: Deno.Listener[] = [];
  #ended = false;

  constructor(stateDir: string, { user, network }: Sandbox) {
    this.dir = `${stateDir}/outside`;
    this.target = `${this.dir}/written`;
    Deno.mkdirSync(this.dir);
    Deno.writeTextFileSync(`${this.dir}/secret`, this.secret);
    // Nothing but the sandbox is in R's way.
    for (const path of [this.dir, `${this.dir}/secret`]) Deno.chmodSync(path, 0o777);
    this.decoy = spawnDecoy(user, this.secret);
    void this.decoy.status.then(() => this.#ended = true);
    for (const path of network ? [] : [`${this.dir}/socket`, `\0${this.name}`]) {
      this.#listen(Deno.listen({ transport: "unix", path }));
    }
    if (!network) {
      Deno.chmodSync(`${this.dir}/socket`, 0o777);
      this.#listen(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
    }
  }

  /** Of the last listener, which is the only one with a port. */
  get port(): number {
    const addr = this.#listeners.at(-1)?.addr;
    return addr?.transport === "tcp" ? addr.port : 0;
  }

  /** Whether the decoy has been ended. */
  taken(): boolean {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    sendSignal(this.decoy.pid, "SIGKILL");
    const { stdin, stdout, stderr, status } = this.decoy;
    await Promise.all([status, stdin.abort(), stdout.cancel(), stderr.cancel()]).catch(() => {});
    Deno.removeSync(this.dir, { recursive: true });
  }

  #listen(listener: Deno.Listener): void {
    this.#listeners.push(listener);
    void this.#accept(listener);
  }

  async #accept(listener: Deno.Listener): Promise<void> {
    try {
      for (;;) {
        (await listener.accept()).close();
        this.reached = true;
      }
    } catch {
      // Closed: the probes are over.
    }
  }
}

function script(
  bait: Bait,
  options: WorkerOptions & { sandbox: Sandbox },
  control: string,
): string {
  const { user, network, filter, readOnly, readWrite } = options.sandbox;
  const isShown = (path: string) => {
    return [...readOnly, ...readWrite].some((dir) => isWithin(path, dir) || isWithin(dir, path));
  };
  const texts = {
    secret: bait.secret,
    file: `${bait.dir}/secret`,
    socket: `${bait.dir}/socket`,
    name: bait.name,
    state: options.stateDir,
    control,
    uid: String(user?.uid ?? Deno.uid()),
  };
  const fields = Object.entries(texts).map(([name, text]) => `${name} = ${JSON.stringify(text)}`);
  fields.push(`port = ${bait.port}L`, `decoy = ${bait.decoy.pid}L`);
  const vector = (paths: readonly string[]) => {
    return `c(${["character()", ...paths.map((path) => JSON.stringify(path))].join(", ")})`;
  };
  fields.push(`targets = ${vector(targetsOf(bait, options.sandbox))}`);
  fields.push(`private = ${vector(PRIVATE.filter((path) => !isShown(path)))}`);
  fields.push(`filter = ${filter === undefined ? "FALSE" : "TRUE"}`);
  const groups = network ? GROUPS : [...GROUPS, NETWORK_GROUP];
  const calls = [...groups, 'q("no")'].map((call) => `${call}\n`);
  return `${probesSource}\noutside <- list(\n${fields.join(",\n")})\n${calls.join("")}`;
}

/** Where it must not write: not where it was granted that. */
function targetsOf(bait: Bait, { readWrite }: Sandbox): string[] {
  const all = TARGETS.filter((path) => !readWrite.some((dir) => isWithin(path, dir)));
  return [...all, bait.target];
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

const RESULTS: Readonly<Record<string, ProbeResult["result"]>> = {
  TRUE: "got out",
  FALSE: "held",
  NA: "not tried",
};

/** An R that was stopped half-way has proved nothing. */
function parse(stdout: string, stderr: string): Map<string, ProbeResult["result"]> {
  const said = new Map<string, ProbeResult["result"]>();
  for (const [, name, out] of stdout.matchAll(/^@ (\w+) (TRUE|FALSE|NA) $/gm)) {
    said.set(name!, RESULTS[out!]!);
  }
  const tried = new Set(probesSource.match(/(?<=(?:try_way|said)\(")\w+/g));
  const missing = [...tried].filter((name) => !said.has(name));
  const isWhole = missing.every((name) => name.startsWith("reach_"));
  if (said.size > 0 && isWhole) return said;
  throw new RtoolError(
    "bad_config",
    `Cannot confine R: ${firstLine(stderr) || "it ended at once"}`,
    {
      hint: "rtool doctor tells what is missing; see also docs/operations.md, Confined R",
    },
  );
}

function firstLine(text: string): string {
  return text.trim().split("\n").find((line) => line.trim() !== "")?.slice(0, 300) ?? "";
}
