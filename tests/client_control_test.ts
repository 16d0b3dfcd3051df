/**
 * The native client: detached jobs, attaching, orders and reports; nobody waits for an answer that
 * cannot come.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes";
import { Client } from "../client.ts";
import type { ClientEvent, ClientJob } from "../client_stream.ts";
import { RtoolError } from "../core/errors.ts";
import { bareRequest, EMPTY_RECEIPT, type JobEvent } from "../core/job.ts";
import { receiptFields } from "../messages.ts";
import { encodeFrame, encodeJson, FrameDecoder, PREFACE } from "../protocol.ts";
import {
  createEvaluator,
  ECHO,
  fakeEvaluator,
  okEnd,
  REPORT,
  SLEEPER,
  startPort,
} from "./fake_port.ts";

const ID = "0123456789abcdef0123456789abcdef";
const OK_END = { outcome: { kind: "ok" }, receipt: receiptFields(EMPTY_RECEIPT) };

Deno.test("Client learns what its job waits for", async () => {
  const holder = { job: ID, ageMs: 5000 };
  const waiter = createEvaluator(async function* () {
    yield await Promise.resolve({ kind: "waiting", ahead: 1, holder });
    yield okEnd();
  });
  await using server = startPort(waiter);
  await using client = await connect(server.port);
  const events = await eventsOf(client.submit(bareRequest("x", "main")));
  assertEquals(events[1], { kind: "waiting", ahead: 1, holder });
});

Deno.test("Client learns what is to be known of its job at once, also of a detached one", async () => {
  const noting: typeof ECHO = {
    ...ECHO,
    submit: async (...asked) => ({ ...await ECHO.submit(...asked), note: "it waits" }),
  };
  await using server = startPort(noting);
  await using client = await connect(server.port);
  for (const detach of [false, true]) {
    const [accepted] = await eventsOf(client.submit({ ...bareRequest("x", "main"), detach }));
    assert(accepted?.kind === "accepted");
    assertEquals(accepted.note, "it waits");
  }
});

Deno.test("the events of a detached job end with its id", async () => {
  await using server = startPort(SLEEPER);
  await using client = await connect(server.port);
  const events = await eventsOf(client.submit({ ...bareRequest("x", "main"), detach: true }));
  assertEquals(events.map(({ kind }) => kind), ["accepted"]);
});

Deno.test("a detached job that is refused says why", async () => {
  await using server = startPort(ECHO, { codeMax: 1 });
  await using client = await connect(server.port);
  const events = await eventsOf(client.submit({ ...bareRequest("xx", "main"), detach: true }));
  assertEquals(events.map(({ kind }) => kind), ["end"]);
});

Deno.test("Client.attach() gives the events of a job, from the first or behind some", async () => {
  await using server = startPort(ECHO);
  const job = await detached(server.port, "hello");
  await using client = await connect(server.port);
  const [all, rest] = [client.attach(job, 0), client.attach(job, 2)];
  assertEquals((await eventsOf(all)).map(({ kind }) => kind), [
    "accepted",
    "started",
    "stdout",
    "end",
  ]);
  assertEquals((await eventsOf(rest)).map(({ kind }) => kind), ["accepted", "end"]);
});

Deno.test("a job that is attached to outlives the client, and is stopped by cancel()", async () => {
  await using server = startPort(SLEEPER);
  const job = await detached(server.port, "x");
  {
    await using client = await connect(server.port);
    for await (const { kind } of client.attach(job, 0).events) if (kind === "started") break;
  }
  await using client = await connect(server.port);
  const attached = client.attach(job, 0);
  for await (const event of attached.events) {
    if (event.kind === "started") attached.cancel();
    if (event.kind === "end") assertEquals(event.outcome, { kind: "cancelled", reason: "client" });
  }
});

Deno.test("Client.report() tells what the server does", async () => {
  await using server = startPort(fakeEvaluator({}));
  await using client = await connect(server.port);
  const reports = await Promise.all([client.report(), client.report()]);
  const expected = { ...REPORT, software: "rtool test" };
  assertEquals(reports, [expected, expected]);
});

Deno.test("Client.report() takes a report larger than the credit", async () => {
  const sessions = Array.from({ length: 20_000 }, () => REPORT.sessions[0]!);
  const report = { ...REPORT, sessions };
  await using server = startPort(fakeEvaluator({ report: () => Promise.resolve(report) }));
  await using client = await connect(server.port);
  assertEquals((await client.report()).sessions.length, 20_000);
});

Deno.test("Client.control() tells what was done, or why not", async () => {
  await using server = startPort(ECHO);
  await using client = await connect(server.port);
  assertEquals(await client.control({ kind: "kill", session: "main" }), "done: kill");
  const unknown = () => client.control({ kind: "reset", session: "other" });
  const error = await assertRejects(unknown, RtoolError);
  assertEquals(error.code, "unknown_session");
  assertStringIncludes(error.message, "'other'");
});

Deno.test("Client fails a question when the server goes, before or meanwhile", async () => {
  await using fake = await startFake("hang up");
  await using client = await connect(fake.port);
  for (let round = 0; round < 2; round++) {
    const error = await assertRejects(() => client.report(), RtoolError);
    assertEquals(error.code, "connection_lost");
  }
});

Deno.test("Client takes an answer that is none for the server's fault", async () => {
  const answers: readonly Uint8Array[][] = [
    [encodeJson("end", 1, OK_END)],
    [encodeFrame("reply", 1, bytes("[]")), encodeJson("end", 1, OK_END)],
    [encodeJson("reply", 1, { software: "rtool" }), encodeJson("end", 1, OK_END)],
    [encodeFrame("stdout", 1, bytes("x"))],
    [encodeJson("end", 1, { outcome: { kind: "lost", message: "?" }, receipt: {} })],
    [encodeJson("end", 1, { outcome: { kind: "splendid" }, receipt: {} })],
    Array.from({ length: 257 }, () => encodeFrame("reply", 1, new Uint8Array(65536))),
  ];
  for (const answer of answers) {
    await using fake = await startFake(answer);
    await using client = await connect(fake.port);
    const error = await assertRejects(() => client.report(), RtoolError);
    assertEquals(error.code, "bad_frame");
  }
});

Deno.test("a job's stream takes no reply", async () => {
  await using fake = await startFake([encodeFrame("reply", 1, bytes("{}"))]);
  await using client = await connect(fake.port);
  const error = await assertRejects(() => eventsOf(client.attach(ID, 0)), RtoolError);
  assertEquals(error.code, "bad_frame");
});

Deno.test("what was skipped is not counted as taken: each event arrives once", async () => {
  const counter = createEvaluator(async function* (): AsyncGenerator<JobEvent> {
    for (let n = 1; n <= 50; n++) {
      yield await Promise.resolve({ kind: "stdout", bytes: bytes(`${n} `) });
    }
    yield okEnd();
  });
  await using server = startPort(counter);
  const job = await detached(server.port, "x");
  await using client = await connect(server.port);
  const seen = (await eventsOf(client.attach(job, 30))).filter(({ kind }) => kind === "stdout");
  assertEquals(seen.length, 20);
  assert(seen[0]!.kind === "stdout" && new TextDecoder().decode(seen[0]!.bytes) === "31 ");
});

function connect(port: number): Promise<Client> {
  return Client.connect({ hostname: "127.0.0.1", port, timeoutMs: 5000, software: "test" });
}

/** Sends a job and leaves; its id. */
async function detached(port: number, code: string): Promise<string> {
  await using client = await connect(port);
  const [accepted] = await eventsOf(client.submit({ ...bareRequest(code, "main"), detach: true }));
  assert(accepted?.kind === "accepted");
  return accepted.job;
}

