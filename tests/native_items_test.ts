/**
 * Items on the native wire: what a job hands over reaches the client as it was, and what comes with
 * a job reaches the evaluator in files, whatever way the bytes are cut.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { Client } from "../client.ts";
import { concat } from "../core/bytes.ts";
import type { Item, Upload } from "../core/item.ts";
import { bareRequest, type JobEvent, type JobRequest } from "../core/job.ts";
import { encodeFrame, encodeJson } from "../protocol.ts";
import { createEvaluator, fakeEvaluator, okEnd, startPort } from "./fake_port.ts";
import { SEED, seeded } from "./random.ts";
import { RawPeer } from "./raw_peer.ts";

Deno.test(`items reach the client as the job handed them over (seed ${SEED})`, async () => {
  let events: readonly JobEvent[] = [];
  const evaluator = createEvaluator(async function* () {
    for (const event of events) yield await Promise.resolve(event);
    yield okEnd();
  });
  await using server = startPort(evaluator);
  await using client = await connect(server.port);
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryItem(), { maxLength: 6 }), async (items) => {
      events = items.flat();
      const seen = await Array.fromAsync(client.submit(bareRequest("1", "main")).events);
      assertEquals(seen.slice(1, -1), [...events]); // Without `accepted` and `end`.
    }),
    seeded(60),
  );
});

Deno.test(`uploads arrive whole, however they are cut, and are gone after (seed ${SEED})`, async () => {
  const spoolDir = await Deno.makeTempDir({ prefix: "rtool-spool-" });
  await using server = startPort(createEvaluator(READ_UPLOADS), { spoolDir });
  await using client = await connect(server.port);
  const pieces = fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 4 });
  const cut = fc.integer({ min: 1, max: 3000 });
  await fc.assert(
    fc.asyncProperty(pieces, cut, async (contents, size) => {
      const uploads = contents.map((bytes, index): Upload => ({
        target: { kind: "file", path: `f${index}` },
        bytes: bytes.length,
        path: undefined,
      }));
      const request = { ...bareRequest("1", "main"), uploads };
      const job = client.submit(request, inPieces(concat(contents), size));
      const seen = [];
      for await (const event of job.events) if (event.kind === "item_bytes") seen.push(event.bytes);
      assertEquals(concat(seen), concat(contents));
    }),
    seeded(60),
  );
  assertEquals([...Deno.readDirSync(spoolDir)], []);
  await Deno.remove(spoolDir);
});

Deno.test("an upload of many windows goes on as it is granted", async () => {
  const spoolDir = await Deno.makeTempDir({ prefix: "rtool-spool-" });
  await using server = startPort(createEvaluator(READ_UPLOADS), { spoolDir });
  await using client = await connect(server.port);
  const bytes = new Uint8Array(5_000_000).map((_, index) => index % 251);
  const uploads: Upload[] = [{
    target: { kind: "data", name: "x" },
    bytes: bytes.length,
    path: undefined,
  }];
  const job = client.submit({ ...bareRequest("1", "main"), uploads }, inPieces(bytes, 70_000));
  const seen = [];
  for await (const event of job.events) if (event.kind === "item_bytes") seen.push(event.bytes);
  assertEquals(concat(seen), bytes);
  await Deno.remove(spoolDir);
});

Deno.test("more than may come with a job is refused before any of it is taken", async () => {
  const spoolDir = await Deno.makeTempDir({ prefix: "rtool-spool-" });
  await using server = startPort(createEvaluator(READ_UPLOADS), { spoolDir, uploadMax: 10 });
  using peer = await RawPeer.greeted(server.port);
  const uploads = [{ kind: "file", path: "a", bytes: 6 }, { kind: "file", path: "b", bytes: 5 }];
  await peer.send(encodeJson("submit", 1, { session: "main", code_bytes: 0, uploads }));
  const { outcome } = await peer.end(1) as { outcome: { code: string; message: string } };
  assertEquals(outcome.code, "upload_too_big");
  assertStringIncludes(outcome.message, "11 bytes; the most is 10");
  assertEquals([...Deno.readDirSync(spoolDir)], []);
  await Deno.remove(spoolDir);
});

Deno.test("what was uploaded goes when the client goes, or the job is refused", async () => {
  const spoolDir = await Deno.makeTempDir({ prefix: "rtool-spool-" });
  const refusing = fakeEvaluator({ submit: () => Promise.reject(new Error("no")) });
  await using server = startPort(refusing, { spoolDir });
  const uploads = [{ kind: "file", path: "a", bytes: 4 }];
  {
    using peer = await RawPeer.greeted(server.port);
    await peer.send(
      encodeJson("submit", 1, { session: "main", code_bytes: 0, uploads }),
      encodeFrame("upload", 1, new TextEncoder().encode("text")),
    );
    await peer.end(1);
    assertEquals([...Deno.readDirSync(spoolDir)], []);
    await peer.send(
      encodeJson("submit", 2, { session: "main", code_bytes: 0, uploads }),
      encodeFrame("upload", 2, new TextEncoder().encode("te")),
      encodeFrame("ping", 0),
    );
    await peer.until("pong", 0);
    assertEquals([...Deno.readDirSync(spoolDir)].length, 1);
  }
  await server.ended(1);
  assertEquals([...Deno.readDirSync(spoolDir)], []);
  await Deno.remove(spoolDir);
});

Deno.test("a source that breaks ends the job, and says why", async () => {
  const spoolDir = await Deno.makeTempDir({ prefix: "rtool-spool-" });
  await using server = startPort(createEvaluator(READ_UPLOADS), { spoolDir });
  await using client = await connect(server.port);
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(new Uint8Array(3));
    throw new Error("the file has become shorter");
  };
  const uploads: Upload[] = [{ target: { kind: "file", path: "a" }, bytes: 9, path: undefined }];
  const job = client.submit({ ...bareRequest("1", "main"), uploads }, broken());
  const failure = await Array.fromAsync(job.events).catch((error) => error);
  assertStringIncludes(failure.message, "the file has become shorter");
  await Deno.remove(spoolDir, { recursive: true });
});

/** Hands every upload over, and takes it away. */
async function* READ_UPLOADS({ uploads }: JobRequest): AsyncGenerator<JobEvent> {
  for (const { target, path } of uploads) {
    assert(path !== undefined);
    const name = target.kind === "file" ? target.path : target.kind;
    yield { kind: "item", item: { kind: "file", path: name } };
    for (const bytes of inPieceArray(await Deno.readFile(path))) {
      yield { kind: "item_bytes", bytes };
    }
    yield { kind: "item_end", problem: undefined };
    await Deno.remove(path);
  }
  yield okEnd();
}

