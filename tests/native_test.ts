/**
 * The native door, frame by frame: streams, credit, input, cancelling, and what a broken client
 * gets.
 */

import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import type { JobEvent, JobRequest } from "../core/job.ts";
import {
  decodeJson,
  decodeWindow,
  encodeFrame,
  encodeJson,
  encodeWindow,
  type Frame,
  KINDS,
  PREFACE,
  WINDOW_BYTES,
} from "../protocol.ts";
import { createEvaluator, ECHO, fakeEvaluator, okEnd, SLEEPER, startPort } from "./fake_port.ts";
import { RawPeer, submission } from "./raw_peer.ts";

const encoder = new TextEncoder();
const CHUNK = new Uint8Array(65536).fill(65);

/** Prints without end, unless the code says `echo`. */
const FLOOD = createEvaluator(async function* (request, signal) {
  if (request.code === "echo") return yield* ECHO_EVENTS(request);
  while (!signal.aborted) yield await Promise.resolve({ kind: "stdout", bytes: CHUNK });
  yield okEnd();
});

async function* ECHO_EVENTS({ code }: JobRequest): AsyncGenerator<JobEvent> {
  yield await Promise.resolve({ kind: "stdout", bytes: encoder.encode(code) });
  yield okEnd();
}

Deno.test("a stream that is not read is sent no more than its credit, and delays no other", async () => {
  await using server = startPort(FLOOD);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "flood");
  await peer.submit(2, "flood");
  for (let stream = 3; stream < 20; stream++) {
    await peer.submit(stream, "echo");
    await peer.end(stream);
  }
  await peer.send(encodeFrame("ping", 0));
  const sent = await sentUntilQuiet(peer);
  for (const bytes of sent.values()) assertLessOrEqual(bytes, WINDOW_BYTES);
});

Deno.test("a stream goes on when it is granted more, and by no more than that", async () => {
  await using server = startPort(FLOOD);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "flood");
  let received = 0;
  for (const granted of [0, 200_000, 1, 3 * WINDOW_BYTES]) {
    if (granted > 0) await peer.send(encodeWindow(1, granted));
    await peer.send(encodeFrame("ping", 0));
    received += (await sentUntilQuiet(peer)).get(1) ?? 0;
  }
  assertLessOrEqual(received, 4 * WINDOW_BYTES + 200_001);
  assert(received > 4 * WINDOW_BYTES + 200_001 - 2 * CHUNK.length, `Only ${received} bytes came`);
});

Deno.test("all of the first mebibyte is sent without a grant", async () => {
  const mebibyte = createEvaluator(async function* () {
    for (let sent = 0; sent < WINDOW_BYTES; sent += CHUNK.length) {
      yield await Promise.resolve({ kind: "stdout", bytes: CHUNK });
    }
    yield okEnd();
  });
  await using server = startPort(mebibyte);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "x");
  await peer.send(encodeFrame("ping", 0));
  assertEquals((await sentUntilQuiet(peer)).get(1), WINDOW_BYTES);
});

Deno.test("a condition costs 256 bytes of credit", async () => {
  const condition = { kind: "message", text: "m", call: null, classes: [] } as const;
  const warner = createEvaluator(async function* (_request, signal) {
    while (!signal.aborted) yield await Promise.resolve({ kind: "condition", condition });
    yield okEnd();
  });
  await using server = startPort(warner);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "x");
  let count = 0;
  while (count < WINDOW_BYTES / 256 - 1) if ((await peer.frame()).kind === "condition") count++;
  await peer.send(encodeFrame("ping", 0), encodeFrame("cancel", 1));
  while ((await peer.frame()).kind === "condition") assertLessOrEqual(++count, WINDOW_BYTES / 256);
});

Deno.test("a cancel that comes before the job is accepted is not lost", async () => {
  const accept = Promise.withResolvers<void>();
  const slow = fakeEvaluator({
    submit: async (principal, request, signal) => {
      await accept.promise;
      return await SLEEPER.submit(principal, request, signal);
    },
  });
  await using server = startPort(slow);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "x");
  await peer.send(encodeFrame("cancel", 1), encodeFrame("ping", 0));
  assertEquals((await peer.frame()).kind, "pong");
  accept.resolve();
  assertEquals((await peer.end(1))["outcome"], { kind: "cancelled", reason: "client" });
});

