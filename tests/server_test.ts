/**
 * The port: who comes in, what the first line decides, and what ends a connection but never the
 * server.
 */

import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { Client } from "../client.ts";
import { RtoolError } from "../core/errors.ts";
import { bareRequest } from "../core/job.ts";
import { decodeJson, encodeFrame, encodeJson, PREFACE } from "../protocol.ts";
import { ECHO, fakeEvaluator, type FakePort, SLEEPER, startPort } from "./fake_port.ts";
import { createRandom, SEED } from "./random.ts";
import { RawPeer, submission } from "./raw_peer.ts";

const HELLO = encodeJson("hello", 0, { version: 1, software: "test" });

Deno.test("serve() serves many clients at once, each with its own answers", async () => {
  await using server = startPort(ECHO);
  await Promise.all(Array.from({ length: 40 }, async (_, index) => {
    using peer = await RawPeer.greeted(server.port);
    for (let stream = 1; stream <= 5; stream++) await peer.submit(stream, `${index}/${stream}`);
    const answers = new Map<number, string>();
    for (let ends = 0; ends < 5;) {
      const frame = await peer.frame();
      if (frame.kind === "stdout") answers.set(frame.stream, text(frame.payload));
      if (frame.kind === "end") ends++;
    }
    assertEquals([...answers], [1, 2, 3, 4, 5].map((stream) => [stream, `${index}/${stream}`]));
  }));
});

Deno.test("serve() takes preface, hello and the first job in one write, or byte by byte", async () => {
  await using server = startPort(ECHO);
  for (const cut of [false, true]) {
    using peer = await RawPeer.connect(server.port);
    const parts = [new TextEncoder().encode(PREFACE), HELLO, ...submission(1, "x")];
    if (cut) {
      for (const part of parts) for (const byte of part) await peer.send(Uint8Array.of(byte));
    } else await peer.send(...parts);
    assertEquals((await peer.end(1))["outcome"], { kind: "ok" });
  }
});

Deno.test(`serve() outlives clients that send garbage (seed ${SEED})`, async () => {
  await using server = startPort(ECHO);
  const random = createRandom();
  const garbage = (length: number) => {
    return Uint8Array.from({ length }, () => Math.floor(random() * 256));
  };
  for (let round = 0; round < 40; round++) {
    using peer = await RawPeer.connect(server.port);
    const greeting = [[], [PREFACE], [PREFACE, HELLO], ["utf-8\n"]][round % 4]!;
    await peer.send(...greeting, garbage(Math.floor(random() * 3000))).catch(() => {});
    await peer.conn.closeWrite().catch(() => {});
    await peer.rest();
  }
  await assertServes(server);
  assertEquals(internalFaults(server), []);
});

Deno.test("serve() outlives clients that leave in the middle of anything", async () => {
  await using server = startPort(ECHO);
  const whole = [PREFACE, HELLO, ...submission(1, "code")]
    .map((part) => typeof part === "string" ? new TextEncoder().encode(part) : part)
    .flatMap((part) => [...part]);
  for (let length = 0; length < whole.length; length += 3) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(Uint8Array.from(whole.slice(0, length)));
  }
  await server.ended(Math.ceil(whole.length / 3));
  await assertServes(server);
  assertEquals(internalFaults(server), []);
});

Deno.test("serve() refuses a frame of four gigabytes before any of it comes", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.greeted(server.port);
  await peer.send(Uint8Array.of(255, 255, 255, 255, 2, 1, 0, 0, 0));
  const error = await peer.frame();
  assertEquals([error.kind, error.stream], ["error", 0]);
  assertEquals(decodeJson(error)["code"], "frame_too_big");
  assertEquals(await peer.maybeFrame(), undefined);
});

