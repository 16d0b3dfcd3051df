/**
 * Places: how many evaluate at once, and who is next.
 */

import { assertEquals } from "@std/assert";
import { Places } from "../engine/places.ts";

interface One {
  readonly owner: string;
  readonly name: string;
  hasWork: boolean;
}

function one(name: string): One {
  return { name, owner: name.charAt(0), hasWork: true };
}

function places(max: number, maxOf = max): Places<One> {
  return new Places<One>({ max, maxOf: () => maxOf });
}

Deno.test("as many have a place as there are; the next waits until one is given back", () => {
  const all = places(2);
  const [a, b, c] = [one("a"), one("b"), one("c")];
  assertEquals([all.take(a), all.take(b), all.take(c)], [true, true, false]);
  assertEquals([all.running, all.contended], [2, true]);
  assertEquals(all.leave(a), c);
  assertEquals([all.take(c), all.contended, all.running], [true, false, 2]);
});

Deno.test("the principal with the fewest places is next, then who came first", () => {
  const all = places(3);
  const [a1, a2, b1] = [one("a1"), one("a2"), one("b1")];
  for (const each of [a1, a2, b1]) all.take(each);
  const [a3, c1, b2] = [one("a3"), one("c1"), one("b2")];
  for (const each of [a3, c1, b2]) all.take(each);
  assertEquals(all.leave(a1), c1);
  all.take(c1);
  assertEquals(all.leave(c1), a3);
});

Deno.test("no principal has more places than it may, and others are not kept waiting for it", () => {
  const all = places(4, 2);
  const line = ["a1", "a2", "a3", "b1"].map(one);
  assertEquals(line.map((each) => all.take(each)), [true, true, false, true]);
  assertEquals(all.full("a"), true);
  assertEquals(all.leave(line[3]!), undefined);
  assertEquals(all.leave(line[0]!), line[2]);
});

Deno.test("who has lost its work waits no more", () => {
  const all = places(1);
  const [a, b, c] = [one("a"), one("b"), one("c")];
  for (const each of [a, b, c]) all.take(each);
  b.hasWork = false;
  assertEquals(all.leave(a), c);
  all.take(c);
  assertEquals(all.contended, false);
});

Deno.test("where one stands in line is how many came before", () => {
  const all = places(1);
  const line = ["a", "b", "c"].map(one);
  for (const each of line) all.take(each);
  assertEquals(line.map((each) => all.ahead(each)), [0, 0, 1]);
});

Deno.test("other bounds hold from the next one on", () => {
  const all = places(1);
  const [a, b] = [one("a"), one("b")];
  all.take(a);
  all.take(b);
  all.reconfigure({ max: 2, maxOf: () => 2 });
  assertEquals(all.take(b), true);
});
