/**
 * A connection to the broker that is being closed, and messages that nobody understands.
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Broker } from "../../cluster/broker.ts";
import { askHosts } from "../../cluster/host_report.ts";
import { RtoolError } from "../../core/errors.ts";
import { SOFTWARE } from "../../core/version.ts";
import { joined, TestBroker, until } from "./nats.ts";
import { TestQueue } from "./queue_load.ts";

Deno.test("what is wanted of a connection that is being closed is refused as by one that is lost", async () => {
  await using nats = await TestBroker.start();
  const queue = await TestQueue.connect(nats);
  const { broker } = queue.client.queue;
  const closing = queue[Symbol.asyncDispose]();
  const code = async (wish: () => Promise<unknown>) => {
    return (await assertRejects(wish, RtoolError)).code;
  };
  const nothing = new Uint8Array(0);
  assertEquals(assertThrows(() => broker.listen("a", () => {}), RtoolError).code, "cannot_connect");
  assertEquals(await code(() => queue.submit("1")), "cannot_connect");
  broker.tell("a", nothing, {});
  await closing;
  broker.tell("a", nothing, {});
  assertThrows(() => broker.listen("a", () => {}), RtoolError);
  assertEquals(await code(() => queue.attach("0".repeat(32))), "cannot_connect");
});

Deno.test("a message that is not understood is told once, and ends nothing", async () => {
  await using nats = await TestBroker.start();
  await using broker = await Broker.connect({ urls: [nats.url] });
  const told: unknown[] = [];
  broker.tellOutages({
    info: () => {},
    error: (what, fields) => told.push([what, fields?.["why"]]),
  });
  const heard: string[] = [];
  using _listening = broker.listen("a", (message) => {
    heard.push(JSON.parse(message.string()));
  });
  for (const text of ["{", "{", '"well"']) broker.tell("a", new TextEncoder().encode(text), {});
  await until(() => heard.length > 0);
  assertEquals([heard, told.length], [["well"], 1]);
});

Deno.test("who answers nonsense when hosts are asked for is no host, and the others are told", async () => {
  await using nats = await TestBroker.start();
  await using server = await nats.server();
  await joined(server);
  await using queue = await TestQueue.connect(nats);
  const { queue: asked } = queue.client;
  const nonsense = ["{", "[]", '{"host":1}'].map((text) => {
    return asked.broker.listen(`${asked.names.prefix}.hosts`, (question) => {
      question.respond(text);
    });
  });
  const hosts = await askHosts(asked);
  nonsense.forEach((each) => each[Symbol.dispose]());
  assertEquals(hosts.map(({ software }) => software), [SOFTWARE]);
});
