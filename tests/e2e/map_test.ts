/**
 * `rtool map` on the real server: interrupted, killed, its server killed, and every item has one
 * result.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { rtool, spawnRtool, startServer, type TestServer, text } from "./rtool.ts";
import { kill, readAll, run } from "./processes.ts";

/** How often a file is looked at. */
const LOOK_MS = 10;

/** Nothing here may hang. */
const PATIENCE_MS = 60_000;

/** A line of results, as far as it is looked at. */
interface ResultLine {
  readonly index: number;
  readonly outcome: string;
  readonly value?: unknown;
}

Deno.test("2,000 items, interrupted twice and killed once: each has one result, in order, and none that had one ran again", async () => {
  await using bench = await Bench.open(2000);
  const first = await bench.interrupt([], 300, "SIGINT");
  assertEquals(first.code, 130);
  assertStringIncludes(first.stderr, "--resume");
  const second = await bench.interrupt(["--resume"], 800, "SIGKILL");
  assertEquals(second.code, 137);
  const third = await bench.interrupt(["--resume"], 1300, "SIGINT");
  assertEquals(third.code, 130);
  const last = await bench.map(["--resume"]);
  assertEquals(last.code, 0, text(last.stderr));
  const results = await bench.results();
  assertEquals(results.map(({ index }) => index), Array.from({ length: 2000 }, (_, n) => n));
  assertEquals(results.map(({ value }) => value), results.map(({ index }) => index * 2));
  const runs = await bench.runs();
  for (const [index, count] of bench.finished) {
    assertEquals(runs.get(index), count, `Item ${index} had a result, and ran again`);
  }
  assertStringIncludes(text(last.stderr), "finished before");
  assertEquals((await bench.map(["--resume"])).code, 0, "There is nothing left to do");
  assertEquals(await bench.runs(), runs);
});

Deno.test("a server that is killed and comes back: what had started is lost, the rest is run", async () => {
  // Those that run when the server is killed would run on for a minute.
  await using bench = await Bench.open(150, 40, 44);
  const running = bench.start(["-j", "4"]);
  const [stdout, stderr] = [readAll(running.stdout), readAll(running.stderr)];
  await eventually(async () => (await bench.runs()).size === 44);
  await bench.restartServer();
  const { code } = await running.status;
  assertEquals([code, text(await stdout)], [1, ""], text(await stderr));
  const results = await bench.results();
  assertEquals(results.map(({ index }) => index), Array.from({ length: 150 }, (_, n) => n));
  const lost = results.filter(({ outcome }) => outcome !== "ok");
  assertEquals(lost.map(({ index, outcome }) => `${index} ${outcome}`), [
    ...["40 lost", "41 lost", "42 lost", "43 lost"],
  ]);
  for (const [index, count] of await bench.runs()) assertEquals(count, 1, `Item ${index}`);
  assertEquals((await bench.map(["--resume"])).code, 1, "They have failed, and stay so");
  await Deno.remove(`${bench.dir}/slow`);
  const again = await bench.map(["--resume", "--failed"]);
  assertEquals(again.code, 0, text(again.stderr));
  const all = (await bench.results()).map(({ index, outcome }) => [index, outcome]);
  assertEquals(all, results.map(({ index }) => [index, "ok"]));
});

Deno.test("results come in order or as they finish, in a clean R each, in the directory of the call", async () => {
  await using bench = await Bench.open(0);
  const dir = bench.dir;
  await Deno.writeTextFile(
    `${dir}/s.R`,
    "x <- exists('y'); y <- 1\nSys.sleep(.item)\n" +
      "list(x, .item, n, basename(getwd()), commandArgs(TRUE), Sys.getenv('A'))\n",
  );
  const args = ["map", "-p", `${bench.port}`, "s.R", "--over", "-", "--unbox", "--set", "n=[1,2]"];
  const more = ["--env", "A=b", "-j", "2", "--", "one"];
  const base = dir.slice(dir.lastIndexOf("/") + 1);
  const values = [0.5, 0].map((item) => [false, item, [1, 2], base, "one", "b"]);
  const lines = values.map((value, index) => JSON.stringify({ index, outcome: "ok", value }));
  const ordered = (...options: string[]) =>
    rtool([...args, ...options, ...more], { stdin: "0.5\n0\n", cwd: dir });
  const inOrder = await ordered();
  assertEquals([text(inOrder.stdout), inOrder.code], [`${lines.join("\n")}\n`, 0]);
  const asFinished = await ordered("--as-finished");
  assertEquals(text(asFinished.stdout), `${lines.reverse().join("\n")}\n`);
});

Deno.test("what fails has a message, R's own error, and a place in the summary", async () => {
  await using bench = await Bench.open(0);
  const code = "f <- function(x) stop('no: ', x); switch(.item, f(1), quit(status = 3), 7)";
  const args = ["map", "-p", `${bench.port}`, "-e", code, "--over", "-"];
  const { code: status, stdout, stderr } = await rtool(args, { stdin: "1\n\n2\n3\n" });
  const [error, quit, ok] = text(stdout).trim().split("\n").map((line) => JSON.parse(line));
  assertEquals([error.index, error.outcome, error.message], [0, "error", "no: 1"]);
  assertEquals([error.error.call, error.error.line], ["f(1)", 1]);
  assertEquals([quit.outcome, ok], ["quit", { index: 2, outcome: "ok", value: [7] }]);
  assertEquals(status, 1);
  assertStringIncludes(text(stderr), "rtool: item 0: error: no: 1\n");
  assertStringIncludes(text(stderr), "1 ok, 2 failed\n");
});

