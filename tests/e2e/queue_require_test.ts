/**
 * What jobs of a queue require, on a real broker: they run where it is to be had, and nowhere else.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Broker } from "../../cluster/broker.ts";
import { joined, TestBroker, until } from "./nats.ts";
import { run } from "./processes.ts";
import { outcomeOf, TestQueue } from "./queue_load.ts";
import { rtool, spawnRtool, startServer, type TestServer, text } from "./rtool.ts";

/** Tells which server ran it. */
const WHERE = "cat(Sys.getenv('TMPDIR'))";

Deno.test("--require runs a job where all it requires is to be had, and nowhere else", async () => {
  await using broker = await TestBroker.start();
  const library = await Deno.makeTempDir({ prefix: "rtool-library-" });
  await install(library, "my.package");
  await using plain = await broker.server();
  await using other = await broker.server(["--label", "gpu=1,slow"]);
  await using fast = await startServer(
    [...broker.straight, "--queue", "q", "--label", "gpu=1", "--label", "fast"],
    { env: { R_LIBS: library } },
  );
  await joined(plain, other, fast);
  const cases: readonly (readonly [require: string, places: readonly TestServer[]])[] = [
    ["package=my.package", [fast]], // First: it waits until R has said what is installed.
    ["gpu=1", [other, fast]],
    ["fast", [fast]],
    ["gpu=1,slow", [other]],
    ["cores=1,gpu=1,memory=1MiB,package=stats,slow", [other]],
    ["cores=1", [plain, other, fast]],
  ];
  for (const [require, places] of cases) {
    const runs = await Promise.all([1, 2].map(() => {
      return broker.run("send", ["--require", require, "-e", WHERE]);
    }));
    for (const { code, stdout, stderr } of runs) {
      assertEquals(code, 0, text(stderr));
      const isThere = places.some(({ dir }) => text(stdout).startsWith(dir));
      assert(isThere, `A job that requires ${require} ran elsewhere`);
    }
  }
  const { hosts } = await shown(broker);
  const found = hosts.filter(({ installed }) => installed?.["my.package"] === "1.2.3");
  assertEquals(found.map(({ labels }) => labels), [["gpu=1", "fast"]]);
  for (const { packages, installed, memory_bytes, memory_free_bytes } of hosts) {
    assertEquals(packages, Object.keys(installed ?? {}).length);
    assert(memory_free_bytes > 0 && memory_free_bytes <= memory_bytes);
  }
  await Deno.remove(library, { recursive: true });
});

Deno.test("what no host has waits and says so, and runs as soon as one that has it joins", async () => {
  await using broker = await TestBroker.start();
  const told = /no host of the queue has cores=1 and gpu=2 now; the job waits/;
  const job = ["--require", "gpu=2", "--require", "cores=1", "-e", "cat(6 * 7)"];
  const early = await broker.run("send", ["--detach", ...job]); // There is no host at all.
  assertMatch(text(early.stderr), told);
  await using server = await broker.server();
  await joined(server);
  const child = spawnRtool(["send", ...broker.straight, "--queue", "q", ...job]);
  const [late, quiet, lines, huge] = await Promise.all([
    server.send(["--queue", "q", "--detach", ...job]),
    broker.run("send", ["--detach", "--quiet", ...job]),
    broker.run("send", ["--detach", "--ndjson", ...job]),
    broker.run("send", ["--detach", "--require", "cores=100000", "-e", "1"]),
  ]);
  assertMatch(text(late.stderr), told);
  assertEquals([quiet.code, text(quiet.stderr)], [0, ""]);
  assertMatch(JSON.parse(text(lines.stdout)).note, told);
  assertMatch(text(huge.stderr), /no host of the queue has cores=100000 now/);
  const notes = child.stderr.getReader();
  assertMatch(text((await notes.read()).value ?? new Uint8Array(0)), told);
  const { required, waiting } = await shown(broker);
  assertEquals(waiting, 6);
  assertEquals(required.toSorted((one, other) => other.jobs - one.jobs), [
    { require: ["cores=1", "gpu=2"], jobs: 5 },
    { require: ["cores=100000"], jobs: 1 },
  ]);
  await using fitting = await broker.server(["--label", "gpu=2"]);
  assertEquals(text(new Uint8Array(await new Response(child.stdout).arrayBuffer())), "42");
  assertEquals((await child.status).code, 0);
  await notes.cancel();
  for (const { stdout } of [early, late, quiet]) {
    const attached = await broker.run("attach", [text(stdout).trim()]);
    assertEquals([attached.code, text(attached.stdout)], [0, "42"]);
  }
  await until(async () => (await shown(broker)).waiting === 1);
  const fits = await fitting.send(["--queue", "q", ...job]);
  assertEquals([fits.code, text(fits.stdout), text(fits.stderr)], [0, "42", ""]);
});

