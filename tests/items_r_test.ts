/**
 * What a job hands over beside its output, on real R: the value, files, and what it asks.
 */

import { assertEquals } from "@std/assert";
import { concat } from "../core/bytes.ts";
import { type Item, type JobWants, NO_WANTS } from "../core/item.ts";
import type { JobEvent } from "../core/job.ts";
import { type More, TestEngine } from "./engine.ts";

interface Handed {
  readonly item: Item;
  readonly bytes: Uint8Array;
  readonly problem: string | undefined;
}

const wanting = (wants: Partial<JobWants>): More => ({ wants: { ...NO_WANTS, ...wants } });
const VALUE = wanting({ value: true });

Deno.test("the last value comes as an item, and nothing is autoprinted", async () => {
  await using engine = await TestEngine.started();
  const { items, stdout, last } = await handed(engine, "x <- 1; cat('out'); x; c(2.5, NA)", VALUE);
  assertEquals(stdout, "out");
  assertEquals(items.map(({ item, problem }) => [item.kind, problem]), [["value", undefined]]);
  // B\n, version 3, two doubles: R's format, little-endian.
  assertEquals([...items[0]!.bytes.subarray(0, 2)], [0x42, 0x0a]);
  assertEquals(items[0]!.bytes.subarray(-16, -8), new Uint8Array(new Float64Array([2.5]).buffer));
  assertEquals(last.kind, "end");
  const { stdout: after } = await handed(engine, "x; .Last.value", {});
  assertEquals(after, "[1] 1\n[1] 1\n");
});

async function handed(
  engine: TestEngine,
  code: string,
  more: More,
): Promise<{ items: Handed[]; stdout: string; last: JobEvent }> {
  const job = await engine.submit(code, more);
  const items: Handed[] = [];
  let open: { item: Item; parts: Uint8Array[] } | undefined;
  let stdout = "";
  let last: JobEvent | undefined;
  for await (const event of job.events) {
    last = event;
    if (event.kind === "stdout") stdout += new TextDecoder().decode(event.bytes);
    if (event.kind === "item") open = { item: event.item, parts: [] };
    if (event.kind === "item_bytes") open!.parts.push(event.bytes);
    if (event.kind === "item_end") {
      items.push({ item: open!.item, bytes: concat(open!.parts), problem: event.problem });
    }
  }
  return { items, stdout, last: last! };
}
