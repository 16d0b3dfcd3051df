/**
 * Faults of hosts that own sessions of a queue: they die, freeze, leave and come back. No job runs
 * twice, and whoever sent one is told what became of it and of the session.
 */

import { assertEquals, assertMatch } from "@std/assert";
import type { Msg } from "@nats-io/nats-core/internal";
import { queuedJobs } from "../../cluster/queue_report.ts";
import { Cable, joined, TestBroker, until } from "./nats.ts";
import { startServer, text } from "./rtool.ts";
import { Hosts, ownerOf, SELF, Straight } from "./session_places.ts";

Deno.test("many jobs of a session at once have their turns on a host that is far from the broker", async () => {
  await using broker = await TestBroker.start();
  await using cable = new Cable(broker.port, 40);
  const way = ["--nats", cable.url, "--cluster-key", broker.key, "--queue", "q"];
  await using server = await startServer(way);
  await joined(server);
  await using straight = await Straight.connect(broker);
  await straight.run("s", "n <- 0");
  const runs = Array.from({ length: 25 }, () => straight.run("s", "n <- n + 1"));
  for (const { kind, message } of await Promise.all(runs)) {
    assertEquals([kind, message], ["ok", ""]);
  }
  assertEquals((await straight.run("s", "cat(n)")).stdout, "25");
});

