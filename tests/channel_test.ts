/**
 * The bounded line between one producer and one consumer.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Channel } from "../core/channel.ts";
import { SEED, seeded } from "./random.ts";

Deno.test("Channel gives items in the order they were pushed", async () => {
  const channel = numbers(100);
  for (const item of [1, 2, 3]) channel.push(item);
  channel.close();
  assertEquals(await all(channel), [1, 2, 3]);
});

Deno.test("Channel gives an item at once to a consumer who waits", async () => {
  const channel = numbers(100);
  const next = iterate(channel).next();
  channel.push(7);
  assertEquals(await next, { value: 7, done: false });
});

Deno.test("Channel is full when its weight is reached, and has room once an item is taken", async () => {
  const channel = numbers(10);
  channel.push(9);
  assertEquals(channel.full, false);
  channel.push(1);
  assertEquals(channel.full, true);
  let hasRoom = false;
  const room = channel.room().then(() => hasRoom = true);
  await settled();
  assertEquals(hasRoom, false);
  const consumer = iterate(channel);
  assertEquals((await consumer.next()).value, 9);
  await room;
  assertEquals(channel.full, false);
});

Deno.test("Channel takes one item more than fits: its producer is asked, not forced, to wait", async () => {
  const channel = numbers(10);
  for (const item of [10, 20, 30]) channel.push(item);
  channel.close();
  assertEquals(await all(channel), [10, 20, 30]);
});

Deno.test("Channel with room resolves room() at once", async () => {
  await numbers(10).room();
});

Deno.test("Channel gives what lies in it after close(), then ends", async () => {
  const channel = numbers(10);
  channel.push(1);
  channel.close();
  channel.push(2);
  assertEquals(await all(channel), [1]);
});

Deno.test("Channel ends a waiting consumer at close(), and closing again is harmless", async () => {
  const channel = numbers(10);
  const consumer = iterate(channel);
  const next = consumer.next();
  channel.close();
  channel.close();
  assertEquals((await next).done, true);
  assertEquals((await consumer.next()).done, true);
});

Deno.test("Channel lets a waiting producer go at close() and at discard()", async () => {
  for (const end of ["close", "discard"] as const) {
    const channel = numbers(10);
    channel.push(10);
    const room = channel.room();
    channel[end]();
    await room;
    await channel.room();
  }
});

Deno.test("Channel forgets what was not read at discard(), and takes nothing further", async () => {
  const channel = numbers(10);
  channel.push(10);
  channel.discard();
  channel.push(1);
  assertEquals(channel.full, false);
  assertEquals(await all(channel), []);
});

Deno.test("Channel lets the producer go when the consumer leaves its loop", async () => {
  const channel = numbers(10);
  channel.push(10);
  channel.push(20);
  for await (const item of channel) {
    assertEquals(item, 10);
    break;
  }
  await channel.room();
  assertEquals(channel.full, false);
});

Deno.test("Channel does not keep what has been taken while there is always something in it", async () => {
  // Otherwise a stream that never runs dry would never be freed.
  const channel = new Channel<{ id: number }>(10, () => 1);
  const consumer = iterate(channel);
  channel.push({ id: -1 });
  const taken: WeakRef<{ id: number }>[] = [];
  for (let id = 0; id < 500; id++) {
    channel.push({ id });
    taken.push(new WeakRef((await consumer.next()).value));
  }
  let garbage: unknown[] = [];
  for (let round = 0; round < 100 && taken.every((each) => each.deref()); round++) {
    garbage = Array.from({ length: 20_000 }, (_, index) => ({ index, round }));
    await new Promise((resolve) => setTimeout(resolve, 0)); // A WeakRef holds for one turn.
  }
  assert(garbage.length > 0 && taken.some((each) => !each.deref()), "Everything taken is kept");
  channel.discard();
});

Deno.test(`Channel loses nothing and keeps the order in any interleaving (seed ${SEED})`, async () => {
  const steps = fc.array(fc.constantFrom("push", "take"), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 9 }), async (plan, weightMax) => {
      const channel = new Channel<number>(weightMax, () => 1);
      const consumer = iterate(channel);
      const taken: Promise<IteratorResult<number>>[] = [];
      let pushed = 0;
      let waiting = 0;
      for (const each of plan) {
        if (each === "push") {
          channel.push(pushed++);
          waiting = Math.max(0, waiting - 1);
        } else if (waiting === 0) {
          // One consumer: it asks again only when it has been answered.
          if (taken.length >= pushed) waiting++;
          taken.push(consumer.next());
        }
        assertEquals(channel.full, pushed - Math.min(taken.length, pushed) >= weightMax);
      }
      channel.close();
      for (;;) {
        const last = await consumer.next();
        taken.push(Promise.resolve(last));
        if (last.done) break;
      }
      const values = (await Promise.all(taken)).flatMap(({ value, done }) => done ? [] : [value]);
      assertEquals(values, Array.from({ length: pushed }, (_, index) => index));
    }),
    seeded(300),
  );
});

/** Items weigh what they say. */
function numbers(weightMax: number): Channel<number> {
  return new Channel<number>(weightMax, (item) => item);
}

function iterate<T>(channel: Channel<T>): AsyncIterator<T> {
  return channel[Symbol.asyncIterator]();
}

async function all<T>(channel: Channel<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of channel) items.push(item);
  return items;
}

/** Lets every promise that can settle do so. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}
