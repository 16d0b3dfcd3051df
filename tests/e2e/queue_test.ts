/**
 * Queues on a real broker, with real servers: what `rtool send --queue` promises.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { joined, TestBroker, until } from "./nats.ts";
import { rtool, spawnRtool, text } from "./rtool.ts";

/** One job at once, which is not waited for at the end. */
const ALONE = ["--queue-jobs-max", "1", "--drain", "500ms"];

const LONG = "cat('begun\n'); Sys.sleep(60)";

Deno.test("a queued job is as a direct one: output of both streams, and exit status", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server();
  await joined(server);
  const cases = [
    ["cat('out'); message('err'); 6*7", 0],
    ["stop('no')", 1],
    ["quit(status = 9)", 9],
    ["tools::pskill(Sys.getpid(), 9); Sys.sleep(9)", 137],
    ["cat(strrep('x', 3e6))", 0],
  ] as const;
  for (const [code, status] of cases) {
    const direct = await server.send(["--fresh", "-e", code]);
    const through = await server.send(["--queue", "q", "-e", code]);
    const straight = await broker.run("send", ["-e", code]);
    assertEquals(direct.code, status, text(direct.stderr));
    for (const queued of [through, straight]) {
      assertEquals(queued.code, status, text(queued.stderr));
      assertEquals(queued.stdout.length, direct.stdout.length);
      assertEquals(text(queued.stdout), text(direct.stdout));
      assertEquals(text(queued.stderr), text(direct.stderr));
    }
  }
});

Deno.test("values, files and plots come from the queue, and large jobs go through it", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server();
  await joined(server);
  const dir = broker.dir;
  await Deno.writeFile(`${dir}/in.bin`, new Uint8Array(3_000_000).fill(7));
  const code = "x <- readBin('in.bin', 'raw', 1e7); writeBin(rev(x), 'out.bin'); length(x)";
  const files = ["--put", `${dir}/in.bin:in.bin`, "--get", `out.bin:${dir}/out.bin`];
  const { code: status, stdout, stderr } = await broker.run("send", [
    ...[...files, "--value", "json", "-e", code],
  ]);
  assertEquals([status, text(stdout)], [0, "[3000000]\n"], text(stderr));
  assertEquals(await Deno.readFile(`${dir}/out.bin`), new Uint8Array(3_000_000).fill(7));
  const called = await rtool([
    ...["call", "-p", String(server.port), "--queue", "q"],
    ...["base::sum", "--args", '{"x": [1, 2, 3]}'],
  ]);
  assertEquals([called.code, text(called.stdout)], [0, "[6]\n"], text(called.stderr));
});

Deno.test("output comes live, and Ctrl-C stops the job wherever it runs", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server();
  await joined(server);
  const places = [[...broker.straight], ["-p", String(server.port)]];
  for (const place of places) {
    const child = spawnRtool(["send", ...place, "--queue", "q", "-e", LONG]);
    const output = child.stdout.getReader();
    assertEquals(text((await output.read()).value ?? new Uint8Array(0)), "begun\n");
    child.kill("SIGINT");
    const status = await child.status;
    assertEquals(status.signal, "SIGINT");
    await output.cancel();
    const told = text(new Uint8Array(await new Response(child.stderr).arrayBuffer()));
    assertMatch(told, /cancelled; R gave in to the interrupt/);
  }
});

Deno.test("a detached job is listed, followed and cancelled from any host", async () => {
  await using broker = await TestBroker.start();
  await using one = await broker.server(["--queue-jobs-max", "1"]);
  await joined(one);
  const sent = await one.send(["--queue", "q", "--detach", "-e", "cat('a\\n'); 1 + 1"]);
  const id = text(sent.stdout).trim();
  assertMatch(id, /^[0-9a-f]{32}$/);
  await using two = await broker.server(["--queue-jobs-max", "1"]);
  await joined(two);
  const attached = await rtool(["attach", "-p", String(two.port), id]);
  assertEquals([attached.code, text(attached.stdout)], [0, "a\n[1] 2\n"]);
  const again = await broker.run("attach", [id.slice(0, 8)]);
  assertEquals([again.code, text(again.stdout)], [0, "a\n[1] 2\n"]);
  const running = text((await one.send(["--queue", "q", "--detach", "-e", LONG])).stdout).trim();
  await until(async () => {
    const listed = JSON.parse(text((await broker.run("jobs", ["--json"])).stdout));
    return listed.some((job: { id: string; state: string }) => {
      return job.id === running && job.state === "running";
    });
  });
  assertEquals((await rtool(["cancel", "-p", String(two.port), running])).code, 0);
  const ended = await broker.run("attach", [running]);
  assertEquals(ended.code, 130);
  assertMatch(text(ended.stderr), /cancelled/);
  assertEquals((await broker.run("cancel", [running])).code, 64);
});

Deno.test("a waiting job that is cancelled is never run", async () => {
  await using broker = await TestBroker.start();
  const marker = `${broker.dir}/ran`;
  const code = `file.create('${marker}')`;
  const id = text((await broker.run("send", ["--detach", "-e", code])).stdout).trim();
  assertEquals((await broker.run("cancel", [id])).code, 0);
  await using server = await broker.server();
  await joined(server);
  // Jobs are given out in order: behind this one the other has been seen.
  assertEquals((await broker.run("send", ["-e", "1"])).code, 0);
  assertEquals(await Deno.stat(marker).catch(() => undefined), undefined);
  assertEquals((await broker.run("attach", [id])).code, 130);
});

