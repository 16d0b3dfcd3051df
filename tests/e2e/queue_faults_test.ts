/**
 * Faults of a cluster's servers: they die, freeze, leave and join. Every job that was taken has one
 * end, and what ran twice is told.
 *
 * `RTOOL_SOAK` multiplies how much is done.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { joined, until } from "./nats.ts";
import { tell } from "./queue_account.ts";
import { SHORT_LEASE, SOAK, TestCluster, together } from "./queue_cluster.ts";
import { outcomeOf } from "./queue_load.ts";
import { type TestServer, text } from "./rtool.ts";

const NONE = { failed: 0, dead: 0, pending: 0, duplicates: 0 };

Deno.test("three servers share the jobs evenly, and every result is right", async () => {
  const jobs = SOAK === 1 ? 300 : 10_000;
  await using cluster = await TestCluster.start();
  const { ledger } = cluster;
  await using one = await cluster.server(["--queue-jobs-max", "2"]);
  await using two = await cluster.server(["--queue-jobs-max", "2"]);
  await using three = await cluster.server(["--queue-jobs-max", "2"]);
  await joined(one, two, three);
  const code = (n: number) => `Sys.sleep(0.01); cat(${n} * 2, Sys.getenv('TMPDIR'))`;
  const ends = await ledger.storm(Array.from({ length: jobs }, (_, n) => code(n)));
  ends.forEach(({ stdout }, n) => assertEquals(stdout.split(" ")[0], String(n * 2)));
  const account = await ledger.account();
  assertEquals(account, { ...NONE, sent: jobs, ok: jobs });
  const dirs = [one, two, three].map(({ dir }) => dir);
  const spread = dirs.map((dir) => ends.filter(({ stdout }) => stdout.includes(dir)).length);
  tell(`three servers, ${cluster.kind}`, { ...account, spread: spread.join("/") });
  for (const share of spread) assert(Math.abs(share - jobs / 3) < 0.2 * jobs / 3, `${spread}`);
});

together("a server that is lost", {
  "killed mid-job: another runs it again and says so": async (cluster) => {
    const { ledger } = cluster;
    const [here, there] = [await cluster.host(), await cluster.host()];
    const rounds = SOAK === 1 ? 2 : 50;
    for (let round = 1; round <= rounds; round++) {
      const victim = await cluster.server([...SHORT_LEASE, "--queue-jobs-max", "2"], here);
      const ends = [];
      for (let n = 0; n < 2; n++) ends.push(ledger.send("Sys.sleep(1.5); cat('done')"));
      await cluster.begun(4 * round - 2);
      await victim.stop("SIGKILL");
      const before = 2 * (round - 1);
      const open = { sent: before + 2, ok: before, pending: 2, duplicates: before };
      assertEquals(await ledger.account(), { ...NONE, ...open });
      await using _other = await cluster.server(SHORT_LEASE, there);
      for (const sent of await Promise.all(ends)) {
        const { kind, stdout, notes } = await sent.end;
        assertEquals([kind, stdout], ["ok", "done"]);
        assertMatch(notes.join(), /run again \(attempt 2\): 1 host that ran it was lost/);
      }
      await victim[Symbol.asyncDispose]();
    }
    const account = await ledger.account();
    tell(`a server killed mid-job ${rounds} times`, account);
    const jobs = 2 * rounds;
    assertEquals(account, { ...NONE, sent: jobs, ok: jobs, duplicates: jobs });
  },

  "--at-most-once: the job is lost with its host, and not run again": async (cluster) => {
    const victim = await cluster.server(SHORT_LEASE);
    const { end } = await cluster.ledger.send("Sys.sleep(60)", { atMostOnce: true });
    await cluster.begun(1);
    await victim.stop("SIGKILL");
    await using _other = await cluster.server(SHORT_LEASE);
    const { kind, message } = await end;
    assertEquals(kind, "lost");
    assertMatch(message, /may run at most once/);
    assertEquals(await cluster.ledger.account(), { ...NONE, sent: 1, ok: 0, failed: 1 });
    await victim[Symbol.asyncDispose]();
  },

  "frozen beyond its lease: its late result does not count": async (cluster) => {
    const { ledger } = cluster;
    await using frozen = await cluster.server(SHORT_LEASE);
    const { id, end } = await ledger.send("Sys.sleep(2); cat(Sys.getenv('TMPDIR'))");
    await cluster.begun(1);
    Deno.kill(frozen.pid, "SIGSTOP");
    assertEquals(await ledger.account(), { ...NONE, sent: 1, ok: 0, pending: 1 });
    await using other = await cluster.server(SHORT_LEASE);
    const { kind, stdout } = await end;
    Deno.kill(frozen.pid, "SIGCONT");
    assertEquals([kind, stdout.startsWith(other.dir)], ["ok", true]);
    await until(() => frozen.stderrText().includes("overtaken"));
    // What is kept is what was told.
    assertEquals(await outcomeOf(await cluster.queue.attach(id)), await end);
    const account = await ledger.account();
    tell("a server frozen beyond its lease", account);
    assertEquals(account, { ...NONE, sent: 1, ok: 1, duplicates: 1 });
  },

  "too many of them: the job goes to the dead list, to be tried again or dropped": async (
    cluster,
  ) => {
    const { broker, ledger } = cluster;
    // It takes its server with it as long as the file is there.
    const file = `${broker.dir}/poison`;
    await Deno.writeTextFile(file, "");
    const { end } = await ledger.send(`if (file.exists('${file}')) {
        tools::pskill(as.integer(readLines('${file}.pid')), 9); Sys.sleep(60) } else cat('fine')`);
    for (let round = 0; round < 2; round++) {
      const victim = await cluster.server([...SHORT_LEASE, "--deliveries-max", "2"]);
      await Deno.writeTextFile(`${file}.pid`, `${victim.pid}\n`);
      await cluster.begun(round + 1);
      await victim.stop("SIGKILL");
      await victim[Symbol.asyncDispose]();
    }
    await using _last = await cluster.server([...SHORT_LEASE, "--deliveries-max", "2"]);
    const { kind, message } = await end;
    assertEquals(kind, "lost");
    assertMatch(message, /given up: 2 hosts that ran it were lost/);
    const account = await ledger.account();
    assertEquals(account, { ...NONE, sent: 1, ok: 0, dead: 1, duplicates: 1 });
    await Deno.remove(file);
    const listed = JSON.parse(text((await broker.run("queue", ["dead", "--json"])).stdout));
    assertEquals(listed.length, 1);
    const retried = await broker.run("queue", ["retry", listed[0].id.slice(0, 8)]);
    const again = await broker.run("attach", [text(retried.stdout).trim()]);
    assertEquals([again.code, text(again.stdout)], [0, "fine"], text(retried.stderr));
    assertEquals(text((await broker.run("queue", ["dead", "--json"])).stdout), "[]\n");
  },
});

Deno.test("a job that kills R each time has one end, and is not tried again", async () => {
  await using cluster = await TestCluster.start();
  await using _server = await cluster.server(SHORT_LEASE);
  const jobs = 5 * SOAK;
  const codes = Array.from({ length: jobs }, () => "tools::pskill(Sys.getpid(), 9)");
  const ends = await cluster.ledger.storm(codes);
  for (const { kind } of ends) assertEquals(kind, "crashed");
  const account = await cluster.ledger.account();
  tell("jobs that kill R", account);
  assertEquals(account, { ...NONE, sent: jobs, ok: 0, failed: jobs });
});

Deno.test("a server that leaves ends what runs, and hands back what it had not begun", async () => {
  await using cluster = await TestCluster.start();
  const { ledger } = cluster;
  const leaving = await cluster.server(["--queue-jobs-max", "2", "--lease", "20s", "--quiet"]);
  const ends = Array.from({ length: 8 }, () => ledger.send("Sys.sleep(1); cat('done')"));
  await cluster.begun(2);
  await left(leaving);
  assertEquals(await ledger.account(), { ...NONE, sent: 8, ok: 2, pending: 6 });
  await using _next = await cluster.server(["--quiet"]);
  for (const sent of await Promise.all(ends)) {
    const { kind, stdout } = await sent.end;
    assertEquals([kind, stdout], ["ok", "done"]);
  }
  assertEquals(await ledger.account(), { ...NONE, sent: 8, ok: 8 });
});

Deno.test("servers leave and join in a storm of jobs, and none is run twice", async () => {
  await using cluster = await TestCluster.start();
  await using stack = new AsyncDisposableStack();
  const { ledger } = cluster;
  const rounds = 3 * SOAK;
  const jobs = 40 * rounds;
  const more = ["--queue-jobs-max", "2", "--lease", "3s", "--quiet"];
  const hosts = [await cluster.host(), await cluster.host()];
  let staying = stack.use(await cluster.server(more, hosts[1]));
  const code = "Sys.sleep(0.1); cat('done')";
  const storm = ledger.storm(Array.from({ length: jobs }, () => code));
  for (let round = 0; round < rounds; round++) {
    await cluster.begun(40 * round + 10);
    const leaving = staying;
    staying = stack.use(await cluster.server(more, hosts[round % 2]));
    await left(leaving);
  }
  for (const { kind, stdout } of await storm) assertEquals([kind, stdout], ["ok", "done"]);
  const account = await ledger.account();
  tell(`${rounds} servers left and as many joined`, account);
  assertEquals(account, { ...NONE, sent: jobs, ok: jobs });
});

/** Ends as told, with nothing cut off. */
async function left(server: TestServer): Promise<void> {
  assertEquals((await server.stop()).code, 0, server.stderrText());
  await server[Symbol.asyncDispose]();
}
