/**
 * Plots on real R: how many images there are, of which size, when they come, and what stays as it
 * was.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PlotVariant } from "../core/item.ts";
import { BARE, TestEngine } from "./engine.ts";
import { type Plot, plot } from "./plots.ts";

const SMALL: PlotVariant = { format: "png", width: 4, height: 3, dpi: 72 };
const TALL: PlotVariant = { format: "png", width: 3, height: 5, dpi: 100 };
const VECTOR: PlotVariant = { format: "svg", width: 7, height: 5, dpi: 144 };

for (const start of ["spawn", "fork"] as const) {
  Deno.test(`each page becomes an image of the size that is wanted (${start})`, async () => {
    await using engine = await TestEngine.started({ start });
    const { sizes, receipt, stdout } = await plot(engine, "plot(1)\nplot(2)\nlines(1)\n1", [SMALL]);
    assertEquals(sizes, ["1 png 288x216", "2 png 288x216"]);
    assertEquals([receipt.plots, stdout], [2, "[1] 1\n"]);
    const next = await plot(engine, "plot(3); dev.off()", [TALL]);
    assertEquals(next.sizes, ["1 png 300x500"]);
    assertEquals(next.stdout, "null device \n          1 \n");
    const fresh = await plot(engine, "hist(1:5)", [VECTOR], { session: undefined });
    assertEquals(fresh.sizes, ["1 svg 504x360"]);
  });
}

Deno.test("a page drawn again in another size is what R draws in that size at once", async () => {
  await using engine = await TestEngine.started();
  const coarse = { ...TALL, dpi: 60 };
  const scripts = [
    [VECTOR, "plot(1:3, main = 'a'); lines(3:1)"],
    [VECTOR, "par(mfrow = c(2, 2)); for (i in 1:4) barplot(1:i)"],
    [VECTOR, "library(grid); grid.newpage(); grid.rect(width = 0.5); grid.text('a', 0.1, 0.1)"],
    // These look at the device to find their layout, which is the first one's.
    [coarse, "layout(matrix(c(1, 1, 2, 3), 2)); plot(1); pie(1:3); plot(3)"],
    [coarse, "library(lattice); xyplot(mpg ~ wt | factor(cyl), mtcars)"],
  ] as const;
  for (const [first, script] of scripts) {
    const [, again] = (await plot(engine, script, [first, TALL])).plots;
    const [direct] = (await plot(engine, script, [TALL])).plots;
    assertEquals(direct!.size, "300x500");
    assert(sameBytes(again!, direct!), script);
  }
});

Deno.test("ggplot2 draws its pages in every way that is wanted", async () => {
  await using engine = await TestEngine.started();
  const code = `
    suppressPackageStartupMessages(library(ggplot2))
    p <- ggplot(mtcars, aes(wt, mpg, colour = factor(cyl))) + geom_point()
    p
    p + facet_wrap(~gear)
    ggsave("own.png", p, width = 2, height = 2)`;
  const { sizes, plots, stderr } = await plot(engine, code, [SMALL, VECTOR]);
  assertEquals(sizes, ["1 png 288x216", "1 svg 504x360", "2 png 288x216", "2 svg 504x360"]);
  const points = plots.map(({ format, bytes }) => {
    return format === "svg" &&
      new TextDecoder().decode(bytes).match(/fill:rgb\(97\.\d+%,/g)?.length;
  });
  assertEquals(points, [false, 12, false, 12], "4 cylinders, in the plot and in its legend");
  assertEquals(stderr, "");
});

Deno.test("every page comes in all ways that are wanted, also when the code closes the device", async () => {
  await using engine = await TestEngine.started();
  const code = "for (i in 1:2) plot(i)\ninvisible(dev.off())\nlocal({ plot(3); graphics.off() })\n";
  const { sizes, plots, receipt } = await plot(engine, code, [SMALL, VECTOR, TALL]);
  assertEquals(
    sizes,
    [1, 2, 3].flatMap((page) => [
      ...[`${page} png 288x216`, `${page} svg 504x360`, `${page} png 300x500`],
    ]),
  );
  assertEquals(plots.every(({ problem }) => problem === undefined), true);
  assertEquals(receipt.plots, 3);
  const after = await plot(engine, "deparse(dev.off)[[1]]; length(body(dev.off))", []);
  assertEquals(after.stdout, '[1] "function (which = dev.cur()) "\n[1] 4\n');
});

Deno.test("a page of several figures is complete when it is full, and a new one follows", async () => {
  await using engine = await TestEngine.started();
  const mfrow = "par(mfrow = c(1, 2)); for (i in 1:5) plot(i)";
  assertEquals((await plot(engine, mfrow, [SMALL, TALL])).plots.length, 6);
  assertEquals((await plot(engine, mfrow, [])).receipt.plots, 3);
  const layout = "layout(matrix(c(2, 1), 1)); for (i in 1:4) plot(i); par(new = TRUE); plot(1)";
  assertEquals((await plot(engine, layout, [VECTOR])).plots.length, 2);
  assertEquals((await plot(engine, layout, [])).receipt.plots, 2);
  const grid =
    "library(grid); grid.newpage(); grid.rect(); grid.newpage(); print(lattice::xyplot(1~1))";
  assertEquals((await plot(engine, grid, [SMALL])).plots.length, 3);
  assertEquals((await plot(engine, grid, [])).receipt.plots, 3);
});

for (const code of ["plot(2)", "dev.off()", "graphics.off()"]) {
  Deno.test(`a page is sent when ${code} has ended it, while the expression goes on`, async () => {
    await using engine = await TestEngine.started();
    const seen = Promise.withResolvers<void>();
    const input = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        await seen.promise;
        controller.enqueue(new TextEncoder().encode("seen\n"));
        controller.close();
      },
    });
    const script = `local({ plot(1); ${code}; cat(readLines(stdin(), 1)) })`;
    const { stdout } = await plot(engine, script, [SMALL], { input, onPlot: seen.resolve });
    assertEquals(stdout, "seen");
  });
}

Deno.test("what is drawn of a page when the code fails or quits is sent", async () => {
  await using engine = await TestEngine.started();
  const whole = await plot(engine, "plot(1:3)", [SMALL, TALL]);
  const failed = await plot(engine, "local({ plot(1:3); stop('no') })", [SMALL, TALL]);
  assertEquals([failed.outcome.kind, failed.receipt.plots], ["error", 1]);
  assert(failed.plots.every((each, i) => sameBytes(each, whole.plots[i]!)));
  const quit = await plot(engine, "plot(1:3); quit(status = 3)", [SMALL, TALL]);
  assertEquals([quit.outcome, quit.receipt.plots], [{ kind: "quit", status: 3 }, 1]);
  assert(quit.plots.every((each, i) => sameBytes(each, whole.plots[i]!)));
});

Deno.test("a job that is stopped hands over its pages, and its session stays", async () => {
  await using engine = await TestEngine.started();
  const stop = new AbortController();
  const code = "plot(1); plot(2); x <- 5; cat('here'); Sys.sleep(60)";
  const watched = { signal: stop.signal, onOutput: () => stop.abort() };
  const stopped = await plot(engine, code, [SMALL], watched);
  assertEquals(stopped.outcome.kind, "cancelled");
  assertEquals(stopped.sizes, ["1 png 288x216", "2 png 288x216"]);
  assertEquals((await plot(engine, "x; dev.list()", [])).stdout, "[1] 5\nNULL\n");
});

Deno.test("plots nobody wants are counted, and there is no Rplots.pdf", async () => {
  await using engine = await TestEngine.started();
  const code = "plot(1); plot(2); dev.cur(); f <- dev.off(); plot(3); file.exists('Rplots.pdf')";
  const { plots, stdout, receipt } = await plot(engine, code, []);
  assertEquals([plots, stdout, receipt.plots], [[], "pdf \n  2 \n[1] FALSE\n", 3]);
  const none = await plot(engine, "invisible(par(mar = c(1, 1, 1, 1)))", []);
  assertEquals(none.receipt.plots, 0);
  assertEquals((await plot(engine, "invisible(par('mar'))", [SMALL])).plots, []);
  assertEquals((await plot(engine, "invisible(par('mar'))", [VECTOR])).plots, []);
});

Deno.test("devices the code opens are its own, and stay open behind the job", async () => {
  await using engine = await TestEngine.started();
  const code = "pdf('own.pdf'); plot(1); dev.new(); plot(2)\nfile.exists('Rplots.pdf')";
  const { sizes, stdout } = await plot(engine, code, [SMALL, VECTOR]);
  assertEquals(sizes, ["1 png 288x216", "1 svg 504x360"]);
  assertEquals(stdout, "[1] FALSE\n");
  const next = await plot(engine, "dev.list(); plot(2); d <- dev.off(); file.size('own.pdf') > 0", [
    SMALL,
  ]);
  assertEquals(next.stdout, "pdf \n  2 \n[1] TRUE\n");
  assertEquals(next.receipt.plots, 0);
});

Deno.test("options(device = ) of the code holds, and plots on it are the code's own", async () => {
  await using engine = await TestEngine.started();
  const code = "options(device = function() pdf('mine.pdf'))\nplot(1)\nfile.exists('mine.pdf')";
  const { plots, stdout, receipt } = await plot(engine, code, [SMALL]);
  assertEquals([plots, stdout, receipt.plots], [[], "[1] TRUE\n", 0]);
});

Deno.test("hooks, random numbers, warnings and .Last.value are the code's own", async () => {
  await using engine = await TestEngine.started();
  const code = `
    set.seed(1); expected <- { set.seed(1); runif(1) }; set.seed(1)
    setHook("plot.new", function() cat("hook", sys.nframe() > 0, "\\n"))
    5; plot(1); .Last.value; plot(2); runif(1) == expected
    warnings()`;
  const { stdout, stderr } = await plot(engine, code, [SMALL, TALL]);
  assertEquals(stdout, "[1] 5\nhook TRUE \nNULL\nhook TRUE \n[1] TRUE\n");
  assertEquals(stderr, "");
  const after = await plot(
    engine,
    'length(getHook("plot.new")); length(getHook("grid.newpage"))',
    [],
  );
  assertEquals(after.stdout, "[1] 1\n[1] 0\n");
});

Deno.test("a forked child draws nothing of what its parent sends", async () => {
  await using engine = await TestEngine.started();
  const children = "x <- parallel::mclapply(1:2, function(i) { plot(i); plot(i); dev.list() })";
  const alone = await plot(engine, "plot(1:3); lines(3:1)", [SMALL]);
  const { plots, stdout } = await plot(engine, `plot(1:3); ${children}; lines(3:1)`, [SMALL]);
  assertEquals(plots.length, 1);
  assert(sameBytes(plots[0]!, alone.plots[0]!));
  assertEquals(stdout, "");
  const none = await plot(engine, `${children}; file.exists("Rplots.pdf")`, [SMALL]);
  assertEquals([none.plots, none.stdout], [[], "[1] FALSE\n"]);
});

Deno.test("plots beyond the bounds of their number and size are not sent", async () => {
  await using engine = await TestEngine.started({ plotsMax: 3, plotSizeMax: 4000 });
  const many = await plot(engine, "for (i in 1:6) plot.new()", [SMALL]);
  const problems = many.plots.map(({ problem }) => problem);
  assertEquals(problems, [undefined, undefined, undefined, "more than 3 plots"]);
  assertEquals(many.receipt.plots, 6);
  const large = await plot(engine, "plot(1:100)", [{ ...SMALL, dpi: 300 }]);
  assertEquals(large.plots[0]!.problem, "it is larger than it may be");
  const { stdout } = await plot(engine, "list.files('..', pattern = 'plots')", []);
  assertEquals(stdout, "character(0)\n");
});

Deno.test("a size R cannot draw is told with each page, and the code goes on", async () => {
  await using engine = await TestEngine.started();
  const huge: PlotVariant = { format: "png", width: 100, height: 100, dpi: 10_000 };
  const { plots, stdout, stderr } = await plot(engine, "plot(1); plot(2); 3", [huge]);
  assertEquals(plots.map(({ page }) => page), [1, 2]);
  assertMatch(plots[0]!.problem!, /^R cannot draw it: /);
  assertEquals([stdout, stderr], ["[1] 3\n", ""]);
  const second = await plot(engine, "plot(1)", [SMALL, huge]);
  assertEquals(second.plots.map(({ problem }) => problem !== undefined), [false, true]);
});

Deno.test("a job without plots loads nothing for them", async () => {
  await using engine = await TestEngine.started(BARE);
  const code = "any(c('graphics', 'grDevices') %in% loadedNamespaces()); length(.Devices)";
  const { stdout } = await plot(engine, code, [SMALL]);
  assertEquals(stdout, "[1] FALSE\n[1] 1\n");
  assertEquals((await plot(engine, "graphics::plot.new()", [SMALL])).sizes, ["1 png 288x216"]);
});

function sameBytes(a: Plot, b: Plot): boolean {
  return a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
}
