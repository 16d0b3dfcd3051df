/**
 * Faults of hosts that own sessions of a queue: they die, freeze, leave and come back. No job runs
 * twice, and whoever sent one is told what became of it and of the session.
 */

import { assertEquals, assertMatch } from "@std/assert";
import type { Msg } from "@nats-io/nats-core/internal";
import { joined, TestBroker, until } from "./nats.ts";
import { text } from "./rtool.ts";
import { Hosts, ownerOf, Straight } from "./session_places.ts";

/** Hosts that are taken for lost soon. */
const SHORT_LEASE = ["--lease", "1500ms"];

Deno.test("a host killed mid-job: the job is lost, and the session begins anew elsewhere", async () => {
  await using broker = await TestBroker.start();
  await using victim = await broker.server(SHORT_LEASE);
  await joined(victim);
  await using straight = await Straight.connect(broker);
  await straight.run("s", "n <- 1");
  const code = `cat('x', file = '${broker.dir}/runs', append = TRUE); Sys.sleep(60)`;
  const followed = straight.run("s", code);
  const left = await straight.submit("t", code, true);
  await until(async () => await sizeOf(`${broker.dir}/runs`) === 2);
  await using other = await broker.server(SHORT_LEASE);
  await joined(other);
  await victim.stop("SIGKILL");
  const { kind, message } = await followed;
  assertEquals(kind, "lost");
  assertMatch(message, /^The host .* of the session 's' was lost, and the session's variables/);
  const next = await straight.run("s", "cat(exists('n'))");
  assertEquals([next.kind, next.stdout], ["ok", "FALSE"]);
  assertMatch(next.notes.join(), /session 's' was on .*, which is gone: it begins anew/);
  assertEquals((await straight.run("s", "1")).notes, []);
  // Nobody follows the other job: who lists it lets a server look after it.
  const stateOf = async () => {
    const listed = JSON.parse(text((await broker.run("jobs", ["--all", "--json"])).stdout));
    return listed.find((each: { id: string }) => each.id === left.id).outcome;
  };
  await until(async () => await stateOf() === "lost");
  assertEquals((await broker.run("attach", [left.id])).code, 76);
  assertEquals(await sizeOf(`${broker.dir}/runs`), 2);
});

Deno.test("a frozen host: the job is refused, and not run when the host is back", async () => {
  await using broker = await TestBroker.start();
  await using frozen = await broker.server();
  await joined(frozen);
  await broker.run("send", ["-s", "s", "-e", "n <- 1"]);
  await using other = await broker.server();
  await joined(other);
  Deno.kill(frozen.pid, "SIGSTOP");
  const marker = `${broker.dir}/ran`;
  const send = () => broker.run("send", ["-s", "s", "-e", `file.create('${marker}')`]);
  const [refused, detached] = await Promise.all([
    send(),
    other.send(["--queue", "q", "-s", "s", "--detach", "-e", `file.create('${marker}')`]),
  ]);
  for (const { code, stderr } of [refused, detached]) {
    assertEquals(code, 69);
    assertMatch(text(stderr), /The host .* of the session 's' does not answer: the job is not run/);
    assertMatch(text(stderr), /rtool sessions kill s --nats URL --queue q/);
  }
  // Thawed, it finds both jobs at their end, and the session is as it was.
  Deno.kill(frozen.pid, "SIGCONT");
  const { code, stdout } = await broker.run("send", ["-s", "s", "-e", "cat(n)"]);
  assertEquals([code, text(stdout)], [0, "1"]);
  assertEquals(await sizeOf(marker), undefined);
  // Or the session is let go of: another host has it anew, and the old one ends its R.
  Deno.kill(frozen.pid, "SIGSTOP");
  const killed = await broker.run("sessions", ["kill", "s"]);
  assertMatch(text(killed.stdout), /'s' is let go of: its host .* does not answer/);
  const anew = broker.run("send", ["-s", "s", "-e", "cat(exists('n'))"]);
  assertEquals(text((await anew).stdout), "FALSE");
  Deno.kill(frozen.pid, "SIGCONT");
  assertEquals(await ownerOf("s", broker, [other]), other);
});

Deno.test("a host that was frozen mid-job for its lease: the job is lost, its R is stopped", async () => {
  await using broker = await TestBroker.start();
  await using frozen = await broker.server(SHORT_LEASE);
  await joined(frozen);
  await using straight = await Straight.connect(broker);
  const marker = `${broker.dir}/ran`;
  const code = `n <- 1; file.create('${marker}'); for (i in 1:600) { cat('.'); Sys.sleep(0.1) }`;
  const end = straight.run("s", code);
  await until(async () => await sizeOf(marker) !== undefined);
  Deno.kill(frozen.pid, "SIGSTOP");
  assertEquals((await end).kind, "lost");
  Deno.kill(frozen.pid, "SIGCONT");
  await until(() => frozen.stderrText().includes("overtaken"));
  // It gets the session again, but not what was in it: that is lost, as was said.
  const next = await straight.run("s", "cat(exists('n'))");
  assertEquals([next.kind, next.stdout], ["ok", "FALSE"]);
});

Deno.test("a host that leaves: the next job has another at once, and says so", async () => {
  await using broker = await TestBroker.start();
  await using leaving = await broker.server();
  await joined(leaving);
  await broker.run("send", ["-s", "s", "-e", "n <- 1"]);
  await using other = await broker.server();
  await joined(other);
  await other.send(["-s", "t", "-e", "n <- 2"]);
  const { code: status } = await leaving.stop();
  assertEquals(status, 0, leaving.stderrText());
  const { code, stdout, stderr } = await broker.run("send", ["-s", "s", "-e", "cat(exists('n'))"]);
  assertEquals([code, text(stdout)], [0, "FALSE"]);
  assertMatch(text(stderr), /^rtool: session 's' was on .*, which is gone: it begins anew\n$/);
});

Deno.test("a broker that is started again knows who owns which session", async () => {
  await using broker = await TestBroker.start();
  await using _hosts = await Hosts.start(broker);
  for (const session of ["a", "b", "c"]) {
    await broker.run("send", ["-s", session, "-e", `name <- '${session}'`]);
  }
  await broker.kill("SIGKILL");
  await broker.revive();
  const jobs = ["a", "b", "c"].map((name) => broker.run("send", ["-s", name, "-e", "cat(name)"]));
  const runs = await Promise.all(jobs);
  assertEquals(runs.map(({ stdout }) => text(stdout)), ["a", "b", "c"]);
});

Deno.test("a request that is delivered again runs nothing, in its session or in the queue", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server();
  await joined(server);
  await using straight = await Straight.connect(broker);
  const { connection } = straight.broker;
  const requests: Msg[] = [];
  connection.subscribe("rtool.q.run.*", { callback: (_, message) => void requests.push(message) });
  const file = `${broker.dir}/runs`;
  const code = `cat('x', file = '${file}', append = TRUE)`;
  assertEquals((await straight.run("s", code)).kind, "ok");
  const running = straight.run("s", `Sys.sleep(0.5); ${code}`);
  await until(() => requests.length === 2);
  for (const { subject, data, headers } of [...requests, ...requests]) {
    const reply = await connection.request(subject, data, { headers: headers!, timeout: 5_000 });
    assertEquals(reply.json(), { ok: true });
  }
  assertEquals((await running).kind, "ok");
  // Nor by way of the queue, where another host would run it again; nor as another's.
  const [{ subject, data, headers }] = requests as [Msg];
  const id = headers!.get("Rtool-Job");
  connection.publish(`rtool.q.job._.${"0".repeat(16)}.${id}`, data, { headers: headers! });
  headers!.set("Rtool-Job", "0".repeat(32));
  const forged = await connection.request(subject, data, { headers: headers!, timeout: 5_000 });
  assertEquals(forged.json<{ code: string }>().code, "not_allowed");
  const { names } = straight.queue;
  await until(async () => {
    return Object.keys(await straight.broker.subjects(names.jobs, "rtool.q.job.>")).length === 0;
  });
  assertEquals(await sizeOf(file), 2);
});

async function sizeOf(file: string): Promise<number | undefined> {
  return (await Deno.stat(file).catch(() => undefined))?.size;
}