async function eventsOf(job: ClientJob): Promise<ClientEvent[]> {
  return await Array.fromAsync(job.events);
}

/** A server of one connection: greets, and answers the first frame behind `hello`, or hangs up. */
async function startFake(
  answer: readonly Uint8Array[] | "hang up",
): Promise<{ readonly port: number } & AsyncDisposable> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const talking = (async () => {
    using conn = await listener.accept();
    const hello = encodeJson("hello", 0, { version: 1, software: "fake", r: "4.2.2" });
    await conn.write(concat([bytes(PREFACE), hello]));
    await readFrames(conn, 2);
    if (answer === "hang up") return;
    const all = concat([...answer]);
    for (let at = 0; at < all.length;) at += await conn.write(all.subarray(at));
    while (await conn.read(new Uint8Array(4096))) { /* Whatever else it says. */ }
  })().catch(() => {}); // The client hangs up on what it does not like.
  await Promise.resolve();
  return {
    port: listener.addr.port,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await talking;
    },
  };
}

async function readFrames(conn: Deno.TcpConn, count: number): Promise<void> {
  const decoder = new FrameDecoder();
  let frames = 0;
  let skip = PREFACE.length;
  const buffer = new Uint8Array(65536);
  while (frames < count) {
    const read = await conn.read(buffer) ?? 0;
    if (read === 0) return;
    decoder.push(buffer.slice(Math.min(skip, read), read));
    skip -= Math.min(skip, read);
    for (let frame = decoder.next(); frame; frame = decoder.next()) frames++;
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
