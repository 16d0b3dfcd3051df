/**
 * How much a broker keeps of a queue: as the servers are told, and what happens beyond.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { Broker } from "../../cluster/broker.ts";
import { QUEUE_SIZES } from "../../cluster/queue_streams.ts";
import { SERVE } from "../../cli/table_serve.ts";
import { Options } from "../../core/options.ts";
import { joined, TestBroker, until } from "./nats.ts";
import { text } from "./rtool.ts";

Deno.test("the sizes a server has by default are those of a queue nobody has sized", () => {
  const options = new Options(SERVE.options, {}, {}, {});
  const told = {
    replicas: options.integer("replicas"),
    jobs: options.bytes("queue-size-max"),
    logs: options.bytes("logs-size-max"),
    dead: options.bytes("dead-size-max"),
    large: options.bytes("large-size-max"),
  };
  assertEquals(told, QUEUE_SIZES);
});

Deno.test("a new queue has the sizes its first server asks for, and another may change some", async () => {
  await using broker = await TestBroker.start();
  await using one = await broker.server(["--logs-size-max", "3MiB", "--dead-size-max", "2MiB"]);
  await joined(one);
  const { jobs } = QUEUE_SIZES;
  const fixed = { SESSIONS: 64 << 20 };
  assertEquals(await sizes(broker), { JOBS: jobs, EVENTS: 3 << 20, DEAD: 2 << 20, ...fixed });
  await using two = await broker.server(["--queue-size-max", "4MiB"]);
  await joined(two);
  assertEquals(await sizes(broker), { JOBS: 4 << 20, EVENTS: 3 << 20, DEAD: 2 << 20, ...fixed });
  await using three = await broker.server();
  await joined(three);
  assertEquals(await sizes(broker), { JOBS: 4 << 20, EVENTS: 3 << 20, DEAD: 2 << 20, ...fixed });
});

Deno.test("servers that make a queue at the same moment in different sizes all join it", async () => {
  await using broker = await TestBroker.start();
  const sizes = ["3MiB", "4MiB", "5MiB"];
  const servers = await Promise.all(sizes.map((size) => broker.server(["--logs-size-max", size])));
  await joined(...servers);
  for (const server of servers) await server[Symbol.asyncDispose]();
});

Deno.test("a full queue refuses what does not fit with busy, and takes it later, under its key", async () => {
  await using broker = await TestBroker.start();
  {
    await using first = await broker.server(["--queue-size-max", "1MiB"]);
    await joined(first);
  }
  const send = (bytes: number, ...args: readonly string[]) => {
    const stdin = new TextEncoder().encode(`cat(nchar("${"x".repeat(bytes)}"))`);
    return broker.run("send", ["--detach", ...args], { stdin });
  };
  const taken = await send(700_000);
  assertEquals(taken.code, 0, text(taken.stderr));
  const refused = await send(700_000, "--key", "again");
  assertEquals([refused.code, text(refused.stdout)], [75, ""]);
  assertMatch(text(refused.stderr), /The queue is full[^]*try again later/);
  await using _server = await broker.server();
  const ended = await broker.run("attach", [text(taken.stdout).trim()]);
  assertEquals([ended.code, text(ended.stdout)], [0, "700000"]);
  await until(async () => (await send(700_000, "--key", "again")).code === 0);
  const again = await broker.run("attach", [
    text((await send(700_000, "--key", "again")).stdout).trim(),
  ]);
  assertEquals([again.code, text(again.stdout)], [0, "700000"]);
});

Deno.test("a broker with too little storage for a queue is told of as such", async () => {
  await using broker = await TestBroker.start();
  await broker.kill("SIGKILL");
  const conf = `${broker.dir}/small.conf`;
  await Deno.writeTextFile(conf, "jetstream { max_file_store: 100MB }\n");
  await broker.revive(["-c", conf]);
  const { code, stderr } = await broker.run("send", ["-e", "1"]);
  assertEquals(code, 75);
  assertMatch(text(stderr), /too little storage for the queue[^]*--logs-size-max/);
  const small = ["--queue-size-max", "8MiB", "--logs-size-max", "8MiB", "--dead-size-max", "8MiB"];
  await using server = await broker.server(small);
  await joined(server);
  const sent = await broker.run("send", ["-e", "cat('fits')"]);
  assertEquals([sent.code, text(sent.stdout)], [0, "fits"]);
});

/** Bytes each stream of the queue may have, by the last word of its name. */
async function sizes({ url }: TestBroker): Promise<Record<string, number>> {
  await using broker = await Broker.connect({ urls: [url] });
  const found: Record<string, number> = {};
  for await (const { config } of broker.manager.streams.list()) {
    if (config.name.startsWith("RTOOL_q_")) found[config.name.slice(8)] = config.max_bytes;
  }
  return found;
}
