/**
 * What large jobs leave at the broker, logs that have made room for others, and jobs under the
 * wrong name.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Broker } from "../../cluster/broker.ts";
import { joined, TestBroker, until } from "./nats.ts";
import { outcomeOf, TestQueue } from "./queue_load.ts";
import { text } from "./rtool.ts";

const JOBS = ["RTOOL_q_JOBS", "rtool.q.job.>"] as const;

/** More than one message holds. */
const LARGE = new TextEncoder().encode(`cat(nchar("${"x".repeat(1_200_000)}"))`);

Deno.test("a signed job that is put under another's name is thrown away, and nothing written there", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const file = `${broker.dir}/runs`;
  const job = await queue.submit(`cat('x', file = '${file}', append = TRUE)`);
  await using nats = await Broker.connect({ urls: [broker.url] });
  const { subject, body, headers } = (await nats.maybeLast(...JOBS))!;
  const other = "0123456789abcdef";
  const forged = subject.replace(/[^.]+(?=\.[^.]+$)/, other);
  await nats.add(forged, crypto.randomUUID(), body, headers);
  await using _server = await broker.server(["--quiet"]);
  assertEquals((await outcomeOf(job)).kind, "ok");
  await until(() => isEmpty(nats));
  assertEquals(await Deno.readTextFile(file), "x");
  assertEquals(await nats.maybeLast("RTOOL_q_EVENTS", `rtool.q.event.${other}.>`), undefined);
});

Deno.test("a job whose log has made room for others while it ran has run once, and is over", async () => {
  await using broker = await TestBroker.start();
  await using server = await broker.server(["--logs-size-max", "1MiB", "--lease", "1s"]);
  await joined(server);
  const [runs, go] = [`${broker.dir}/runs`, `${broker.dir}/go`];
  const code = `cat('x', file = '${runs}', append = TRUE)
    while (!file.exists('${go}')) Sys.sleep(0.02)`;
  const silent = await broker.run("send", ["--detach", "--at-most-once", "-e", code]);
  assertEquals(silent.code, 0, text(silent.stderr));
  await until(() => Deno.stat(runs).then(() => true, () => false));
  for (let n = 0; n < 3; n++) await broker.run("send", ["-e", "cat(strrep('y', 1e6))"]);
  await Deno.writeTextFile(go, "");
  await using nats = await Broker.connect({ urls: [broker.url] });
  await until(() => isEmpty(nats));
  assertEquals(await Deno.readTextFile(runs), "x");
});

Deno.test("a large job that is sent again under its key, with other bounds, runs once for both", async () => {
  await using broker = await TestBroker.start();
  const send = (more: readonly string[]) => {
    return broker.run("send", ["--key", "k", "--detach", ...more], { stdin: LARGE });
  };
  const ids = [await send([]), await send(["--timeout", "1m"])].map(({ code, stdout, stderr }) => {
    assertEquals(code, 0, text(stderr));
    return text(stdout);
  });
  assertEquals(ids[0], ids[1]);
  await using _server = await broker.server(["--quiet"]);
  const { code, stdout, stderr } = await broker.run("attach", [ids[0]!.trim()]);
  assertEquals([code, text(stdout)], [0, "1200000"], text(stderr));
});

Deno.test("a large job of a session that no host takes leaves nothing in the object store", async () => {
  await using broker = await TestBroker.start();
  const { code } = await broker.run("send", ["--session", "s"], { stdin: LARGE });
  assertEquals(code, 69);
  await using nats = await Broker.connect({ urls: [broker.url] });
  const { state } = await nats.manager.streams.info("OBJ_RTOOL_q_LARGE");
  assert(state.bytes < 10_000, String(state.bytes));
});

Deno.test("a large job whose body is not whole is refused, and keeps nobody's place", async () => {
  await using broker = await TestBroker.start();
  const broken = await broker.run("send", ["--detach"], { stdin: LARGE });
  await using nats = await Broker.connect({ urls: [broker.url] });
  await nats.manager.streams.purge("OBJ_RTOOL_q_LARGE", { filter: "$O.RTOOL_q_LARGE.C.>" });
  await using _server = await broker.server(["--quiet", "--queue-jobs-max", "1"]);
  const { code, stderr } = await broker.run("attach", [text(broken.stdout).trim()]);
  assertEquals(code, 64);
  assertMatch(text(stderr), /not whole, in the object store/);
  assertEquals(text((await broker.run("send", ["-e", "cat(1)"])).stdout), "1");
});

Deno.test("a broker whose messages are too small for logs is told of as such, at once", async () => {
  await using broker = await TestBroker.start();
  await broker.kill("SIGKILL");
  const conf = `${broker.dir}/small.conf`;
  await Deno.writeTextFile(conf, "max_payload: 65536\n");
  await broker.revive(["-c", conf]);
  const { code, stderr } = await broker.run("send", ["-e", "1"]);
  assertEquals(code, 78);
  assertMatch(text(stderr), /messages of 65536 bytes; rtool needs 262144[^]*max_payload/);
});

async function isEmpty(nats: Broker): Promise<boolean> {
  return Object.keys(await nats.subjects(...JOBS)).length === 0;
}