Deno.test("serve() closes on whoever does not say hello in time, however it dawdles", async () => {
  await using server = startPort(ECHO, { helloTimeoutMs: 60 });
  for (const said of ["", "RTOO", PREFACE, PREFACE + "\x05"]) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(said);
    assertMatch(await peer.rest(), /^(RTOOL\/1\n|$)/);
  }
  using slow = await RawPeer.connect(server.port);
  const dripping = (async () => {
    // Each byte is a sign of life, but no greeting.
    for (const byte of new TextEncoder().encode(PREFACE.repeat(20))) {
      await slow.send(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })().catch(() => {});
  const startedAt = performance.now();
  await slow.rest();
  assertLess(performance.now() - startedAt, 1000);
  await dripping;
});

Deno.test("serve() tells a native client that it did not say hello in time", async () => {
  await using server = startPort(ECHO, { helloTimeoutMs: 30 });
  using peer = await RawPeer.connect(server.port);
  await peer.send(PREFACE);
  const error = await peer.maybeFrame();
  assert(error, "The connection was closed without a word");
  assertEquals(decodeJson(error)["code"], "hello_timeout");
});

Deno.test("serve() lets a client that has said hello be as idle as it likes", async () => {
  await using server = startPort(ECHO, { helloTimeoutMs: 30 });
  using peer = await RawPeer.greeted(server.port);
  await new Promise((resolve) => setTimeout(resolve, 60));
  await peer.submit(1, "x");
  assertEquals((await peer.end(1))["outcome"], { kind: "ok" });
});

Deno.test("serve() answers an HTTP request with 400 and a word on what this port speaks", async () => {
  await using server = startPort(ECHO);
  const requests = [
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /eval HTTP/1.0\r\n\r\n" + "x".repeat(1 << 20),
    "OPTIONS * HTTP/1.1\n\n",
    `GET /${"long".repeat(1000)} HTTP/1.1\r\n\r\n`,
  ];
  for (const request of requests) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(request).catch(() => {});
    const reply = await peer.rest();
    assertMatch(reply, /^HTTP\/1.1 400 Bad Request\r\n/, request.slice(0, 30));
    const [head = "", body = ""] = reply.split("\r\n\r\n");
    assertEquals(Number(/^Content-Length: (\d+)$/m.exec(head)?.[1]), body.length);
    assertStringIncludes(body, "rtool");
  }
});

Deno.test("serve() tells another version of rtool both versions", async () => {
  await using server = startPort(ECHO);
  for (const version of ["0", "2", "17"]) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(`RTOOL/${version}\n`);
    const { code, message } = decodeJson(await peer.frame());
    assertEquals(code, "bad_version");
    assertMatch(String(message), new RegExp(`rtool/1\\b.*rtool/${version}$`));
    assertEquals(await peer.maybeFrame(), undefined);
  }
});

Deno.test("serve() takes any other first line for the name of an encoding", async () => {
  await using server = startPort(ECHO);
  for (const line of ["", "HELLO", "rtool/1", "RTOOL/x", "get / http/1.1", "x\x16\x03"]) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(`${line}\n`);
    const reply = text(await peer.read() ?? new Uint8Array(0));
    assertStringIncludes(reply.slice(8), "Error: Cannot use the encoding", JSON.stringify(line));
  }
});

Deno.test("serve() in plain text ends a greeting of TLS at once, without a word", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.connect(server.port);
  await peer.send("\x16\x03\x01\x00\x05hello"); // No line ends here.
  const startedAt = performance.now();
  assertEquals((await peer.rest()).length, 0);
  assertLess(performance.now() - startedAt, 1000);
  await server.ended(1);
  assertEquals(server.log.at(-1)?.fields["wire"], "tls");
});

Deno.test("serve() ends the connection behind a reply at once, for clients that wait for that", async () => {
  await using server = startPort(ECHO);
  for (const request of ["utf-8\n\x01\0\0\0\0\0\0\0x", "no such encoding\n"]) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(request);
    const startedAt = performance.now();
    assert((await peer.rest()).length > 8);
    assertLess(performance.now() - startedAt, 1000);
  }
});

Deno.test("serve() says what is wrong with a first line that never ends", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.connect(server.port);
  await peer.send("x".repeat(5000));
  assertStringIncludes(await peer.rest(), "The first line has more than 4096 bytes");
});

Deno.test("serve() refuses one connection more than it may have, and takes one when one leaves", async () => {
  await using server = startPort(ECHO, { connectionsMax: 2 });
  using first = await RawPeer.greeted(server.port);
  {
    using _second = await RawPeer.greeted(server.port);
    using third = await RawPeer.connect(server.port);
    const error = await third.frame();
    assertEquals(decodeJson(error)["code"], "too_many_connections");
    assertEquals(await third.maybeFrame(), undefined);
  }
  await server.ended(1);
  await assertServes(server);
  await first.submit(1, "x");
  assertEquals((await first.end(1))["outcome"], { kind: "ok" });
});

