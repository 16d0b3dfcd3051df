/**
 * `rtool map --queue` on a real broker and three servers: interrupted, killed, a server killed, the
 * broker restarted; every item has one result.
 *
 * `RTOOL_SOAK` makes it 2,000 items.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { joined, TestBroker, until } from "./nats.ts";
import { readAll } from "./processes.ts";
import { type Run, spawnRtool, startServer, type TestServer, text } from "./rtool.ts";

const ITEMS = Deno.env.get("RTOOL_SOAK") ? 2000 : 200;

Deno.test("a map over three servers, interrupted and killed: each item has one result", async () => {
  await using place = await Place.open(3);
  const first = await place.interrupt([], ITEMS / 5, "SIGINT");
  assertEquals(first, 130);
  const second = await place.interrupt(["--resume"], ITEMS / 2, "SIGKILL");
  assertEquals(second, 137);
  const last = await place.map(["--resume"]);
  const results = await place.results();
  const failed = results.filter(({ outcome }) => outcome !== "ok");
  assertEquals([last.code, failed], [0, []], text(last.stderr));
  assertEquals(results.map(({ index }) => index), Array.from({ length: ITEMS }, (_, n) => n));
  assertEquals(results.map(({ value }) => value), results.map(({ index }) => index * 2));
  const runs = await place.runs();
  // What SIGINT has stopped ran twice; what was under way at SIGKILL was followed.
  const twice = runs.length - ITEMS;
  console.log(`${ITEMS} items: ${twice} stopped and run anew; ${new Set(runs).size} different`);
  assertEquals(new Set(runs).size, ITEMS);
  assert(twice <= 3 * PLACES, `${twice} items ran twice`);
  assertEquals([...Deno.readDirSync(place.dir)].some(({ name }) => name.endsWith(".run")), false);
});

Deno.test("through a server that is killed and comes back no item runs twice, nor is one lost", async () => {
  await using place = await Place.open(1);
  const door = await startServer(["--queue", "q", ...place.broker.straight, "--quiet", ...SMALL]);
  const { port } = door;
  const map = place.start(["-p", String(port), "--queue", "q", "-j", "8"]);
  const [stdout, stderr] = [readAll(map.stdout), readAll(map.stderr)];
  await until(async () => (await place.runs()).length > ITEMS / 10);
  await door.stop("SIGKILL");
  await door[Symbol.asyncDispose]();
  const again = [...place.broker.straight, "--queue", "q", "--quiet", "--port", String(port)];
  await using _back = await startServer([...again, ...SMALL]);
  const { code } = await map.status;
  assertEquals([code, text(await stdout)], [0, ""], text(await stderr));
  const results = await place.results();
  assertEquals(results.map(({ value }) => value), results.map(({ index }) => index * 2));
  assertEquals(results.length, ITEMS);
  // That server took jobs, too: what it was at when it was killed has run again elsewhere.
  assert((await place.runs()).length - ITEMS <= PLACES, "Others ran twice");
  assertMatch(text(await stderr), /the connection was lost; connecting again/);
});

Deno.test("a broker that is killed and comes back: the map goes on", async () => {
  await using place = await Place.open(2);
  const map = place.start([...place.straight, "-j", "8"]);
  const [stdout, stderr] = [readAll(map.stdout), readAll(map.stderr)];
  await until(async () => (await place.runs()).length > ITEMS / 4);
  await place.broker.kill("SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 500));
  await place.broker.revive();
  const { code } = await map.status;
  assertEquals([code, text(await stdout)], [0, ""], text(await stderr));
  const results = await place.results();
  assertEquals(results.map(({ value }) => value), results.map(({ index }) => index * 2));
  assertEquals(results.length, ITEMS);
});

Deno.test("items that fail have their message, --retry is for lost, and wrong usage is told", async () => {
  await using broker = await TestBroker.start();
  const run = (args: readonly string[], stdin = "1\n2\n") => {
    return broker.run("map", ["--over", "-", ...args], { stdin: new TextEncoder().encode(stdin) });
  };
  await using server = await broker.server(["--label", "gpu=1", "--quiet"]);
  const failing = await run(["-e", "if (.item == 2) stop('no'); .item", "--unbox", "--retry", "3"]);
  assertEquals(failing.code, 1);
  const [one, two] = text(failing.stdout).trim().split("\n").map((line) => JSON.parse(line));
  assertEquals([one.value, two.outcome, two.message], [1, "error", "no"]);
  const labelled = await run(["-e", ".item", "--unbox", "--require", "gpu=1"]);
  assertEquals([labelled.code, text(labelled.stdout).split("\n").length], [0, 3]);
  const half = await run(["-e", ".item", "--queue", ""]);
  assertEquals(half.code, 64);
  await broker.kill("SIGKILL");
  const away = await run(["-e", ".item"]);
  assertEquals([away.code, text(away.stdout)], [69, ""]);
  assertMatch(text(away.stderr), /Cannot connect to nats:/);
  void server;
});

/** Places of each server. */
const PLACES = 2;

