/**
 * Plots of a person at a prompt, on real R: one may be drawn on over several jobs.
 */

import { assert, assertEquals } from "@std/assert";
import { BATCH_MODE, type PlotVariant } from "../core/item.ts";
import { type More, TestEngine } from "./engine.ts";
import { plot } from "./plots.ts";

const PERSON: More = { mode: { ...BATCH_MODE, interactive: true } };
const SMALL: PlotVariant = { format: "png", width: 4, height: 3, dpi: 72 };
const VECTOR: PlotVariant = { format: "svg", width: 7, height: 5, dpi: 144 };

for (const start of ["spawn", "fork"] as const) {
  Deno.test(`a plot may be drawn on by later jobs, and each state is an image (${start})`, async () => {
    await using engine = await TestEngine.started({ start });
    const first = await plot(engine, "plot(1:3)", [SMALL, VECTOR], PERSON);
    assertEquals(first.sizes, ["1 png 288x216", "1 svg 504x360"]);
    const second = await plot(engine, "abline(h = 2)", [SMALL, VECTOR], PERSON);
    assertEquals(second.sizes, ["1 png 288x216", "1 svg 504x360"]);
    assertEquals([second.stderr, second.outcome.kind], ["", "ok"]);
    assert(second.plots[0]!.bytes.length !== first.plots[0]!.bytes.length);
    assertEquals((await plot(engine, "x <- 1", [SMALL], PERSON)).sizes, []);
    const third = await plot(engine, "plot(3:1); plot(1); dev.off()", [SMALL], PERSON);
    assertEquals(third.sizes, ["1 png 288x216", "2 png 288x216"]);
    assertEquals(third.stdout, "null device \n          1 \n");
  });
}

Deno.test("a plot may be drawn on although nobody keeps it, and be kept later", async () => {
  await using engine = await TestEngine.started();
  await plot(engine, "plot(1:3)", [], PERSON);
  const second = await plot(engine, "lines(3:1)", [], PERSON);
  assertEquals([second.outcome.kind, second.sizes], ["ok", []]);
  assertEquals((await plot(engine, "points(1, 1)", [SMALL], PERSON)).sizes, ["1 png 288x216"]);
});

Deno.test("an error keeps what was drawn, and a job of nobody's begins anew", async () => {
  await using engine = await TestEngine.started();
  const failed = await plot(engine, "plot(1:3); stop('no')", [SMALL], PERSON);
  assertEquals([failed.outcome.kind, failed.sizes], ["error", ["1 png 288x216"]]);
  const aside = { mode: { ...BATCH_MODE, aside: true } };
  await plot(engine, "1", [], aside);
  assertEquals((await plot(engine, "title('on')", [SMALL], PERSON)).sizes, ["1 png 288x216"]);
  const other = await plot(engine, "cat(dev.cur()); abline(h = 1)", [SMALL]);
  assertEquals([other.stdout, other.outcome.kind], ["1", "error"]);
});
