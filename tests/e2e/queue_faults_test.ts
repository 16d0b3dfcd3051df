/**
 * Faults of a cluster: servers, brokers and clients that die, freeze and come back. Every job that
 * was taken has one end, and what ran twice is told.
 *
 * `RTOOL_SOAK` multiplies how much is done.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cable, joined, TestBroker, until } from "./nats.ts";
import { count, outcomeOf, TestQueue } from "./queue_load.ts";
import { spawnRtool, startServer, type TestServer, text } from "./rtool.ts";

const SOAK = Number(Deno.env.get("RTOOL_SOAK") ?? 1);

/** Servers that lose their jobs soon. */
const SHORT_LEASE = ["--lease", "2s", "--quiet"];

Deno.test("three servers share the jobs evenly, and every result is right", async () => {
  const jobs = 300 * (SOAK === 1 ? 1 : 34);
  await using broker = await TestBroker.start();
  await using one = await broker.server(["--queue-jobs-max", "2"]);
  await using two = await broker.server(["--queue-jobs-max", "2"]);
  await using three = await broker.server(["--queue-jobs-max", "2"]);
  await joined(one, two, three);
  await using queue = await TestQueue.connect(broker);
  const code = (n: number) => `Sys.sleep(0.01); cat(${n} * 2, Sys.getenv('TMPDIR'))`;
  const ends = await queue.storm(Array.from({ length: jobs }, (_, n) => code(n)));
  assertEquals(count(ends.map(({ kind }) => kind)), { ok: jobs });
  ends.forEach(({ stdout }, n) => assertEquals(stdout.split(" ")[0], String(n * 2)));
  const dirs = [one, two, three].map(({ dir }) => dir);
  const spread = dirs.map((dir) => ends.filter(({ stdout }) => stdout.includes(dir)).length);
  tell("spread", Object.fromEntries(spread.entries()));
  for (const share of spread) assert(Math.abs(share - jobs / 3) < 0.2 * jobs / 3, `${spread}`);
});

Deno.test("a server killed mid-job: another runs it again and says so", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  let again = 0;
  for (let round = 0; round < 2 * (SOAK === 1 ? 1 : 25); round++) {
    const victim = await broker.server([...SHORT_LEASE, "--queue-jobs-max", "2"]);
    const file = `${broker.dir}/runs-${round}`;
    const code = `cat('x', file = '${file}', append = TRUE); Sys.sleep(1.5); cat('done')`;
    const ends = [0, 1].map(async () => outcomeOf(await queue.submit(code)));
    await until(async () => (await Deno.stat(file).catch(() => undefined))?.size === 2);
    await victim.stop("SIGKILL");
    await using _other = await broker.server(SHORT_LEASE);
    for (const { kind, stdout, notes } of await Promise.all(ends)) {
      assertEquals([kind, stdout], ["ok", "done"]);
      assertMatch(notes.join(), /run again \(attempt 2\): 1 host that ran it was lost/);
      again++;
    }
    assertEquals((await Deno.readTextFile(file)).length, 4);
    await victim[Symbol.asyncDispose]();
  }
  tell("killed mid-job", { again });
});

Deno.test("--at-most-once: the job is lost with its host, and not run again", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const victim = await broker.server(SHORT_LEASE);
  const file = `${broker.dir}/once`;
  const code = `cat('x', file = '${file}', append = TRUE); Sys.sleep(60)`;
  const end = outcomeOf(await queue.submit(code, { atMostOnce: true }));
  await until(async () => (await Deno.stat(file).catch(() => undefined)) !== undefined);
  await victim.stop("SIGKILL");
  await using _other = await broker.server(SHORT_LEASE);
  const { kind, message } = await end;
  assertEquals(kind, "lost");
  assertMatch(message, /may run at most once/);
  assertEquals(await Deno.readTextFile(file), "x");
  await victim[Symbol.asyncDispose]();
});

