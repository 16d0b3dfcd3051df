/**
 * Faults between a cluster's servers and its broker: the broker dies and freezes, the network is
 * cut, a client goes and another comes. Every job that was taken has one end.
 *
 * `RTOOL_SOAK` multiplies how much is done.
 */

import { assert, assertEquals } from "@std/assert";
import { delay } from "../../core/time.ts";
import { joined, until } from "./nats.ts";
import { run, start } from "./processes.ts";
import { tell } from "./queue_account.ts";
import { SHORT_LEASE, SOAK, TestCluster, timed, together } from "./queue_cluster.ts";
import { RTOOL, text } from "./rtool.ts";

const NONE = { failed: 0, dead: 0, pending: 0, duplicates: 0 };

const FREEZE_MS = 30_000;

Deno.test("the broker killed under load: nothing that was taken is lost, or run twice", async () => {
  await using cluster = await TestCluster.start();
  const { broker, ledger } = cluster;
  await using _one = await cluster.server(["--lease", "3s", "--quiet"]);
  await using _two = await cluster.server(["--lease", "3s", "--quiet"]);
  const rounds = 2 * SOAK;
  const jobs = 50 * rounds;
  const storm = ledger.storm(Array.from({ length: jobs }, () => "Sys.sleep(0.1); cat('done')"));
  for (let round = 0; round < rounds; round++) {
    await cluster.begun(50 * round + 10);
    await broker.kill("SIGKILL");
    await delay(1_000);
    await broker.revive();
  }
  for (const { kind, stdout } of await storm) assertEquals([kind, stdout], ["ok", "done"]);
  const account = await ledger.account();
  tell(`the broker killed ${rounds} times`, account);
  assertEquals(account, { ...NONE, sent: jobs, ok: jobs });
});

