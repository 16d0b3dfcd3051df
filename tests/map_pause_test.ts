/**
 * Waits of a map that end early.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { pause, untilAborted } from "../cli/map_pause.ts";

Deno.test("behind a signal nothing is waited for, and what fails then fails unheard", async () => {
  const stopped = AbortSignal.abort();
  assertEquals(await untilAborted(Promise.reject(new Error("late")), stopped), undefined);
  await pause(1e9, stopped);
  const stop = new AbortController();
  const { promise, reject } = Promise.withResolvers<void>();
  const waiting = untilAborted(promise, stop.signal);
  stop.abort();
  assertEquals(await waiting, undefined);
  reject(new Error("later still"));
  await new Promise((resolve) => setTimeout(resolve, 0));
});

Deno.test("before it, what is waited for is what comes of it", async () => {
  const { signal } = new AbortController();
  assertEquals(await untilAborted(Promise.resolve(1), signal), 1);
  await assertRejects(() => untilAborted(Promise.reject(new Error("no")), signal), Error, "no");
});
