/**
 * How many items of a map are at the server: never more than may be, fewer when it refuses.
 */

import { assert, assertEquals } from "@std/assert";
import { Pace } from "../cli/map_pace.ts";
import { LinesAsFinished, LinesInOrder } from "../cli/map_order.ts";
import { AHEAD_MAX, HELD_BYTES_MAX } from "../cli/map_order.ts";
import { createRandom, SEED } from "./random.ts";

const NEVER = new AbortController().signal;

Deno.test("so many go at once, and of those that wait the first in order is next", async () => {
  const pace = new Pace(2, NEVER);
  assertEquals([await pace.enter(0), await pace.enter(1), pace.running], [true, true, 2]);
  const entered: number[] = [];
  const waiting = [7, 3, 5].map(async (index) => {
    assert(await pace.enter(index));
    entered.push(index);
  });
  for (let n = 0; n < 3; n++) {
    await settled();
    assertEquals(entered.length, n);
    pace.leave();
  }
  await Promise.all(waiting);
  assertEquals(entered, [3, 5, 7]);
});

Deno.test("a refusal bounds what goes by what is there, and places come back one by one", async () => {
  const pace = new Pace(8, NEVER);
  for (let index = 0; index < 8; index++) await pace.enter(index);
  for (let n = 0; n < 5; n++) pace.refuse();
  assertEquals([pace.running, pace.allowed], [3, 3]);
  let hasGone = false;
  const next = pace.enter(9).then(() => hasGone = true);
  await settled();
  assertEquals(hasGone, false);
  pace.leave();
  await next;
  for (let n = 0; n < 4; n++) {
    pace.leave();
    await pace.enter(10 + n);
  }
  assertEquals([pace.running, pace.allowed], [3, 3]);
  pace.leave();
  assertEquals([pace.running, pace.allowed], [2, 4]);
});

Deno.test("one always may go, however often it is refused", async () => {
  const pace = new Pace(4, NEVER);
  for (let n = 0; n < 3; n++) {
    assert(await pace.enter(0));
    pace.refuse();
    assertEquals(pace.allowed, 1);
  }
  assert(await pace.enter(0));
});

Deno.test("once everything stops nobody goes, and nobody waits", async () => {
  const stop = new AbortController();
  const pace = new Pace(1, stop.signal);
  assert(await pace.enter(0));
  const waiting = [pace.enter(1), pace.enter(2)];
  pace.refuse();
  stop.abort();
  assertEquals(await Promise.all([...waiting, pace.enter(3)]), [false, false, false]);
});

Deno.test(`lines come in the order of their items, in whatever order these finish (seed ${SEED})`, async () => {
  const random = createRandom();
  const written: number[] = [];
  const lines = new LinesInOrder(async (line) => {
    await Promise.resolve();
    written.push(line.length);
  });
  const order = indices(200).sort(() => random() - 0.5);
  await Promise.all(order.map((index) => lines.add(index, new Uint8Array(index))));
  assertEquals(written, indices(200));
});

Deno.test("what can be far ahead of a slow item is bounded, and waits no longer than it", async () => {
  const lines = new LinesInOrder(() => {});
  await lines.room(AHEAD_MAX - 1, NEVER);
  for (let index = 1; index < AHEAD_MAX; index++) await lines.add(index, new Uint8Array(1));
  let hasRoom = false;
  const room = lines.room(AHEAD_MAX, NEVER).then(() => hasRoom = true);
  await settled();
  assertEquals(hasRoom, false);
  await lines.add(0, new Uint8Array(1));
  await room;
});

Deno.test("what is held is bounded in bytes, and the item all wait for still has room", async () => {
  const lines = new LinesInOrder(() => {});
  await lines.add(1, new Uint8Array(HELD_BYTES_MAX));
  await lines.room(0, NEVER);
  let hasRoom = false;
  const room = lines.room(2, NEVER).then(() => hasRoom = true);
  await settled();
  assertEquals(hasRoom, false);
  await lines.add(0, new Uint8Array(1));
  await room;
});

Deno.test("when everything stops nobody waits for room, and what is held comes out with a gap", async () => {
  const stop = new AbortController();
  const written: number[] = [];
  const lines = new LinesInOrder((line) => void written.push(line.length));
  for (const index of [5, 0, 3]) await lines.add(index, new Uint8Array(index));
  const room = lines.room(AHEAD_MAX + 9, stop.signal);
  stop.abort();
  await room;
  await lines.release();
  assertEquals(written, [0, 3, 5]);
});

Deno.test("lines that come as they finish are written one at a time", async () => {
  let writing = 0;
  const written: number[] = [];
  const lines = new LinesAsFinished(async (line) => {
    assertEquals(++writing, 1);
    await settled();
    writing--;
    written.push(line.length);
  });
  await Promise.all([3, 1, 2].map((index) => lines.add(index, new Uint8Array(index))));
  assertEquals(written, [3, 1, 2]);
});

Deno.test("what cannot be written is the failure of whoever wrote it", async () => {
  const broken = () => Promise.reject(new Error("no"));
  for (const lines of [new LinesInOrder(broken), new LinesAsFinished(broken)]) {
    const said = await lines.add(0, new Uint8Array(1)).catch((error) => error.message);
    assertEquals(said, "no");
  }
});

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Lets everything run that can run now. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
