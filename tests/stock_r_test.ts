/**
 * What the engine tells of itself to be counted: R in hand, R that were started, jobs that began
 * and ended.
 */

import { assert, assertEquals } from "@std/assert";
import { maybeStat } from "../engine/process_table.ts";
import { BARE, collect, TestEngine } from "./engine.ts";

const LONG = "cat('on\n'); Sys.sleep(60)";

Deno.test("R in hand is told: what is forked, what waits, and how often each was started", async () => {
  await using engine = await TestEngine.started({ ...BARE, start: "fork", spares: 2 });
  const { pools } = engine.sessions;
  await engine.run("1");
  await until(() => pools.stock.ready.length === 2 && pools.stock.starting === 0);
  const { ready, templates } = pools.stock;
  assertEquals(templates.length, 1);
  for (const pid of ready) assertEquals(maybeStat(pid)!.parent, templates[0]);
  assertEquals(pools.starts, { fork: 3, spawn: 0, template: 1, failed: 0 });
  pools.recycle();
  await until(() => pools.starts.template === 2 && pools.stock.ready.length === 2);
  assert(pools.stock.templates[0] !== templates[0]);
  assertEquals(pools.starts, { fork: 5, spawn: 0, template: 2, failed: 0 });
});

Deno.test("R that is spawned is told as such, and one that does not start as a failure", async () => {
  await using engine = await TestEngine.started({ ...BARE, start: "spawn", spares: 1 });
  const { pools } = engine.sessions;
  assertEquals([pools.stock.ready.length, pools.stock.templates.length], [1, 0]);
  assertEquals(pools.starts, { fork: 0, spawn: 1, template: 0, failed: 0 });
  engine.sessions.reconfigure({ ...engine.options, command: "false" });
  await engine.submit("1").then(collect);
  assert(pools.starts.failed > 0);
  assertEquals(pools.starts.spawn, 1);
});

Deno.test("of each job is told once that it began, and once how it ended", async () => {
  const told: string[] = [];
  await using engine = new TestEngine(BARE, {
    started: (waitMs) => told.push(waitMs >= 0 && waitMs < 60_000 ? "began" : `${waitMs}`),
    ended: (_job, { kind }) => told.push(kind),
  });
  await engine.sessions.start();
  await engine.run("1");
  assertEquals(told, ["began", "ok"]);
  const first = await engine.submit(LONG);
  const reading = collect(first, () => first.cancel({ kind: "cancelled", reason: "client" }));
  const behind = await engine.submit("2");
  behind.cancel({ kind: "cancelled", reason: "client" });
  await Promise.all([reading, collect(behind)]);
  // The one behind the other never began.
  assertEquals(told.slice(2).sort(), ["began", "cancelled", "cancelled"]);
});

async function until(isSo: () => boolean): Promise<void> {
  const patience = performance.now() + 20_000;
  while (!isSo()) {
    assert(performance.now() < patience, `It did not become so: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