Deno.test("a key runs once, whoever sends it and however often", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server();
  await joined(server);
  const code = `cat('x', file = '${broker.dir}/runs', append = TRUE); cat(runif(1))`;
  const send = () => broker.run("send", ["--key", "k1", "-e", code]);
  const through = () => server.send(["--queue", "q", "--key", "k1", "-e", code]);
  const runs = await Promise.all([send(), through(), send(), through(), send()]);
  runs.push(await send());
  for (const { code, stdout, stderr } of runs) {
    assertEquals([code, text(stdout)], [0, text(runs[0]!.stdout)], text(stderr));
  }
  assertEquals(await Deno.readTextFile(`${broker.dir}/runs`), "x");
  const other = await broker.run("send", ["--key", "k1", "-e", "2"]);
  assertEquals(other.code, 64);
  assertMatch(text(other.stderr), /used for another job/);
});

Deno.test("without a broker sends to the queue fail at once with 69, and the doors are open", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server();
  await joined(server);
  await broker.kill("SIGKILL");
  const straight = await broker.run("send", ["-e", "1"]);
  assertEquals(straight.code, 69);
  assertMatch(text(straight.stderr), /Cannot connect to nats:/);
  const through = await server.send(["--queue", "q", "-e", "1"]);
  assertEquals(through.code, 69);
  assertMatch(text(through.stderr), /broker/);
  assertEquals(text((await server.send(["-e", "cat(6 * 7)"])).stdout), "42");
  await broker.revive();
  await until(async () => (await server.send(["--queue", "q", "-e", "1"])).code === 0);
});

Deno.test("a server that is still joining takes jobs of the queue, and tells none of them unknown", async () => {
  await using broker = await TestBroker.start();
  await broker.kill("SIGSTOP");
  await using server = await broker.server();
  const way = ["-p", String(server.port)];
  const sent = rtool(["send", ...way, "--queue", "q", "-e", "6 * 7"]);
  const followed = rtool(["attach", ...way, "0123456789abcdef0123456789abcdef"]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await broker.kill("SIGCONT");
  const { code, stdout, stderr } = await sent;
  assertEquals([code, text(stdout)], [0, "[1] 42\n"], text(stderr));
  assertMatch(text((await followed).stderr), /no job 0123456789abcdef/);
});

Deno.test("Ctrl-C while the broker is away stops the job once it is back", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server();
  await joined(server);
  const child = spawnRtool(["send", ...broker.straight, "--queue", "q", "-e", LONG]);
  const output = child.stdout.getReader();
  assertEquals(text((await output.read()).value ?? new Uint8Array(0)), "begun\n");
  await broker.kill("SIGSTOP");
  child.kill("SIGINT");
  // Longer than what cancelling asks of the broker waits for an answer.
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  await broker.kill("SIGCONT");
  assertEquals((await child.status).signal, "SIGINT");
  await output.cancel();
  const told = text(new Uint8Array(await new Response(child.stderr).arrayBuffer()));
  assertMatch(told, /cancelled; R gave in to the interrupt/);
});

Deno.test("what cannot be queued is refused with the reason", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server();
  await joined(server);
  for (
    const [args, told] of [
      [["-s", "mine", "--queue", "q", "--require", "gpu=1"], /exclude each other/],
      [["--queue", "other"], /in the queue 'q'/],
      [["--queue", "no good"], /in the queue 'q'/],
      [["--require", "gpu=1"], /needs --queue/],
      [["--queue", "q", "--require", "no.dots"], /Cannot require "no.dots"/],
    ] as const
  ) {
    const { code, stderr } = await server.send([...args, "-e", "1"]);
    assertEquals(code, 64, text(stderr));
    assertMatch(text(stderr), told);
  }
  const { code, stderr } = await rtool(["send", "--nats", broker.url, "--queue", "q", "-e", "1"], {
    env: { XDG_CONFIG_HOME: broker.dir },
  });
  assertEquals(code, 78);
  assertMatch(text(stderr), /rtool cluster key/);
});

Deno.test("rtool cluster shows who serves the queue and what lies in it", async () => {
  await using broker = await TestBroker.start();
  const empty = await broker.run("cluster", []);
  assertEquals([empty.code, text(empty.stderr)], [0, ""]);
  assertMatch(text(empty.stdout), /^HOST .*\nqueue q: 0 waiting, 0 running, 0 dead/);
  await using one = await broker.server(["--label", "gpu=1", ...ALONE]);
  await using two = await broker.server(ALONE);
  await joined(one, two);
  for (const code of [LONG, LONG, "1"]) await broker.run("send", ["--detach", "-e", code]);
  const show = async () => JSON.parse(text((await broker.run("cluster", ["--json"])).stdout));
  await until(async () => (await show()).running === 2);
  const { hosts, waiting, running, dead, oldest_ms } = await show();
  assertEquals([waiting, running, dead], [1, 2, 0]);
  assert(oldest_ms > 0);
  const labels = hosts.map((each: { labels: string[] }) => each.labels.join()).sort();
  assertEquals(labels, ["", "gpu=1"]);
  for (const { r, places, cores } of hosts) {
    assertMatch(r, /^\d+\.\d+\.\d+$/);
    assertEquals([places, cores > 0], [1, true]);
  }
  const table = text((await broker.run("cluster", [])).stdout);
  assertMatch(table, /^HOST +VERSION +R +LABELS/);
  assertMatch(table, /queue q: 1 waiting, 2 running, 0 dead; the oldest was sent .* ago/);
});