Deno.test("a cancel that comes before the code is not lost either", async () => {
  await using server = startPort(SLEEPER);
  using peer = await RawPeer.greeted(server.port);
  const [submit, code] = submission(1, "x");
  await peer.send(submit!, encodeFrame("cancel", 1), code!);
  assertEquals((await peer.end(1))["outcome"], { kind: "cancelled", reason: "client" });
});

Deno.test("a cancel of a stream that is not there, or is over, changes nothing", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "x");
  await peer.end(1);
  await peer.send(encodeFrame("cancel", 1), encodeFrame("cancel", 77), encodeWindow(77, 9));
  await peer.submit(1, "again");
  assertEquals((await peer.end(1))["outcome"], { kind: "ok" });
});

Deno.test("a stream's number may be used again at once after its end", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.greeted(server.port);
  for (let round = 0; round < 50; round++) {
    await peer.submit(7, "x");
    await peer.end(7);
  }
});

Deno.test("one connection has so many jobs and no more, and a new one when one has ended", async () => {
  await using server = startPort(SLEEPER, { jobsPerConnectionMax: 2 });
  using peer = await RawPeer.greeted(server.port);
  for (const stream of [1, 2, 3]) await peer.submit(stream, "x");
  assertEquals(outcomeOf(await peer.end(3)), "rejected too_many_jobs");
  await peer.send(encodeFrame("cancel", 1));
  assertEquals(outcomeOf(await peer.end(1)), "cancelled undefined");
  await peer.submit(3, "x");
  await peer.until("started", 3);
});

Deno.test("a job that is refused ends as rejected with the reason, and the connection goes on", async () => {
  await using server = startPort(ECHO, { codeMax: 100 });
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "x".repeat(101));
  assertEquals(outcomeOf(await peer.end(1)), "rejected code_too_big");
  await peer.submit(2, "x", { width: 5 });
  assertEquals(outcomeOf(await peer.end(2)), "rejected bad_request");
  const latin1 = Uint8Array.of(0xe9);
  const submit = encodeJson("submit", 3, { session: "main", code_bytes: 1 });
  await peer.send(submit, encodeFrame("code", 3, latin1));
  assertEquals(outcomeOf(await peer.end(3)), "rejected bad_request");
  await peer.send(encodeFrame("submit", 4, encoder.encode("{")));
  assertEquals(outcomeOf(await peer.end(4)), "rejected bad_frame");
  await peer.submit(5, "x");
  assertEquals(outcomeOf(await peer.end(5)), "ok undefined");
});

Deno.test("a fault of the evaluator's own ends the job as internal, and the connection goes on", async () => {
  const faulty = fakeEvaluator({ submit: () => Promise.reject(new TypeError("a bug")) });
  await using server = startPort(faulty);
  using peer = await RawPeer.greeted(server.port);
  for (const stream of [1, 2]) {
    await peer.submit(stream, "x");
    assertEquals(outcomeOf(await peer.end(stream)), "rejected internal");
  }
});

Deno.test("code arrives whole in frames of any size, and so does none at all", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.greeted(server.port);
  const code = encoder.encode("naïve 😀".repeat(100));
  await peer.send(encodeJson("submit", 1, { session: "main", code_bytes: code.length }));
  for (const byte of code) await peer.send(encodeFrame("code", 1, Uint8Array.of(byte)));
  assertEquals(outputOf(await peer.until("end", 1)), "naïve 😀".repeat(100));
  await peer.submit(2, "");
  assertEquals(outputOf(await peer.until("end", 2)), "");
});

Deno.test("input reaches the job in order, is granted again as it is read, and ends", async () => {
  const reader = createEvaluator(async function* ({ input }) {
    for await (const bytes of input!) yield { kind: "stdout", bytes };
    yield okEnd();
  });
  await using server = startPort(reader);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "x", { input: true });
  await peer.send(...["a", "bc", "def", ""].map((t) => encodeFrame("input", 1, encoder.encode(t))));
  const frames = await peer.until("end", 1);
  assertEquals(outputOf(frames), "abcdef");
  const granted = frames.filter(({ kind }) => kind === "window").map(decodeWindow);
  assertEquals(granted.reduce((sum, bytes) => sum + bytes, 0), 6);
});

