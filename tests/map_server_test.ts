/**
 * The connection of a map: made again when it was lost, given up when that does not help.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Client } from "../client.ts";
import type { ClientJob } from "../client_stream.ts";
import { RtoolError } from "../core/errors.ts";
import { bareRequest } from "../core/job.ts";
import { MapServer } from "../cli/map_server.ts";
import { createEvaluator, type FakePort, okEnd, SLEEPER, startPort } from "./fake_port.ts";

const NEVER = new AbortController().signal;

const QUICK = createEvaluator(async function* () {
  yield await Promise.resolve(okEnd());
});

Deno.test("jobs go over one connection, and the server says how many it runs at once", async () => {
  await using server = startPort(QUICK);
  const made = connections(server);
  await using target = new MapServer(made.connect, () => {}, NEVER);
  assertEquals(await target.jobsAtOnce(), 4);
  for (const job of await Promise.all([submit(target), submit(target)])) {
    assertEquals(await lastOf(job), "end");
  }
  assertEquals(made.clients.length, 1);
});

Deno.test("a server that was never there is not waited for", async () => {
  let attempts = 0;
  const connect = () => {
    attempts++;
    return Promise.reject(new RtoolError("cannot_connect", "Nobody there"));
  };
  await using target = new MapServer(connect, () => {}, NEVER);
  for (const _ of [1, 2]) {
    assertEquals((await assertRejects(() => submit(target), RtoolError)).code, "cannot_connect");
  }
  assertEquals(attempts, 1);
});

Deno.test("a connection that is lost is made again, once for all jobs that were open", async () => {
  await using server = startPort(SLEEPER);
  const made = connections(server);
  const said: string[] = [];
  await using target = new MapServer(made.connect, (line) => said.push(line), NEVER);
  const jobs = await Promise.all([submit(target), submit(target), submit(target)]);
  await made.clients[0]![Symbol.asyncDispose]();
  assertEquals(await Promise.all(jobs.map(lastOf)), jobs.map(() => "connection_lost"));
  const [one, other] = await Promise.all([submit(target), submit(target)]);
  one!.cancel();
  other!.cancel();
  assertEquals(await Promise.all([lastOf(one!), lastOf(other!)]), ["end", "end"]);
  assertEquals([made.clients.length, said], [2, [
    "the connection was lost; connecting again",
  ]]);
});

Deno.test("a server that does not come back is waited for so long, and no longer", async () => {
  await using server = startPort(SLEEPER);
  const made = connections(server);
  await using target = new MapServer(made.connect, () => {}, NEVER, 300);
  const job = await submit(target);
  made.problem = new RtoolError("cannot_connect", "Nobody there");
  await made.clients[0]![Symbol.asyncDispose]();
  await lastOf(job);
  const error = await assertRejects(() => submit(target), RtoolError);
  assertEquals(error.code, "connection_lost");
  assertStringIncludes(error.message, "300 ms: Nobody there");
  assert(made.attempts >= 3, `${made.attempts} attempts`);
});

Deno.test("a server that will not have us back is not asked again", async () => {
  await using server = startPort(SLEEPER);
  const made = connections(server);
  await using target = new MapServer(made.connect, () => {}, NEVER);
  const job = await submit(target);
  made.problem = new RtoolError("not_allowed", "The token is revoked");
  await made.clients[0]![Symbol.asyncDispose]();
  await lastOf(job);
  assertEquals((await assertRejects(() => submit(target), RtoolError)).code, "not_allowed");
  assertEquals(made.attempts, 2);
});

Deno.test("a connection that breaks again and again, with nothing done in between, is given up", async () => {
  await using server = startPort(SLEEPER);
  const made = connections(server);
  await using target = new MapServer(made.connect, () => {}, NEVER);
  const error = await assertRejects(async () => {
    for (let n = 0; n < 100; n++) {
      const job = await submit(target);
      await made.clients.at(-1)![Symbol.asyncDispose]();
      await lastOf(job);
    }
  }, RtoolError);
  assertEquals([error.code, made.clients.length], ["connection_lost", 11]);
});

Deno.test("when everything stops a server that has gone is not waited for", async () => {
  await using server = startPort(SLEEPER);
  const made = connections(server);
  const stop = new AbortController();
  await using target = new MapServer(made.connect, () => stop.abort(), stop.signal);
  const job = await submit(target);
  await made.clients[0]![Symbol.asyncDispose]();
  await lastOf(job);
  assertEquals((await assertRejects(() => submit(target), RtoolError)).code, "connection_lost");
  assertEquals(made.attempts, 1);
});

/** Connects, counts, and fails with `problem` once there is one. */
function connections({ port }: FakePort) {
  const made = {
    clients: [] as Client[],
    attempts: 0,
    problem: undefined as RtoolError | undefined,
    connect: async (): Promise<Client> => {
      made.attempts++;
      if (made.problem) throw made.problem;
      const to = { hostname: "127.0.0.1", port, timeoutMs: 10_000, software: "test" };
      const client = await Client.connect(to);
      made.clients.push(client);
      return client;
    },
  };
  return made;
}

function submit(target: MapServer): Promise<ClientJob> {
  return target.submit(bareRequest("1", undefined), nothing());
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** The kind of a job's last event, or the code of what ended it. */
async function lastOf({ events }: ClientJob): Promise<string> {
  let last = "none";
  try {
    for await (const { kind } of events) last = kind;
    return last;
  } catch (error) {
    return (error as RtoolError).code;
  }
}
