/**
 * Sessions of a queue on a real broker: what `rtool send --queue Q --session NAME` promises.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Broker } from "../../cluster/broker.ts";
import { queueNames } from "../../cluster/names.ts";
import { OWNER } from "../../core/profile.ts";
import { joined, TestBroker, until } from "./nats.ts";
import { RTOOL, rtool, spawnRtool, text } from "./rtool.ts";
import { Hosts, ownerOf, type Place, SELF, Straight, through } from "./session_places.ts";

/** Not waited for at the end. */
const QUICK = ["--drain", "300ms"];

Deno.test("a session's variables stay, from whichever host of the queue its jobs are sent", async () => {
  await using broker = await TestBroker.start();
  await using hosts = await Hosts.start(broker);
  const { one, two } = hosts;
  const inS = ["--queue", "q", "-s", "s"];
  const first = await broker.run("send", ["-s", "s", "-e", "n <- 1; cat('out'); message('err')"]);
  assertEquals([first.code, text(first.stdout), text(first.stderr)], [0, "out", "err\n"]);
  for (const server of hosts.all) {
    await using place = await through(server);
    const { kind, stdout } = await place.run("s", "n <- n + 1; n");
    assertEquals([kind, stdout], ["ok", `[1] ${server === one ? 2 : 3}\n`]);
  }
  // At its host's own door it is the session of that name; elsewhere there is none.
  const owner = await ownerOf("s", broker, hosts.all);
  const other = owner === one ? two : one;
  assertEquals(text((await owner.send(["-s", "s", "-e", "cat(n)"])).stdout), "3");
  assertEquals(text((await other.send(["-s", "s", "-e", "cat(exists('n'))"])).stdout), "FALSE");
  // Without a session, and with --fresh, a job has a clean R.
  for (const args of [["--queue", "q"], [...inS, "--fresh"]]) {
    assertEquals(text((await two.send([...args, "-e", "cat(exists('n'))"])).stdout), "FALSE");
  }
  const failed = await broker.run("send", ["-s", "s", "-e", "stop('no')"]);
  assertEquals([failed.code, text(failed.stderr)], [1, "Error: no\nExecution halted\n"]);
  await Deno.writeFile(`${broker.dir}/big`, new Uint8Array(3_000_000).fill(7));
  const big = await broker.run("send", [
    ...["-s", "s", "--put", `${broker.dir}/big:big`, "--value", "json"],
    ...["-e", "f <- function(x) x + n; file.size('big')"],
  ]);
  assertEquals([big.code, text(big.stdout)], [0, "[3000000]\n"], text(big.stderr));
  const called = await rtool([
    ...["call", "-p", String(other.port), ...inS, "f", "--args", '{"x": 1}'],
  ]);
  assertEquals([called.code, text(called.stdout)], [0, "[4]\n"], text(called.stderr));
});

Deno.test("clients that make a session at once have one, and no job is lost or run twice", async () => {
  await using broker = await TestBroker.start();
  await using hosts = await Hosts.start(broker);
  const { one, two } = hosts;
  await using straight = await Straight.connect(broker);
  await using viaOne = await through(one);
  await using viaTwo = await through(two);
  const places: readonly Place[] = [straight, viaOne, viaTwo];
  const code = "n <- get0('n', ifnotfound = 0) + 1; cat(n)";
  for (let round = 0; round < 4; round++) {
    const first = await Promise.all(places.map((place) => place.run(`s${round}`, code)));
    assertEquals(first.map(({ stdout }) => stdout).sort(), ["1", "2", "3"]);
  }
  const jobs = Array.from({ length: 50 }, (_, n) => places[n % 3]!.run("many", code));
  const counts = (await Promise.all(jobs)).map(({ stdout }) => Number(stdout));
  assertEquals(counts.sort((a, b) => a - b), Array.from({ length: 50 }, (_, n) => n + 1));
  // They run in the order in which they reached their host.
  await straight.submit("line", "Sys.sleep(0.2)", true);
  for (let n = 0; n < 10; n++) await straight.submit("line", `n <- c(get0('n'), ${n})`, true);
  assertEquals((await viaOne.run("line", "cat(n)")).stdout, "0 1 2 3 4 5 6 7 8 9");
});