/** What a client may not do, and a word of what it is told. */
const BREACHES: readonly (readonly [what: string, frames: Uint8Array[], word: string])[] = [
  ["sends more code than it announced", [
    encodeJson("submit", 1, { session: "main", code_bytes: 1 }),
    encodeFrame("code", 1, encoder.encode("xy")),
  ], "More code"],
  ["submits on stream 0", submission(0, ""), "Stream 0"],
  ["submits on a stream that is open", [...submission(1, "x"), ...submission(1, "x")], "Stream 1"],
  ["sends input it did not announce", [
    ...submission(1, "x"),
    encodeFrame("input", 1, encoder.encode("x")),
  ], "not announced"],
  ["sends a megabyte of input more than was granted", [
    ...submission(1, "x", { input: true }),
    ...Array.from({ length: 17 }, () => encodeFrame("input", 1, CHUNK)),
  ], "granted"],
  ["grants with three bytes", [
    ...submission(1, "x"),
    encodeFrame("window", 1, new Uint8Array(3)),
  ], "window"],
  ["sends what only a server may", [encodeFrame("stdout", 1, CHUNK)], "'stdout'"],
  ["attaches on a stream that is open", [
    ...submission(1, "x"),
    encodeJson("attach", 1, { job: "x" }),
  ], "Stream 1"],
  ["asks on stream 0", [encodeJson("control", 0, { kind: "report" })], "Stream 0"],
  ["sends an unknown kind", [Uint8Array.of(0, 0, 0, 0, 99, 0, 0, 0, 0)], "kind 99"],
];

for (const [what, frames, word] of BREACHES) {
  Deno.test(`a client that ${what} is told so, and the connection is over`, async () => {
    await using server = startPort(SLEEPER);
    using peer = await RawPeer.greeted(server.port);
    await peer.send(...frames);
    const error = (await peer.until("error", 0)).at(-1)!;
    assertEquals(decodeJson(error)["code"], "bad_frame");
    assertStringIncludes(String(decodeJson(error)["message"]), word);
    await peer.rest();
  });
}

Deno.test("a client whose first frame is no hello is told so", async () => {
  await using server = startPort(ECHO);
  for (const kind of ["submit", "ping", "cancel", "window", "end"] as const) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(PREFACE, encodeFrame(kind, 0));
    const { code, message } = decodeJson(await peer.frame());
    assertEquals([code, message], ["bad_frame", `The first frame must be 'hello', not '${kind}'`]);
  }
});

Deno.test("a hello of another version, or of none, is told both versions", async () => {
  await using server = startPort(ECHO);
  for (const version of [2, 0, "1", null, [1], { a: 1 }, { toString: 1 }, undefined]) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(PREFACE, encodeJson("hello", 0, { version, software: "test" }));
    const { code, message } = decodeJson(await peer.frame());
    assertEquals(code, "bad_version", JSON.stringify(version));
    assertStringIncludes(String(message), "rtool/1");
  }
});

Deno.test("a ping is answered with what it held, whatever else goes on", async () => {
  await using server = startPort(FLOOD);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "flood");
  await peer.send(encodeFrame("ping", 0, encoder.encode("are you there?")));
  const pong = (await peer.until("pong", 0)).at(-1)!;
  assertEquals(new TextDecoder().decode(pong.payload), "are you there?");
});

Deno.test("unknown kinds from 128 on are skipped, and known ones after them are not", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.greeted(server.port);
  await peer.send(Uint8Array.of(3, 0, 0, 0, 200, 1, 0, 0, 0, 9, 9, 9), ...submission(1, "x"));
  assertEquals((await peer.end(1))["outcome"], { kind: "ok" });
  assert(!Object.values(KINDS).some((number) => number >= 128));
});

/** Bytes of output that come, by stream, until the answer to a ping and then for a while. */
async function sentUntilQuiet(peer: RawPeer): Promise<Map<number, number>> {
  const sent = new Map<number, number>();
  const count = ({ kind, stream, payload }: Frame) => {
    if (kind === "stdout") sent.set(stream, (sent.get(stream) ?? 0) + payload.length);
  };
  for (const frame of await peer.until("pong", 0)) count(frame);
  // What may be sent is sent in a moment; a second ping is answered behind it.
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await peer.send(encodeFrame("ping", 0));
    for (const frame of await peer.until("pong", 0)) count(frame);
  }
  return sent;
}

function outcomeOf(end: Readonly<Record<string, unknown>>): string {
  const { kind, code } = end["outcome"] as Record<string, unknown>;
  return `${kind} ${code}`;
}

function outputOf(frames: readonly Frame[]): string {
  const decoder = new TextDecoder();
  return frames.filter(({ kind }) => kind === "stdout")
    .map(({ payload }) => decoder.decode(payload, { stream: true })).join("");
}