Deno.test("a consumer that nobody asks goes by itself, and one that has gone comes again", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const { consumers } = queue.client.queue.broker.manager;
  const isThere = () => consumers.info("RTOOL_q_JOBS", "need-fast").then(() => true, () => false);
  await queue.client.queue.consumer("fast", 30_000, 500);
  await until(async () => !await isThere());
  await using server = await broker.server(["--label", "fast"]);
  await joined(server);
  const send = async () => (await outcomeOf(await queue.submit("1", { require: ["fast"] }))).kind;
  assertEquals(await send(), "ok");
  assertEquals(await isThere(), true);
  await consumers.delete("RTOOL_q_JOBS", "need-fast");
  assertEquals(await send(), "ok");
  assertEquals(await isThere(), true);
});

Deno.test("many servers make the consumer of the same requirements at once", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const { queue: same } = queue.client;
  const made = await Promise.all(Array.from({ length: 8 }, () => same.consumer("a+b", 7_000)));
  assertEquals(new Set(made.map(({ leaseMs }) => leaseMs)), new Set([7_000]));
});

Deno.test("subjects and announcements that mean nothing do a server no harm", async () => {
  await using broker = await TestBroker.start();
  await using nats = await Broker.connect({ urls: [broker.url] });
  await using queue = await TestQueue.connect(broker);
  const tokens = ["b+a", "a++b", "cores=0", "x".repeat(2000), "é", "%", "gpu=1,", "fast"];
  for (const token of tokens) {
    await nats.add(`rtool.q.job.need.${token}.x.y`, crypto.randomUUID(), new Uint8Array(9), {});
  }
  for (const subject of ["need", "need.fast", "need.gpu=1.x", "_.x", "x.y.z.a.b.c.d"]) {
    await nats.add(`rtool.q.job.${subject}`, crypto.randomUUID(), new Uint8Array(0), {});
  }
  await queue.submit("1", { require: ["gpu=7", "cores=1"] });
  await using server = await broker.server(["--label", "gpu=1,fast"]);
  await joined(server);
  for (const said of [...tokens.slice(0, -1), "", "need.>", "\0", "x".repeat(500_000)]) {
    nats.tell("rtool.q.wanted", new TextEncoder().encode(said), {});
  }
  assertEquals(await nats.ask("rtool.q.wanted", "cores=0", 50), undefined);
  for (const require of [["gpu=1"], ["fast"], []]) {
    assertEquals((await outcomeOf(await queue.submit("1", { require }))).kind, "ok");
  }
  assertEquals(server.stderrText().includes("queue not"), false, server.stderrText());
  const table = text((await broker.run("cluster", [])).stdout);
  assertMatch(table, /\n1 job requires cores=1 and gpu=7\n$/);
});

Deno.test("a job of the dead list that is tried again still requires what it did", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const { id } = await queue.submit("1", { require: ["package=my.package", "gpu=1"] });
  const { broker: nats, ...rest } = queue.client.queue;
  const kept = await nats.maybeLast(rest.names.jobs, "rtool.q.job.need.>");
  await queue.client.queue.bury(id, kept!.body, kept!.headers);
  const again = text((await broker.run("queue", ["retry", id])).stdout).trim();
  const subjects = await nats.subjects(rest.names.jobs, `rtool.q.job.need.*.*.${again}`);
  assertMatch(Object.keys(subjects).join(), /^rtool\.q\.job\.need\.gpu=1\+package=my,package\./);
});

Deno.test("a server is not given labels for what it finds out by itself", async () => {
  const queue = ["--nats", "nats://127.0.0.1:1", "--queue", "q"];
  const { code, stderr } = await rtool(["serve", ...queue, "--label", "fast,cores=64"]);
  assertEquals(code, 78);
  assertMatch(text(stderr), /Cannot use the label 'cores=64'.*finds out by itself which cores/s);
});

interface Shown {
  readonly waiting: number;
  readonly required: readonly { readonly require: readonly string[]; readonly jobs: number }[];
  readonly hosts: readonly {
    readonly labels: readonly string[];
    readonly packages: number;
    readonly memory_bytes: number;
    readonly memory_free_bytes: number;
    readonly installed?: Readonly<Record<string, string>>;
  }[];
}

async function shown(broker: TestBroker): Promise<Shown> {
  return JSON.parse(text((await broker.run("cluster", ["--json"])).stdout));
}

/** As much of a package as R needs to list it. */
async function install(library: string, name: string): Promise<void> {
  const dir = `${library}/${name}/Meta`;
  await Deno.mkdir(dir, { recursive: true });
  const description = `c(Package = '${name}', Version = '1.2.3', Built = 'R 4')`;
  const saving = `saveRDS(list(DESCRIPTION = ${description}, Built = list(R = '4')), ` +
    `'${dir}/package.rds')`;
  assertEquals((await run(["Rscript", "--vanilla", "-e", saving])).code, 0);
}