Deno.test("a session's job is stopped, listed and followed from any host", async () => {
  await using broker = await TestBroker.start();
  await using hosts = await Hosts.start(broker, QUICK);
  const { one, two } = hosts;
  const long = "n <- 5; cat('begun\\n'); Sys.sleep(60)";
  for (const place of [[...broker.straight], ["-p", String(one.port)]]) {
    const child = spawnRtool(["send", ...place, "--queue", "q", "-s", "s", "-e", long]);
    const output = child.stdout.getReader();
    assertEquals(text((await output.read()).value ?? new Uint8Array(0)), "begun\n");
    child.kill("SIGINT");
    assertEquals((await child.status).signal, "SIGINT");
    await output.cancel();
    const told = text(new Uint8Array(await new Response(child.stderr).arrayBuffer()));
    assertMatch(told, /cancelled; R gave in to the interrupt, its session is kept/);
  }
  const detach = ["--queue", "q", "-s", "s", "--detach"];
  const done = text((await one.send([...detach, "-e", "cat(n)"])).stdout).trim();
  for (const server of hosts.all) {
    const attached = await rtool(["attach", "-p", String(server.port), done]);
    assertEquals([attached.code, text(attached.stdout)], [0, "5"]);
  }
  const running = text((await two.send([...detach, "-e", long])).stdout).trim();
  await until(async () => {
    const listed = JSON.parse(text((await broker.run("jobs", ["--json"])).stdout));
    return listed.some((job: { id: string; state: string; session: string }) => {
      return job.id === running && job.state === "running" && job.session === "s";
    });
  });
  for (const server of hosts.all) {
    const { code } = await rtool(["cancel", "-p", String(server.port), running]);
    assertEquals(code, server === one ? 0 : 64);
    assertEquals((await broker.run("attach", [running])).code, 130);
  }
  // A key runs once, and what waits for itself would wait for ever.
  const code = "m <- get0('m', ifnotfound = 0) + 1; cat(m)";
  const keyed = ["-s", "s", "--key", "k", "-e", code];
  const runs = await Promise.all([
    broker.run("send", keyed),
    one.send(["--queue", "q", ...keyed]),
    broker.run("send", keyed),
  ]);
  assertEquals(runs.map(({ stdout }) => text(stdout)), ["1", "1", "1"]);
  const self = [...RTOOL, "send", ...broker.straight, "--queue", "q", "-s", "s", "-e", "1"];
  const quoted = self.map((word) => `'${word}'`);
  const { code: status, stdout } = await broker.run("send", [
    ...["-s", "s", "-e", `cat(system2(${quoted[0]}, c(${quoted.slice(1).join()})))`],
  ]);
  assertEquals([status, text(stdout)], [0, "75"]);
});

Deno.test("a session is its principal's alone, wherever it is asked for", async () => {
  await using broker = await TestBroker.start();
  const tokens = ["--tokens", `${broker.dir}/tokens.json`];
  const made = await rtool(["token", "new", "ann", ...tokens]);
  await Deno.writeTextFile(`${broker.dir}/token`, text(made.stdout), { mode: 0o600 });
  await using hosts = await Hosts.start(broker, tokens);
  const { one } = hosts;
  await broker.run("send", ["-s", "s", "-e", "secret <- 42"]);
  const asAnn = (code: string) => {
    const token = ["--token-file", `${broker.dir}/token`];
    return one.send([...token, "--queue", "q", "-s", "s", "-e", code]);
  };
  assertEquals(text((await asAnn("cat(exists('secret')); secret <- 1")).stdout), "FALSE");
  assertEquals(text((await broker.run("send", ["-s", "s", "-e", "cat(secret)"])).stdout), "42");
  await using straight = await Straight.connect(broker);
  const all = await straight.sessions.list(SELF);
  const ann = { name: "token:ann", local: false, profile: { ...OWNER, name: "default" } };
  assertEquals(all.map(({ principal }) => principal).sort(), [ann.name, SELF.name].sort());
  const hers = await straight.sessions.list(ann);
  assertEquals(hers.map(({ principal, name }) => [principal, name]), [[ann.name, "s"]]);
  const theirs = all.find(({ principal }) => principal === SELF.name)!;
  const refused = await straight.sessions.control(ann, { kind: "kill", session: theirs.id })
    .then(() => "done", ({ code }) => code);
  assertEquals(refused, "unknown_session");
  // The servers' own user names another's by its id.
  const hersId = hers[0]!.id;
  assertEquals((await broker.run("sessions", ["kill", hersId])).code, 0);
  assertEquals(text((await asAnn("cat(exists('secret'))")).stdout), "FALSE");
  assertEquals(text((await broker.run("send", ["-s", "s", "-e", "cat(secret)"])).stdout), "42");
});

