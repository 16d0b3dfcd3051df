/**
 * Kept events: replayed from any one on, whole, whether they lie in memory or in the file.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { JobEvent } from "../core/job.ts";
import { EMPTY_RECEIPT } from "../core/job.ts";
import { EventLog } from "../engine/event_log.ts";

const NEVER = new AbortController().signal;

const END: JobEvent = { kind: "end", outcome: { kind: "ok" }, receipt: EMPTY_RECEIPT };

const event: fc.Arbitrary<JobEvent> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("stdout" as const, "stderr" as const),
    bytes: fc.uint8Array({ maxLength: 100 }),
  }),
  // Large ones leave memory soon.
  fc.integer({ min: 0, max: 255 }).map((byte) => ({
    kind: "stdout" as const,
    bytes: new Uint8Array(400_000).fill(byte),
  })),
  fc.record({
    kind: fc.constant("condition" as const),
    condition: fc.record({
      kind: fc.constantFrom("message" as const, "warning" as const),
      text: fc.string({ unit: "grapheme" }),
      call: fc.constant(null),
      classes: fc.array(fc.string()),
    }),
  }),
);

Deno.test("events are replayed from any one on, as they were", async () => {
  await using dir = await makeDir();
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 8 }), fc.nat(9), async (events, after) => {
      const log = new EventLog(`${dir.path}/${crypto.randomUUID()}`);
      for (const each of events) log.append(each);
      log.append(END);
      log.close();
      assertEquals(await all(log.read(after, NEVER)), [...events, END].slice(after));
      log.discard();
    }),
    { numRuns: 60, seed: 7 },
  );
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

Deno.test("readers that came early follow; each gets everything once, in order", async () => {
  await using dir = await makeDir();
  const log = new EventLog(`${dir.path}/events`);
  const readers = [0, 0, 2].map((after) => all(log.read(after, NEVER)));
  const events: JobEvent[] = [];
  for (let n = 0; n < 40; n++) {
    const bytes = new Uint8Array(60_000).fill(n);
    events.push({ kind: "stdout", bytes });
    log.append({ kind: "stdout", bytes });
    if (n % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert(log.fileBytes > 1 << 20, "Most of it should be on disk");
  log.append(END);
  log.close();
  const late = all(log.read(39, NEVER));
  assertEquals(await Promise.all(readers), [[...events, END], [...events, END], [
    ...events.slice(2),
    END,
  ]]);
  assertEquals(await late, [...events.slice(39), END]);
  log.discard();
});

Deno.test("a reader that is told to stop does so at once, whatever it waits for", async () => {
  await using dir = await makeDir();
  const log = new EventLog(`${dir.path}/events`);
  const stop = new AbortController();
  const early = all(log.read(0, stop.signal));
  for (let n = 0; n < 4; n++) log.append({ kind: "stdout", bytes: new Uint8Array(400_000) });
  const late = all(log.read(0, stop.signal));
  await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  assertEquals([(await early).length, (await late).length], [4, 4]);
  log.discard();
});

Deno.test("a log whose file cannot be written says so", () => {
  const log = new EventLog("/nonexistent/events");
  const bytes = new Uint8Array(1 << 20);
  log.append({ kind: "stdout", bytes });
  assertThrows(() => log.append({ kind: "stdout", bytes }));
});

async function all(events: AsyncIterable<JobEvent>): Promise<JobEvent[]> {
  return await Array.fromAsync(events);
}

async function makeDir(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
