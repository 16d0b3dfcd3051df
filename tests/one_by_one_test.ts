/**
 * Turns: one after the other by name, side by side otherwise.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { OneByOne } from "../cluster/one_by_one.ts";
import { RtoolError } from "../core/errors.ts";

Deno.test("what has one name is done in order, and other names do not wait for it", async () => {
  const turns = new OneByOne();
  const done: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take("a", async () => {
    await gate.promise;
    done.push("a1");
  });
  const second = turns.take("a", () => Promise.resolve(done.push("a2")));
  await turns.take("b", () => Promise.resolve(done.push("b1")));
  gate.resolve();
  await Promise.all([first, second]);
  assertEquals(done, ["b1", "a1", "a2"]);
});

Deno.test("whose turn fails is told, and the next has its turn", async () => {
  const turns = new OneByOne();
  const failing = turns.take("a", () => Promise.reject(new RtoolError("busy", "No")));
  const next = turns.take("a", () => Promise.resolve(1));
  await assertRejects(() => failing, RtoolError, "No");
  assertEquals(await next, 1);
});