Deno.test("sessions of all hosts are listed, interrupted, reset and killed at the broker", async () => {
  await using broker = await TestBroker.start();
  await using hosts = await Hosts.start(broker);
  const { one } = hosts;
  await one.send(["-s", "door", "-e", "1"]);
  const child = broker.run("send", ["-s", "s", "-e", "n <- 1; Sys.sleep(60)"]);
  await using straight = await Straight.connect(broker);
  const count = async (state: string) => {
    return (await straight.sessions.list(SELF)).filter((each) => each.state === state).length;
  };
  await until(async () => await count("busy") === 1);
  const table = text((await broker.run("sessions", [])).stdout);
  assertMatch(table, /^HOST +ID +NAME +OWNER/);
  assert(table.includes(`:${one.pid} `));
  const order = async (...words: string[]) => {
    const { code, stdout, stderr } = await broker.run("sessions", words);
    assertEquals(code, 0, text(stderr));
    return text(stdout);
  };
  assertMatch(await order("interrupt", "s"), /is being interrupted/);
  assertEquals((await child).code, 130);
  const show = async () => (await straight.run("s", "ls()")).stdout;
  assertEquals(await show(), '[1] "n"\n');
  assertMatch(await order("reset", "s"), /gets a clean R/);
  assertEquals(await show(), "character(0)\n");
  assertMatch(await order("kill", "door"), /is ended/);
  assertMatch(await order("kill", "s"), /is ended/);
  assertEquals(await count("idle"), 0);
  assertEquals(await show(), "character(0)\n");
  assertEquals((await broker.run("sessions", ["kill", "nobody"])).code, 64);
});

Deno.test("what cannot be a session's job is refused with the reason; an older queue is mended", async () => {
  await using broker = await TestBroker.start();
  const alone = await broker.run("send", ["-s", "s", "-e", "1"]);
  assertEquals(alone.code, 69);
  assertMatch(text(alone.stderr), /No host of the queue 'q' is there/);
  const detached = await broker.run("send", ["-s", "s", "--detach", "-e", "1"]);
  assertEquals([detached.code, text(detached.stdout)], [69, ""]);
  await using server = await broker.server();
  await joined(server);
  for (
    const [args, told] of [
      [["-s", "no/slash"], /Cannot use the session name/],
      [["-s", "s", "--require", "gpu=1"], /exclude each other/],
    ] as const
  ) {
    const { code, stderr } = await broker.run("send", [...args, "-e", "1"]);
    assertEquals(code, 64, text(stderr));
    assertMatch(text(stderr), told);
  }
  const local = await rtool(["sessions", "-p", String(server.port), "--queue", "q"]);
  assertEquals(local.code, 64);
  assertMatch(text(local.stderr), /--queue needs --nats/);
  assertEquals((await broker.run("sessions", ["recycle"])).code, 64);
  // A queue that an older version has made lacks their stream, until the next comes.
  await using nats = await Broker.connect({ urls: [broker.url] });
  await nats.manager.streams.delete(queueNames("q").sessions);
  const { code, stdout } = await broker.run("send", ["-s", "s", "-e", "cat(1)"]);
  assertEquals([code, text(stdout)], [0, "1"]);
});