function connect(port: number): Promise<Client> {
  return Client.connect({ hostname: "127.0.0.1", port, timeoutMs: 5000, software: "test" });
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield await Promise.resolve(bytes.subarray(at, at + size));
  }
}

function inPieceArray(bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.length / 65536);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * 65536, (i + 1) * 65536));
}

/** One item's events, and sometimes output or a question before them. */
function arbitraryItem(): fc.Arbitrary<JobEvent[]> {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
  const item: fc.Arbitrary<Item> = fc.oneof(
    fc.constant({ kind: "value" as const }),
    fc.record({ kind: fc.constant("file" as const), path: fc.constantFrom("a", "b/c", "é") }),
    fc.record({
      kind: fc.constant("plot" as const),
      page: fc.integer({ min: 1, max: 1000 }),
      format: fc.constantFrom("png" as const, "svg" as const),
      width: fc.integer({ min: 1, max: 100 }),
      height: fc.integer({ min: 1, max: 100 }),
      dpi: fc.integer({ min: 10, max: 2400 }),
    }),
  );
  const before: fc.Arbitrary<JobEvent[]> = fc.oneof(
    fc.constant<JobEvent[]>([]),
    bytes.map((each) => [{ kind: "stdout" as const, bytes: each }]),
    fc.string().map((text) => [{ kind: "prompt" as const, text: text.toWellFormed() }]),
  );
  const problem = fc.option(fc.constantFrom("gone", "too large"), { nil: undefined });
  return fc.tuple(before, item, fc.array(bytes, { maxLength: 4 }), problem).map(
    ([first, head, parts, fault]) => [
      ...first,
      { kind: "item", item: head },
      ...parts.map((each) => ({ kind: "item_bytes" as const, bytes: each })),
      { kind: "item_end", problem: fault },
    ],
  );
}
