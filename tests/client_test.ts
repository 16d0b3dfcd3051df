/**
 * The native client: nobody waits for an answer that cannot come, whatever the server does.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes";
import { Client } from "../client.ts";
import type { ClientEvent, ClientJob } from "../client_stream.ts";
import { type ErrorCode, RtoolError } from "../core/errors.ts";
import { bareRequest, EMPTY_RECEIPT, type JobRequest } from "../core/job.ts";
import { receiptFields } from "../messages.ts";
import {
  encodeFrame,
  encodeJson,
  encodeWindow,
  FrameDecoder,
  PREFACE,
  WINDOW_BYTES,
} from "../protocol.ts";
import { createEvaluator, ECHO, okEnd, SLEEPER, startPort } from "./fake_port.ts";

const HELLO = encodeJson("hello", 0, { version: 1, software: "fake", r: "4.2.2" });
const OK_END = { outcome: { kind: "ok" }, receipt: receiptFields(EMPTY_RECEIPT) };

Deno.test("Client learns what the server is, and gets the answers to its jobs", async () => {
  await using server = startPort(ECHO);
  await using client = await connect(server.port);
  const jobs = ["one", "two", "three"].map((code) => client.submit(request(code)));
  assertEquals(await client.hello, { software: "rtool test", rVersion: "4.2.2" });
  assertEquals(await Promise.all(jobs.map(outputOf)), ["one", "two", "three"]);
});

Deno.test("Client sends code of any size and gets it back whole", async () => {
  await using server = startPort(ECHO);
  await using client = await connect(server.port);
  const code = "x".repeat(3_000_000) + "😀";
  assertEquals(await outputOf(client.submit(request(code))), code);
});

Deno.test("Client fails every open job, with the reason, when the server goes", async () => {
  const server = startPort(SLEEPER);
  await using client = await connect(server.port);
  const jobs = [1, 2, 3].map(() => client.submit(request("x")));
  for (const job of jobs) assertEquals((await firstOf(job)).kind, "accepted");
  await using fake = await startFake(async (conn) => {
    await conn.write(concat([bytes(PREFACE), HELLO]));
    await readSome(conn);
  });
  await using other = await connect(fake.port);
  const open = [1, 2].map(() => rejectionOf(outputOf(other.submit(request("x")))));
  assertEquals((await Promise.all(open)).map(({ code }) => code), LOST_TWICE);
  await server[Symbol.asyncDispose]();
});

const LOST_TWICE: ErrorCode[] = ["connection_lost", "connection_lost"];

Deno.test("Client fails jobs submitted after the connection was lost", async () => {
  await using fake = await startFake(async (conn) => {
    await conn.write(concat([bytes(PREFACE), HELLO]));
  });
  await using client = await connect(fake.port);
  for (let round = 0; round < 2; round++) {
    const lost = await rejectionOf(outputOf(client.submit(request("x"))));
    assertEquals(lost.code, "connection_lost");
  }
});

Deno.test("Client gives what came of a job before it says that the rest is lost", async () => {
  await using fake = await startFake(async (conn) => {
    await readSome(conn);
    const some = encodeFrame("stdout", 1, bytes("some"));
    await conn.write(
      concat([bytes(PREFACE), HELLO, some, encodeFrame("stdout", 1).subarray(0, 5)]),
    );
  });
  await using client = await connect(fake.port);
  const seen: string[] = [];
  const lost = await rejectionOf((async () => {
    for await (const event of client.submit(request("x")).events) seen.push(event.kind);
  })());
  assertEquals(seen, ["stdout"]);
  assertEquals(lost.code, "connection_lost");
});

Deno.test("Client names both versions to a server of another one", async () => {
  await using fake = await startFake(async (conn) => {
    await readSome(conn);
    await conn.write(bytes("RTOOL/2\n"));
  });
  await using client = await connect(fake.port);
  const error = await rejectionOf(client.hello);
  assertEquals(error.code, "bad_version");
  assertEquals(error.message, "The server speaks rtool/2, this program speaks rtool/1");
});

Deno.test("Client passes on what the server says of the client's version", async () => {
  await using fake = await startFake(async (conn) => {
    await readSome(conn);
    const said = { code: "bad_version", message: "This server speaks rtool/2" };
    await conn.write(concat([bytes(PREFACE), encodeJson("error", 0, said)]));
  });
  await using client = await connect(fake.port);
  const error = await rejectionOf(outputOf(client.submit(request("x"))));
  assertEquals([error.code, error.message], ["bad_version", "This server speaks rtool/2"]);
});

Deno.test("Client says so when what answers is no rtool", async () => {
  for (const answer of ["HTTP/1.1 400 Bad Request\r\n\r\n", "\n", "\x16\x03", "", "x".repeat(99)]) {
    await using fake = await startFake(async (conn) => {
      await readSome(conn);
      if (answer !== "") await conn.write(bytes(answer));
    });
    await using client = await connect(fake.port);
    const error = await rejectionOf(outputOf(client.submit(request("x"))));
    assertEquals(error.code, "cannot_connect", JSON.stringify(answer));
    assertStringIncludes(error.message, "no rtool server");
  }
});

Deno.test("Client gives up on a server that accepts and says nothing", async () => {
  await using fake = await startFake((_conn, stopped) => stopped);
  await using client = await connect(fake.port, 50);
  const error = await rejectionOf(outputOf(client.submit(request("x"))));
  assertEquals(error.code, "cannot_connect");
  assertStringIncludes(error.message, "did not greet within 0.05 s");
});

Deno.test("Client.connect() says what listens where, and how to start a server there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await rejectionOf(connect(port));
  assertEquals(error.code, "cannot_connect");
  assertStringIncludes(error.message, `127.0.0.1:${port}: nothing listens there`);
  assertStringIncludes(error.hint ?? "", `rtool serve --port ${port}`);
});

Deno.test("Client takes a broken frame for the server's fault, and fails its jobs", async () => {
  const broken: readonly (readonly [Uint8Array, ErrorCode])[] = [
    [Uint8Array.of(255, 255, 255, 255, 18, 1, 0, 0, 0), "frame_too_big"],
    [Uint8Array.of(0, 0, 0, 0, 99, 1, 0, 0, 0), "bad_frame"],
    [encodeFrame("end", 1, bytes("[]")), "bad_frame"],
    [encodeFrame("submit", 1), "bad_frame"],
    [encodeJson("error", 0, { code: "made_up", message: "?" }), "internal"],
  ];
  for (const [frame, code] of broken) {
    await using fake = await startFake(async (conn) => {
      await readSome(conn);
      await conn.write(concat([bytes(PREFACE), HELLO, frame]));
      await readSome(conn);
    });
    await using client = await connect(fake.port);
    const error = await rejectionOf(outputOf(client.submit(request("x"))));
    assertEquals(error.code, code);
  }
});

Deno.test("Client hears why it is refused, however much code it is sending", async () => {
  const admit = () => Promise.reject(new RtoolError("not_allowed", "You are user 7"));
  await using server = startPort(ECHO, { admit });
  for (const length of [1, 16_000_000]) {
    await using client = await connect(server.port);
    const error = await rejectionOf(outputOf(client.submit(request("x".repeat(length)))));
    assertEquals([error.code, error.message], ["not_allowed", "You are user 7"]);
  }
});

Deno.test("ClientJob.cancel() stops the job, and again is harmless", async () => {
  await using server = startPort(SLEEPER);
  await using client = await connect(server.port);
  const job = client.submit(request("x"));
  const kinds: string[] = [];
  for await (const event of job.events) {
    kinds.push(event.kind);
    if (event.kind === "started") { for (let i = 0; i < 2; i++) job.cancel(); }
    if (event.kind === "end") assertEquals(event.outcome, { kind: "cancelled", reason: "client" });
  }
  job.cancel();
  assertEquals(kinds, ["accepted", "started", "end"]);
});

Deno.test("a job that is read slowly is not ahead of its reader by more than its credit", async () => {
  let sent = 0;
  const flood = createEvaluator(async function* () {
    for (; sent < 8 * WINDOW_BYTES; sent += 65536) {
      yield await Promise.resolve({ kind: "stdout", bytes: new Uint8Array(65536) });
    }
    yield okEnd();
  });
  await using server = startPort(flood);
  await using client = await connect(server.port);
  let taken = 0;
  for await (const event of client.submit(request("x")).events) {
    if (event.kind !== "stdout") continue;
    taken += event.bytes.length;
    await client.ping();
    assert(sent - taken <= 2 * WINDOW_BYTES, `${sent} sent, ${taken} taken`);
  }
  assertEquals(taken, 8 * WINDOW_BYTES);
});

Deno.test("a job nobody reads delays no other job of the client", async () => {
  const flood = createEvaluator(async function* ({ code }, signal) {
    while (code === "flood" && !signal.aborted) {
      yield await Promise.resolve({ kind: "stdout", bytes: new Uint8Array(65536) });
    }
    yield okEnd();
  });
  await using server = startPort(flood);
  await using client = await connect(server.port);
  const stuck = client.submit(request("flood"));
  assertEquals((await firstOf(stuck)).kind, "accepted");
  for (let round = 0; round < 20; round++) await outputOf(client.submit(request("x")));
});

Deno.test("input goes out as far as it is granted, and its end is told", async () => {
  const received = Promise.withResolvers<number>();
  await using fake = await startFake(async (conn) => {
    const decoder = new FrameDecoder();
    let count = -PREFACE.length;
    let sinceGrant = 0;
    await conn.write(concat([bytes(PREFACE), HELLO]));
    decoder.push((await readSome(conn)).subarray(PREFACE.length));
    for (count = 0;;) {
      const frame = decoder.next();
      if (!frame) decoder.push(await readSome(conn));
      else if (frame.kind === "input" && frame.payload.length === 0) break;
      else if (frame.kind === "input") {
        count += frame.payload.length;
        sinceGrant += frame.payload.length;
        assert(sinceGrant <= WINDOW_BYTES, "More input was sent than granted");
        if (sinceGrant > WINDOW_BYTES / 2) await conn.write(encodeWindow(1, sinceGrant));
        if (sinceGrant > WINDOW_BYTES / 2) sinceGrant = 0;
      }
    }
    received.resolve(count);
    await conn.write(encodeJson("end", 1, OK_END));
    await readSome(conn);
  });
  await using client = await connect(fake.port);
  const input = (async function* () {
    for (let n = 0; n < 30; n++) yield await Promise.resolve(new Uint8Array(100_000));
  })();
  await outputOf(client.submit({ ...request("x"), input }));
  assertEquals(await received.promise, 3_000_000);
});

Deno.test("Client.ping() tells the round trip, also several at once", async () => {
  await using server = startPort(ECHO);
  await using client = await connect(server.port);
  const trips = await within(2000, Promise.all([client.ping(), client.ping(), client.ping()]));
  for (const ms of trips) assert(ms >= 0 && ms < 2000);
});

Deno.test("Client.ping() fails when the connection is lost, before or meanwhile", async () => {
  await using fake = await startFake(async (conn) => {
    await conn.write(concat([bytes(PREFACE), HELLO]));
    await readSome(conn);
  });
  await using client = await connect(fake.port);
  await client.hello;
  for (let round = 0; round < 2; round++) {
    assertEquals((await rejectionOf(within(2000, client.ping()))).code, "connection_lost");
  }
});

Deno.test("Client answers a ping with what it held", async () => {
  const answer = Promise.withResolvers<Uint8Array>();
  await using fake = await startFake(async (conn) => {
    await readSome(conn);
    await conn.write(concat([bytes(PREFACE), HELLO, encodeFrame("ping", 0, bytes("hi"))]));
    answer.resolve(await readSome(conn));
  });
  await using client = await connect(fake.port);
  await client.hello;
  assertEquals(await answer.promise, encodeFrame("pong", 0, bytes("hi")));
});

Deno.test("Client that is disposed fails its open jobs, and again is harmless", async () => {
  await using server = startPort(SLEEPER);
  const client = await connect(server.port);
  const job = client.submit(request("x"));
  assertEquals((await firstOf(job)).kind, "accepted");
  const other = rejectionOf(outputOf(client.submit(request("x"))));
  await client[Symbol.asyncDispose]();
  await client[Symbol.asyncDispose]();
  assertEquals((await other).code, "connection_lost");
});

Deno.test("Client takes the outcome of a newer server for lost, never for success", async () => {
  await using fake = await startFake(async (conn) => {
    await readSome(conn);
    const end = { outcome: { kind: "sublimated" }, receipt: {} };
    await conn.write(concat([bytes(PREFACE), HELLO, encodeJson("end", 1, end)]));
    await readSome(conn);
  });
  await using client = await connect(fake.port);
  for await (const event of client.submit(request("x")).events) {
    assert(event.kind === "end");
    assertEquals(event.outcome.kind, "lost");
  }
});

function connect(port: number, timeoutMs = 5000): Promise<Client> {
  return Client.connect({ hostname: "127.0.0.1", port, timeoutMs, software: "test" });
}

function request(code: string): JobRequest {
  return bareRequest(code, "main");
}

async function outputOf(job: ClientJob): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const event of job.events) if (event.kind === "stdout") chunks.push(event.bytes);
  return new TextDecoder().decode(concat(chunks));
}

async function firstOf(job: ClientJob): Promise<ClientEvent> {
  const { value } = await job.events[Symbol.asyncIterator]().next();
  return value;
}

async function rejectionOf(promise: Promise<unknown>): Promise<RtoolError> {
  return await assertRejects(() => promise, RtoolError);
}

/** Fails when a promise does not settle in time. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`No answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A server of one connection, which ends when `talk` does. */
async function startFake(
  talk: (conn: Deno.TcpConn, stopped: Promise<void>) => Promise<void>,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stopped = Promise.withResolvers<void>();
  const talking = (async () => {
    using conn = await listener.accept();
    await talk(conn, stopped.promise);
  })().catch((error) => {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  });
  await Promise.resolve();
  return {
    port: listener.addr.port,
    [Symbol.asyncDispose]: async () => {
      stopped.resolve();
      listener.close();
      await talking;
    },
  };
}

async function readSome(conn: Deno.TcpConn): Promise<Uint8Array> {
  const buffer = new Uint8Array(65536);
  return buffer.subarray(0, await conn.read(buffer) ?? 0);
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