together("the broker, or the way to it, gone for a while", {
  "frozen for half a minute: jobs go on behind it, each once": async (cluster) => {
    const { broker, ledger } = cluster;
    await using _one = await cluster.server(["--lease", "3s", "--quiet"]);
    await using _two = await cluster.server(["--lease", "3s", "--quiet"]);
    const jobs = [];
    for (let n = 0; n < 6; n++) jobs.push(await ledger.send("Sys.sleep(2); cat('done')"));
    await cluster.begun(3);
    await broker.kill("SIGSTOP");
    await delay(FREEZE_MS);
    await broker.kill("SIGCONT");
    const ends = Promise.all(jobs.map(({ end }) => end));
    const backMs = await timed(async () => void await ends);
    for (const { kind, stdout } of await ends) assertEquals([kind, stdout], ["ok", "done"]);
    const account = await ledger.account();
    tell(`the broker frozen for ${FREEZE_MS} ms`, { ...account, "told after ms": backMs });
    assertEquals(account, { ...NONE, sent: 6, ok: 6 });
  },

  "killed, and one host back later than the others: its job stays its own": async (cluster) => {
    const { broker, ledger } = cluster;
    const far = await cluster.host();
    await using late = await cluster.server(SHORT_LEASE, far);
    const { end } = await ledger.send("Sys.sleep(12); cat(Sys.getenv('TMPDIR'))");
    await cluster.begun(1);
    await using early = await cluster.server(["--lease", "2s"]);
    await joined(early);
    await broker.kill("SIGKILL");
    await far.cut();
    await broker.revive();
    await until(() => early.stderrText().includes("broker back"));
    await delay(6_000); // Past the lease, and past the questions of the other host.
    await far.mend();
    const { kind, stdout } = await end;
    assertEquals([kind, stdout.startsWith(late.dir)], ["ok", true]);
    assertEquals(await ledger.account(), { ...NONE, sent: 1, ok: 1 });
  },

  "cut off for less than the lease: a server reports what has ended meanwhile": async (cluster) => {
    const { ledger } = cluster;
    const host = await cluster.host();
    await using cut = await cluster.server(["--lease", "60s", "--quiet"], host);
    const { end } = await ledger.send("Sys.sleep(1); cat(Sys.getenv('TMPDIR'))");
    await cluster.begun(1);
    await host.cut();
    await using _other = await cluster.server(["--quiet"]);
    await delay(5_000);
    assertEquals(await ledger.account(), { ...NONE, sent: 1, ok: 0, pending: 1 });
    await host.mend();
    const backMs = await timed(async () => void await end);
    const { kind, stdout } = await end;
    assertEquals([kind, stdout.startsWith(cut.dir)], ["ok", true]);
    const account = await ledger.account();
    tell("a server cut off for some seconds", { ...account, "told after ms": backMs });
    assertEquals(account, { ...NONE, sent: 1, ok: 1 });
  },

  "cut off beyond the lease: another server has the job, the first says nothing": async (
    cluster,
  ) => {
    const { ledger } = cluster;
    const host = await cluster.host();
    await using cut = await cluster.server([...SHORT_LEASE, "--queue-jobs-max", "1"], host);
    const { end } = await ledger.send("Sys.sleep(3); cat(Sys.getenv('TMPDIR'))");
    await cluster.begun(1);
    await host.cut();
    await using other = await cluster.server(SHORT_LEASE);
    const { kind, stdout } = await end;
    assertEquals([kind, stdout.startsWith(other.dir)], ["ok", true]);
    await host.mend();
    await until(() => cut.stderrText().includes("overtaken"));
    const account = await ledger.account();
    tell("a server cut off beyond its lease", account);
    assertEquals(account, { ...NONE, sent: 1, ok: 1, duplicates: 1 });
  },

  "cut off until it is noticed: the server comes back by itself": async (cluster) => {
    const { ledger } = cluster;
    const host = await cluster.host();
    const more = ["--lease", "60s", "--queue-jobs-max", "1"];
    await using cut = await cluster.server(more, host);
    await joined(cut);
    // More than the sockets' buffers hold: what is being written is stuck with the connection.
    const big = await ledger.send("Sys.sleep(1); cat(strrep('x', 2e7))");
    await cluster.begun(1);
    await host.cut();
    const noticedMs = await timed(() => until(() => cut.stderrText().includes("broker lost")));
    const next = await ledger.send("cat('next')");
    assertEquals(await ledger.account(), { ...NONE, sent: 2, ok: 0, pending: 2 });
    await host.mend();
    const backMs = await timed(() => until(() => cut.stderrText().includes("broker back")));
    assertEquals((await big.end).stdout.length, 2e7);
    assertEquals((await next.end).stdout, "next");
    const account = await ledger.account();
    tell("a server cut off", { ...account, "noticed after ms": noticedMs, "back after": backMs });
    assertEquals(account, { ...NONE, sent: 2, ok: 2 });
  },

  "cut off from one server after the other in a storm: every job has one end": async (cluster) => {
    const { ledger } = cluster;
    await using stack = new AsyncDisposableStack();
    const hosts = await Promise.all([1, 2, 3].map(() => cluster.host()));
    for (const host of hosts) stack.use(await cluster.server(SHORT_LEASE, host));
    const rounds = 2 * SOAK;
    const jobs = 30 * rounds;
    const storm = ledger.storm(Array.from({ length: jobs }, () => "Sys.sleep(0.3); cat('done')"));
    for (let round = 0; round < rounds; round++) {
      await cluster.begun(30 * round + 10);
      await hosts[round % 3]!.cut();
      await delay(3_000 + 1_000 * (round % 5)); // Longer than the lease.
      await hosts[round % 3]!.mend();
    }
    for (const { kind, stdout, notes } of await storm) {
      // What a host that was lost had printed comes again.
      const times = stdout.length / "done".length;
      assertEquals([kind, stdout], ["ok", "done".repeat(times)]);
      assert(times >= 1 && times <= 1 + notes.length, `${stdout} ${notes}`);
    }
    const account = await ledger.account();
    tell(`${rounds} cuts`, account);
    assertEquals(account, { ...NONE, sent: jobs, ok: jobs, duplicates: account.duplicates });
  },

  "a server that is told to leave while it is cut off leaves": async (cluster) => {
    const host = await cluster.host();
    const more = ["--lease", "60s", "--away-max", "3s", "--drain", "1s", "--quiet"];
    const leaving = await cluster.server(more, host);
    const { end } = await cluster.ledger.send("repeat cat(strrep('x', 1e6))");
    void end.catch(() => {});
    await cluster.begun(1);
    await host.cut();
    await delay(1_000);
    assertEquals((await leaving.stop()).code, 0, leaving.stderrText());
    await leaving[Symbol.asyncDispose]();
  },
});

Deno.test("a client killed: its job goes on, and is followed from another host", async () => {
  await using cluster = await TestCluster.start();
  const [here, there] = [await cluster.host(), await cluster.host()];
  await using server = await cluster.server([], here);
  await joined(server);
  const { broker, ledger } = cluster;
  const straight = ["--nats", here.url, "--cluster-key", broker.key];
  for (const place of [straight, ["-p", String(server.port)]]) {
    const { mark, code: source } = ledger.marked("cat('a\\n'); Sys.sleep(1); cat('b\\n')");
    const command = ["send", ...place, "--queue", "q", "--ndjson", "-e", source];
    const child = start([...here.within, ...RTOOL, ...command]);
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let told = "";
    while (!told.includes('"stdout"')) told += (await output.read()).value ?? "";
    const id = /"job": ?"([0-9a-f]{32})"/.exec(told)?.[1] ?? "";
    child.kill("SIGKILL");
    await child.status;
    await Promise.all([output.cancel(), child.stderr.cancel()]);
    const way = ["--nats", there.url, "--cluster-key", broker.key, "--queue", "q"];
    const { code, stdout } = await run([...there.within, ...RTOOL, "attach", ...way, id]);
    assertEquals([code, text(stdout)], [0, "a\nb\n"]);
    const end = Promise.resolve({ kind: "ok", stdout: text(stdout), notes: [], message: "" });
    ledger.adopt({ id, mark, end });
  }
  const account = await ledger.account();
  tell("clients killed", account);
  assertEquals(account, { ...NONE, sent: 2, ok: 2 });
});