Deno.test("a server frozen beyond its lease: its late result does not count", async () => {
  await using broker = await TestBroker.start();
  await using frozen = await broker.server(SHORT_LEASE);
  await using queue = await TestQueue.connect(broker);
  const file = `${broker.dir}/frozen`;
  const code = `cat('x', file = '${file}', append = TRUE); Sys.sleep(2); cat(Sys.getenv('TMPDIR'))`;
  const job = await queue.submit(code);
  const end = outcomeOf(job);
  await until(async () => (await Deno.stat(file).catch(() => undefined)) !== undefined);
  Deno.kill(frozen.pid, "SIGSTOP");
  await using other = await broker.server(SHORT_LEASE);
  const { kind, stdout } = await end;
  Deno.kill(frozen.pid, "SIGCONT");
  assertEquals([kind, stdout.startsWith(other.dir)], ["ok", true]);
  await until(() => frozen.stderrText().includes("overtaken"));
  // What is kept is what was told.
  const kept = await queue.client.attach(
    { name: "tester", local: true, profile: (await import("../../core/profile.ts")).OWNER },
    job.id,
    0,
    new AbortController().signal,
  );
  assertEquals(await outcomeOf(kept), await end);
});

Deno.test("the broker killed under load: nothing that was taken is lost", async () => {
  await using broker = await TestBroker.start();
  await using one = await broker.server(["--lease", "3s", "--quiet"]);
  await using two = await broker.server(["--lease", "3s", "--quiet"]);
  await using queue = await TestQueue.connect(broker);
  const file = `${broker.dir}/ran`;
  const jobs = 100 * SOAK;
  const code = (n: number) => `Sys.sleep(0.1); cat('${n}\\n', file = '${file}', append = TRUE)`;
  const storm = queue.storm(Array.from({ length: jobs }, (_, n) => code(n)));
  for (let round = 0; round < 2; round++) {
    await until(async () => await lines(file) > (round + 1) * jobs / 5);
    await broker.kill("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await broker.revive();
  }
  const ends = count((await storm).map(({ kind }) => kind));
  const ran = (await Deno.readTextFile(file)).trim().split("\n");
  tell("broker killed", { ...ends, duplicates: ran.length - new Set(ran).size });
  assertEquals(ends, { ok: jobs });
  assertEquals(new Set(ran).size, jobs);
  void [one, two];
});

Deno.test("the broker frozen: jobs go on behind it", async () => {
  await using broker = await TestBroker.start();
  await using _server = await broker.server(["--lease", "3s", "--quiet"]);
  await using queue = await TestQueue.connect(broker);
  const file = `${broker.dir}/ran`;
  const code = `cat('x', file = '${file}', append = TRUE); Sys.sleep(2); cat('done')`;
  const ends = [1, 2, 3].map(async () => outcomeOf(await queue.submit(code)));
  await until(async () => (await Deno.stat(file).catch(() => undefined))?.size === 3);
  await broker.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, SOAK === 1 ? 5_000 : 30_000));
  await broker.kill("SIGCONT");
  for (const end of ends) assertEquals((await end).stdout, "done");
  assertEquals(await Deno.readTextFile(file), "xxx");
});

Deno.test("the network cut between one server and the broker: its jobs go on, or elsewhere", async () => {
  await using broker = await TestBroker.start();
  await using cable = new Cable(broker.port);
  const through = ["--nats", cable.url, ...SHORT_LEASE, "--queue-jobs-max", "1"];
  await using cut = await startServer(["--cluster-key", broker.key, "--queue", "q", ...through]);
  await using queue = await TestQueue.connect(broker);
  const file = `${broker.dir}/ran`;
  const code = (seconds: number) =>
    `cat('x', file = '${file}', append = TRUE); Sys.sleep(${seconds}); cat(Sys.getenv('TMPDIR'))`;
  const begun = (count: number) =>
    until(async () => (await Deno.stat(file).catch(() => undefined))?.size === count);
  // A short cut: the server reports when it is back.
  const short = queue.submit(code(1)).then(outcomeOf);
  await begun(1);
  cable.cut();
  await new Promise((resolve) => setTimeout(resolve, 500));
  cable.mend();
  const first = await short;
  assertEquals([first.kind, first.stdout.startsWith(cut.dir)], ["ok", true]);
  // A long one: another server has the job, and the first hears of it when it is back.
  const long = queue.submit(code(3)).then(outcomeOf);
  await begun(2);
  cable.cut();
  await using other = await broker.server(SHORT_LEASE);
  const second = await long;
  assertEquals([second.kind, second.stdout.startsWith(other.dir)], ["ok", true]);
  cable.mend();
  await until(() => cut.stderrText().includes("overtaken"));
});