const SMALL = ["--queue-jobs-max", String(PLACES), "--lease", "3s"];

/** A broker with servers, items, and a script that notes each run. */
class Place implements AsyncDisposable {
  readonly broker: TestBroker;
  readonly #servers: readonly TestServer[];

  private constructor(broker: TestBroker, servers: readonly TestServer[]) {
    this.broker = broker;
    this.#servers = servers;
  }

  static async open(servers: number): Promise<Place> {
    const broker = await TestBroker.start();
    const started = await Promise.all(Array.from({ length: servers }, () => broker.server(SMALL)));
    await joined(...started);
    const lines = Array.from({ length: ITEMS }, (_, n) => `${n}\n`);
    await Deno.writeTextFile(`${broker.dir}/in.ndjson`, lines.join(""));
    const note = `cat(paste0(.item, '\\n'), file = '${broker.dir}/ran', append = TRUE)`;
    await Deno.writeTextFile(`${broker.dir}/s.R`, `${note}\nSys.sleep(0.02)\n2 * .item\n`);
    return new Place(broker, started);
  }

  get dir(): string {
    return this.broker.dir;
  }

  /** Straight to the queue. */
  get straight(): readonly string[] {
    return [...this.broker.straight, "--queue", "q"];
  }

  start(args: readonly string[]): Deno.ChildProcess {
    const files = [`${this.dir}/s.R`, "--over", `${this.dir}/in.ndjson`, "-o", `${this.dir}/out`];
    return spawnRtool(["map", ...files, "--unbox", ...args]);
  }

  /** A map from its start to its end. */
  async map(args: readonly string[]): Promise<Pick<Run, "code" | "stderr">> {
    const map = this.start([...this.straight, ...args]);
    const [stderr, { code }] = await Promise.all([
      readAll(map.stderr),
      map.status,
      map.stdout.cancel(),
    ]);
    return { code, stderr };
  }

  /** A map that gets a signal when so many items have a result; its exit status. */
  async interrupt(args: readonly string[], items: number, signal: Deno.Signal): Promise<number> {
    const map = this.start([...this.straight, ...args]);
    const output = Promise.all([map.stdout.cancel(), map.stderr.cancel()]);
    await until(async () => (await this.results()).length >= items);
    map.kill(signal);
    await output;
    return (await map.status).code;
  }

  async results(): Promise<{ index: number; outcome: string; value: number }[]> {
    return (await linesOf(`${this.dir}/out`)).map((line) => JSON.parse(line));
  }

  /** The items, as often as they have run. */
  async runs(): Promise<string[]> {
    return await linesOf(`${this.dir}/ran`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server[Symbol.asyncDispose]()));
    await this.broker[Symbol.asyncDispose]();
  }
}

/** Lines that have their ends; those of a file that is not there are none. */
async function linesOf(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").slice(0, -1);
}