Deno.test("the example of docs/map.md gives what stands there", async () => {
  await using bench = await Bench.open(0);
  const document = await Deno.readTextFile(new URL("../../docs/map.md", import.meta.url));
  const example = /^```console\n([^]*?)^```/m.exec(document)?.[1] ?? "";
  const [, items, script, command, said, code] =
    /^\$ (printf .*)\n\$ cat mean\.R\n([^]*?)\$ rtool (map .*)\n([^]*)\$ echo \$\?\n(\d+)\n$/
      .exec(example)!;
  await run(["sh", "-c", items!], { cwd: bench.dir });
  await Deno.writeTextFile(`${bench.dir}/mean.R`, script!);
  const args = [...command!.split(" "), "-p", `${bench.port}`];
  const ended = await rtool(args, { cwd: bench.dir });
  const timeless = (lines: string) => lines.replace(/ in .*?:/, "");
  assertEquals(timeless(text(ended.stdout) + text(ended.stderr)), timeless(said!));
  assertEquals(ended.code, Number(code));
});

/** A server, items, a script that notes each run, and a file of results. */
class Bench implements AsyncDisposable {
  readonly dir: string;
  #server: TestServer;
  /** Items that had a result when a run was interrupted, and how often they had run then. */
  readonly finished = new Map<number, number>();

  private constructor(dir: string, server: TestServer) {
    this.dir = dir;
    this.#server = server;
  }

  /** Items from `slow` to `quick` take a minute, while there is a file of that name. */
  static async open(items: number, slow = 0, quick = 0): Promise<Bench> {
    const dir = await Deno.makeTempDir({ prefix: "rtool-map-" });
    await Deno.mkdir(`${dir}/runs`);
    await Deno.writeTextFile(`${dir}/slow`, "");
    const lines = Array.from({ length: items }, (_, n) => {
      return `{"n": ${n}, "slow": ${n >= slow && n < quick}}\n`;
    });
    await Deno.writeTextFile(`${dir}/in.ndjson`, lines.join(""));
    await Deno.writeTextFile(
      `${dir}/s.R`,
      "cat(.item$n, '\\n', file = file.path('runs', Sys.getpid()), append = TRUE)\n" +
        "if (.item$slow && file.exists('slow')) Sys.sleep(60)\n2 * .item$n\n",
    );
    return new Bench(dir, await startServer(["--quiet"]));
  }

  get port(): number {
    return this.#server.port;
  }

  start(options: readonly string[]): Deno.ChildProcess {
    return spawnRtool(this.#args(options), { cwd: this.dir });
  }

  map(options: readonly string[]): ReturnType<typeof rtool> {
    return rtool(this.#args(options), { cwd: this.dir });
  }

  /** Runs until there are so many results, sends the signal, and notes which results there are. */
  async interrupt(
    options: readonly string[],
    results: number,
    signal: Deno.Signal,
  ): Promise<{ code: number; stderr: string }> {
    const child = this.start(options);
    const stderr = readAll(child.stderr);
    const stdout = readAll(child.stdout);
    await this.until(results);
    if (signal === "SIGKILL") kill(child);
    else child.kill(signal);
    const { code } = await child.status;
    await stdout;
    const runs = await this.runs();
    for (const { index } of await this.results()) this.finished.set(index, runs.get(index)!);
    return { code, stderr: text(await stderr) };
  }

  /** Resolves when there are so many results. */
  until(results: number): Promise<void> {
    return eventually(async () => (await this.#lines()).length >= results);
  }

  /** Kills the server and starts another on its port. */
  async restartServer(): Promise<void> {
    const { port } = this.#server;
    await this.#server.stop("SIGKILL");
    await this.#server[Symbol.asyncDispose]();
    this.#server = await startServer(["--quiet", "--port", `${port}`]);
  }

  /** The whole lines of the file of results. */
  async results(): Promise<ResultLine[]> {
    return (await this.#lines()).map((line) => JSON.parse(line) as ResultLine);
  }

  /** How often each item was run. */
  async runs(): Promise<Map<number, number>> {
    const counts = new Map<number, number>();
    for await (const { name } of Deno.readDir(`${this.dir}/runs`)) {
      const noted = await Deno.readTextFile(`${this.dir}/runs/${name}`);
      for (const item of noted.trim().split("\n").map(Number)) {
        counts.set(item, (counts.get(item) ?? 0) + 1);
      }
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await Deno.remove(this.dir, { recursive: true });
  }

  #args(options: readonly string[]): string[] {
    const to = ["-p", `${this.port}`, "--over", "in.ndjson", "-o", "out.ndjson", "--unbox"];
    return ["map", "s.R", ...to, ...options];
  }

  async #lines(): Promise<string[]> {
    const results = await Deno.readTextFile(`${this.dir}/out.ndjson`).catch(() => "");
    return results.split("\n").slice(0, -1);
  }
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const patience = performance.now() + PATIENCE_MS;
  while (!await holds()) {
    assert(performance.now() < patience, `Nothing within ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