Deno.test("a client killed: its job goes on, and is followed from elsewhere", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server();
  await joined(server);
  const args = ["--queue", "q", "-e", "cat('a\\n'); Sys.sleep(1); cat('b\\n')", "--ndjson"];
  for (const place of [broker.straight, ["-p", String(server.port)]]) {
    const child = spawnRtool(["send", ...place, ...args]);
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let told = "";
    while (!told.includes('"stdout"')) told += (await output.read()).value ?? "";
    const id = /"job": ?"([0-9a-f]{32})"/.exec(told)?.[1] ?? "";
    child.kill("SIGKILL");
    await child.status;
    await Promise.all([output.cancel(), child.stderr.cancel()]);
    const { code, stdout } = await broker.run("attach", [id]);
    assertEquals([code, text(stdout)], [0, "a\nb\n"]);
  }
});

Deno.test("a job that kills R each time has one end, and is not tried again", async () => {
  await using broker = await TestBroker.start();
  await using _server = await broker.server(SHORT_LEASE);
  await using queue = await TestQueue.connect(broker);
  const file = `${broker.dir}/poison`;
  const code = `cat('x', file = '${file}', append = TRUE); tools::pskill(Sys.getpid(), 9)`;
  const codes = Array.from({ length: 5 * SOAK }, () => code);
  const ends = count((await queue.storm(codes)).map(({ kind }) => kind));
  assertEquals(ends, { crashed: codes.length });
  assertEquals((await Deno.readTextFile(file)).length, codes.length);
});

Deno.test("a server that leaves ends what runs, and hands back what it had not begun", async () => {
  await using broker = await TestBroker.start();
  const leaving = await broker.server(["--queue-jobs-max", "2", "--lease", "20s", "--quiet"]);
  await using queue = await TestQueue.connect(broker);
  const file = `${broker.dir}/ran`;
  const code = `cat('x', file = '${file}', append = TRUE); Sys.sleep(1); cat('done')`;
  const ends = Array.from({ length: 8 }, async () => outcomeOf(await queue.submit(code)));
  await until(async () => (await Deno.stat(file).catch(() => undefined))?.size === 2);
  await stopped(leaving);
  assertEquals(await Deno.readTextFile(file), "xx");
  await using _next = await broker.server(["--quiet"]);
  for (const { kind, stdout } of await Promise.all(ends)) {
    assertEquals([kind, stdout], ["ok", "done"]);
  }
  assertEquals((await Deno.readTextFile(file)).length, 8);
});

Deno.test("a job that loses too many hosts goes to the dead list, to be tried again or dropped", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const file = `${broker.dir}/poison`;
  // It takes its server with it as long as the file is there.
  const code = `if (file.exists('${file}')) { cat('x', file = '${file}', append = TRUE);
    tools::pskill(as.integer(readLines('${file}.pid')), 9); Sys.sleep(60) } else cat('fine')`;
  await Deno.writeTextFile(file, "");
  const end = outcomeOf(await queue.submit(code));
  for (let round = 0; round < 2; round++) {
    const victim = await broker.server([...SHORT_LEASE, "--deliveries-max", "2"]);
    await Deno.writeTextFile(`${file}.pid`, `${victim.pid}\n`);
    await until(async () => (await Deno.readTextFile(file)).length === round + 1);
    await victim.stop("SIGKILL");
    await victim[Symbol.asyncDispose]();
  }
  await using _last = await broker.server([...SHORT_LEASE, "--deliveries-max", "2"]);
  const { kind, message } = await end;
  assertEquals(kind, "lost");
  assertMatch(message, /given up: 2 hosts that ran it were lost/);
  assertEquals(await Deno.readTextFile(file), "xx");
  await Deno.remove(file);
  const listed = JSON.parse(text((await broker.run("queue", ["dead", "--json"])).stdout));
  assertEquals(listed.length, 1);
  const retried = await broker.run("queue", ["retry", listed[0].id.slice(0, 8)]);
  const id = text(retried.stdout).trim();
  const again = await broker.run("attach", [id]);
  assertEquals([again.code, text(again.stdout)], [0, "fine"], text(retried.stderr));
  assertEquals(text((await broker.run("queue", ["dead", "--json"])).stdout), "[]\n");
});

async function stopped(server: TestServer): Promise<void> {
  assertEquals((await server.stop()).code, 0, server.stderrText());
  await server[Symbol.asyncDispose]();
}

async function lines(file: string): Promise<number> {
  return (await Deno.readTextFile(file).catch(() => "")).split("\n").length - 1;
}

function tell(what: string, counts: Readonly<Record<string, number>>): void {
  const told = Object.entries(counts).map(([name, n]) => `${name} ${n}`).join(", ");
  console.log(`${what}: ${told}`);
}