Deno.test("a host killed or frozen mid-job: the job is lost, and the session begins anew", async () => {
  await using broker = await TestBroker.start();
  // Taken for lost soon; one that has a job does not bid for another's session.
  const fragile = ["--lease", "1500ms", "--queue-jobs-max", "1"];
  await using victim = await broker.server(fragile);
  await joined(victim);
  await using straight = await Straight.connect(broker);
  const file = `${broker.dir}/runs`;
  const code = `n <- 1; cat('x', file = '${file}', append = TRUE); Sys.sleep(60)`;
  const begun = (count: number) => until(async () => await sizeOf(file) === count);
  const killed = straight.run("killed", code);
  const left = await straight.submit("left", code, true);
  await begun(2);
  await using frozen = await broker.server(fragile);
  await joined(frozen);
  const stopped = straight.run("frozen", code);
  await begun(3);
  await using other = await broker.server();
  await joined(other);
  Deno.kill(frozen.pid, "SIGSTOP");
  await victim.stop("SIGKILL");
  // Nobody follows one of the jobs: who lists it lets a server look after it.
  const looked = until(async () => {
    const listed = await queuedJobs(straight.queue, SELF);
    return listed.find(({ id }) => id === left.id)?.outcome === "lost";
  });
  for (const [session, end] of [["killed", killed], ["frozen", stopped]] as const) {
    const { kind, message } = await end;
    assertEquals(kind, "lost");
    assertMatch(message, /^The host .* of the session '.*' was lost, and the session's variables/);
    const next = await straight.run(session, "cat(exists('n'))");
    assertEquals([next.kind, next.stdout], ["ok", "FALSE"]);
    assertMatch(next.notes.join(), /session '.*' was on .*, which is gone: it begins anew/);
    assertEquals((await straight.run(session, "1")).notes, []);
  }
  Deno.kill(frozen.pid, "SIGCONT");
  await until(() => frozen.stderrText().includes("overtaken"));
  assertEquals(await ownerOf("frozen", broker, [frozen, other]), other);
  await looked;
  assertEquals((await broker.run("attach", [left.id])).code, 76);
  assertEquals(await sizeOf(file), 3);
});

Deno.test("a frozen host: the job is refused, and not run when the host is back", async () => {
  await using broker = await TestBroker.start();
  await using frozen = await broker.server();
  await joined(frozen);
  await using straight = await Straight.connect(broker);
  await straight.run("s", "n <- 1");
  await straight.run("gone", "n <- 1");
  await using other = await broker.server();
  await joined(other);
  Deno.kill(frozen.pid, "SIGSTOP");
  const marker = `${broker.dir}/ran`;
  const code = `file.create('${marker}')`;
  const letGo = straight.sessions.control(SELF, { kind: "kill", session: "gone" });
  const refused = await Promise.all([
    broker.run("send", ["-s", "s", "-e", code]),
    other.send(["--queue", "q", "-s", "s", "--detach", "-e", code]),
  ]);
  for (const { code, stderr } of refused) {
    assertEquals(code, 69);
    assertMatch(text(stderr), /The host .* of the session 's' does not answer: the job is not run/);
    assertMatch(text(stderr), /rtool sessions kill s --nats URL --queue q/);
  }
  assertMatch(await letGo, /'gone' is let go of: its host .* does not answer/);
  assertEquals((await straight.run("gone", "cat(exists('n'))")).stdout, "FALSE");
  // Thawed, it finds both jobs at their end, and the session is as it was.
  Deno.kill(frozen.pid, "SIGCONT");
  assertEquals((await straight.run("s", "cat(n)")).stdout, "1");
  assertEquals(await ownerOf("s", broker, [frozen, other]), frozen);
  assertEquals(await ownerOf("gone", broker, [frozen, other]), other);
  assertEquals(await sizeOf(marker), undefined);
});

Deno.test("sessions outlive their broker; a host that leaves gives them to others at once", async () => {
  await using broker = await TestBroker.start();
  await using hosts = await Hosts.start(broker);
  await using straight = await Straight.connect(broker);
  const names = ["a", "b", "c"];
  await Promise.all(names.map((name) => straight.run(name, `name <- '${name}'`)));
  await broker.kill("SIGKILL");
  await broker.revive();
  const jobs = names.map((name) => broker.run("send", ["-s", name, "-e", "cat(name)"]));
  assertEquals((await Promise.all(jobs)).map(({ stdout }) => text(stdout)), names);
  await until(() => hosts.all.every((host) => host.stderrText().includes("broker back")));
  const leaving = await ownerOf("a", broker, hosts.all);
  assertEquals((await leaving.stop()).code, 0);
  const { code, stdout, stderr } = await broker.run("send", ["-s", "a", "-e", "cat(ls())"]);
  assertEquals([code, text(stdout)], [0, ""]);
  assertMatch(text(stderr), /^rtool: session 'a' was on .*, which is gone: it begins anew\n$/);
});

Deno.test("a request that is delivered again does nothing, to its host or in the queue", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server();
  await joined(server);
  await using straight = await Straight.connect(broker);
  const { connection } = straight.broker;
  const requests: Msg[] = [];
  for (const subject of ["rtool.q.run.*", "rtool.q.order.*"]) {
    connection.subscribe(subject, { callback: (_, message) => void requests.push(message) });
  }
  const again = async ({ subject, data, headers }: Msg) => {
    const options = { headers: headers!, timeout: 5_000 };
    return (await connection.request(subject, data, options)).json<Record<string, unknown>>();
  };
  const file = `${broker.dir}/runs`;
  const code = `cat('x', file = '${file}', append = TRUE)`;
  assertEquals((await straight.run("s", code)).kind, "ok");
  const running = straight.run("s", `Sys.sleep(0.5); ${code}`);
  await until(() => requests.length === 2);
  for (const request of [...requests, ...requests]) {
    assertEquals(await again(request), { ok: true });
  }
  assertEquals((await running).kind, "ok");
  await straight.sessions.control(SELF, { kind: "kill", session: "s" });
  const [run, , , , , , order] = requests as [Msg, Msg, Msg, Msg, Msg, Msg, Msg];
  await straight.run("s", "n <- 1");
  assertEquals((await again(order))["message"], "That was asked before");
  assertEquals((await straight.run("s", "cat(n)")).stdout, "1");
  // Nor by way of the queue, where another host would run it again; nor as another job.
  const id = run.headers!.get("Rtool-Job");
  const queued = `rtool.q.job._.${"0".repeat(16)}.${id}`;
  connection.publish(queued, run.data, { headers: run.headers! });
  run.headers!.set("Rtool-Job", "0".repeat(32));
  assertEquals((await again(run))["code"], "not_allowed");
  const { names } = straight.queue;
  await until(async () => {
    return Object.keys(await straight.broker.subjects(names.jobs, "rtool.q.job.>")).length === 0;
  });
  assertEquals(await sizeOf(file), 2);
});

async function sizeOf(file: string): Promise<number | undefined> {
  return (await Deno.stat(file).catch(() => undefined))?.size;
}