Deno.test("serve() refuses a stranger with a clear word on both wires", async () => {
  const admit = () => Promise.reject(new RtoolError("not_allowed", "You are user 7"));
  await using server = startPort(ECHO, { admit });
  using native = await RawPeer.connect(server.port);
  await native.send(PREFACE, HELLO, ...submission(1, "x"));
  const error = decodeJson(await native.frame());
  assertEquals(error, { code: "not_allowed", message: "You are user 7" });
  assertEquals(await native.maybeFrame(), undefined);
  using rpy2 = await RawPeer.connect(server.port);
  await rpy2.send("utf-8\n\x01\0\0\0\0\0\0\0x");
  assertEquals(await rpy2.rest(), "\x16\0\0\0\0\0\0\0Error: You are user 7\n");
});

Deno.test("serve() that stops takes nobody new and lets open connections finish", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.greeted(server.port);
  server.stop();
  await peer.submit(1, "last");
  assertEquals((await peer.end(1))["outcome"], { kind: "ok" });
  const late = await RawPeer.connect(server.port).then((other) => other.rest(), () => "refused");
  assert(["refused", ""].includes(late), late);
});

Deno.test("serve() logs each connection in one line, and nothing of the code", async () => {
  await using server = startPort(ECHO);
  {
    await using client = await Client.connect({ ...toHere(server), software: "test" });
    for await (const _ of client.submit(bareRequest("secret <- 4242", "main")).events);
  }
  await server.ended(1);
  const { level, message, fields } = server.log.at(-1)!;
  assertEquals([level, message, fields["wire"], fields["error"]], [
    "info",
    "connection ended",
    "native",
    undefined,
  ]);
  assertEquals(JSON.stringify(server.log).includes("4242"), false);
});

Deno.test("serve() says of each connection when it comes, what it speaks, and when it goes", async () => {
  const told: string[] = [];
  const watch = {
    opened: () => told.push("opened"),
    spoke: (wire: string) => told.push(`spoke ${wire}`),
    ended: (wire: string) => told.push(`ended ${wire}`),
    refused: () => told.push("refused"),
  };
  await using server = startPort(ECHO, { watch, connectionsMax: 1 });
  {
    using peer = await RawPeer.greeted(server.port);
    await peer.submit(1, "x");
    await peer.end(1);
    using other = await RawPeer.connect(server.port);
    await other.rest();
  }
  await server.ended(1);
  using silent = await RawPeer.connect(server.port);
  await silent.conn.closeWrite();
  await silent.rest();
  await server.ended(2);
  assertEquals(told, [
    ...["opened", "spoke native", "refused", "ended native"],
    ...["opened", "spoke none", "ended none"],
  ]);
});

Deno.test("serve() cancels as gone the jobs of a connection that is lost", async () => {
  const gone: string[] = [];
  const all = Promise.withResolvers<void>();
  const sleeper = fakeEvaluator({
    submit: (principal, request, signal) => {
      signal.addEventListener("abort", () => {
        gone.push(request.code);
        if (gone.length === 3) all.resolve();
      });
      return SLEEPER.submit(principal, request, signal);
    },
  });
  await using server = startPort(sleeper);
  {
    using peer = await RawPeer.greeted(server.port);
    for (const stream of [1, 2, 3]) {
      await peer.submit(stream, `job ${stream}`);
      await peer.until("started", stream);
    }
    assertEquals(gone, []);
  }
  await all.promise;
  assertEquals(gone, ["job 1", "job 2", "job 3"]);
});

function toHere(server: FakePort): { hostname: string; port: number; timeoutMs: number } {
  return { hostname: "127.0.0.1", port: server.port, timeoutMs: 5000 };
}

async function assertServes(server: FakePort): Promise<void> {
  using peer = await RawPeer.greeted(server.port);
  await peer.send(encodeFrame("ping", 0), ...submission(9, "still here"));
  const frames = await peer.until("end", 9);
  assertEquals(frames.map(({ kind }) => kind), ["pong", "accepted", "started", "stdout", "end"]);
}

function internalFaults(server: FakePort): unknown[] {
  return server.log.filter(({ level, fields }) =>
    level === "error" || fields["error"] === "internal"
  );
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
