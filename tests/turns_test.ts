/**
 * Turns: who asks for the next job, so that no kind of jobs waits for ever behind another.
 */

import { assert, assertEquals } from "@std/assert";
import { type Turn, Turns } from "../cluster/turns.ts";

Deno.test("kinds of jobs that are all there get the places in turn", async () => {
  using turns = new Turns(1, () => true);
  const order: string[] = [];
  const kinds = ["a", "b", "c"].map((kind) => serve(turns, 4, () => order.push(kind)));
  await Promise.all(kinds);
  assertEquals(order.join(""), "abcabcabcabc");
});

Deno.test("whoever gets no answer keeps nobody waiting", async () => {
  using turns = new Turns(1, () => true);
  using idle = await turns.next();
  using next = await turns.next(); // While the first still asks.
  using place = next?.maybePlace();
  assert(place);
  assertEquals(idle?.maybePlace(), undefined); // Its job comes when the place has gone.
});

Deno.test("a place that is kept for an answer is not given to a late one", async () => {
  using turns = new Turns(1, () => true);
  const late = await turns.next();
  const asking = await turns.next();
  assertEquals(late?.maybePlace(), undefined);
  using place = asking?.maybePlace();
  assert(place);
});

Deno.test("no more jobs run than there are places, and a place comes back once", async () => {
  using turns = new Turns(2, () => true);
  let [running, most] = [0, 0];
  const busy = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
  };
  await Promise.all([1, 2, 3, 4, 5].map(() => serve(turns, 5, busy)));
  assertEquals(most, 2);
  const place = (await turns.next())?.maybePlace();
  place?.[Symbol.dispose]();
  place?.[Symbol.dispose]();
  const places = [await turns.next(), await turns.next()].map((turn) => turn?.maybePlace());
  assertEquals(places.map((each) => each !== undefined), [true, true]);
  let isServed = false;
  void turns.next().then((turn) => isServed = turn !== undefined);
  await Promise.resolve();
  assertEquals(isServed, false);
});

Deno.test("while the engine has no place nobody asks; when it has one again somebody does", async () => {
  let isFree = false;
  using turns = new Turns(1, () => isFree);
  const next = turns.next();
  assertEquals(await Promise.race([next, Promise.resolve("waits")]), "waits");
  isFree = true;
  using turn = await next;
  isFree = false;
  assertEquals(turn?.maybePlace(), undefined);
});

Deno.test("at the end whoever waits is told so, and no place is given", async () => {
  const turns = new Turns(1, () => true);
  using turn = await turns.next();
  const waiting = turns.next();
  turns[Symbol.dispose]();
  assertEquals(await waiting, undefined);
  assertEquals(await turns.next(), undefined);
  assertEquals(turn?.maybePlace(), undefined);
});

/** Takes so many jobs, one after the other: each comes at once. */
async function serve(turns: Turns, jobs: number, run: () => unknown): Promise<void> {
  for (let n = 0; n < jobs; n++) {
    for (let done = false; !done;) {
      using turn: Turn | undefined = await turns.next();
      using place = turn?.maybePlace();
      if (!place) continue;
      await run();
      done = true;
    }
  }
}
