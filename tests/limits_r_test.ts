/**
 * Every limit reached on purpose: its outcome, and a session that is there for the next job.
 */

import { assert, assertEquals } from "@std/assert";
import type { LimitName } from "../core/job.ts";
import { collect, type Ended, type More, TestEngine } from "./engine.ts";

/** A limit, code that reaches it, and how the engine was told of it. */
interface Reached {
  readonly limit: LimitName;
  readonly max: number;
  readonly code: string;
  readonly more?: More;
}

const NO_LIMITS = { memoryBytes: undefined, openFiles: undefined, fileBytes: undefined };

const ASKED: readonly Reached[] = [
  { limit: "cpu", max: 300, code: "repeat sqrt(2)", more: { limits: { cpuMs: 300 } } },
  {
    limit: "cpu",
    max: 300,
    code: "system('while :; do :; done')",
    more: { limits: { cpuMs: 300 } },
  },
  {
    limit: "memory",
    max: 2e8,
    code: "x <- rep(1, 4e7); Sys.sleep(60)",
    more: { limits: { memoryBytes: 2e8 } },
  },
  {
    limit: "processes",
    max: 5,
    code: "for (i in 1:9) system('sleep 60', wait = FALSE); Sys.sleep(60)",
    more: { limits: { processes: 5 } },
  },
  {
    limit: "output",
    max: 1000,
    code: "repeat cat('more and more\\n')",
    more: { limits: { outputBytes: 1000 } },
  },
];

for (const { limit, max, code, more } of ASKED) {
  Deno.test(`a job that reaches its ${limit} limit ends as limited: ${code}`, async () => {
    await using engine = await TestEngine.started();
    const { outcome, receipt } = await engine.run(code, more);
    assertEquals(outcome, { kind: "limited", limit, max });
    assertEquals(receipt.rung, "interrupt");
    assertEquals((await engine.run("cat('next')")).stdout, "next");
  });
}

Deno.test("R that is refused memory by the system ends its job as limited, and lives", async () => {
  const memoryBytes = 600 * 2 ** 20;
  await using engine = await TestEngine.started({ systemLimits: { ...NO_LIMITS, memoryBytes } });
  const ended = await engine.run("y <- 1; x <- numeric(1e8)");
  assertEquals(ended.outcome, { kind: "limited", limit: "memory", max: memoryBytes });
  assert(ended.stderr.includes("cannot allocate vector"), ended.stderr);
  assertEquals((await engine.run("cat(y)")).stdout, "1");
});

Deno.test("R that may open no more files ends its job as limited, and lives", async () => {
  await using engine = await TestEngine.started({ systemLimits: { ...NO_LIMITS, openFiles: 170 } });
  const code = "y <- 1; for (i in 1:60) pdf(tempfile());" +
    "for (i in 1:120) assign(paste0('f', i), file(tempfile(), 'w'))";
  const ended = await engine.run(code);
  assertEquals(ended.outcome, { kind: "limited", limit: "open_files", max: 170 });
  assertEquals((await engine.run("closeAllConnections(); cat(y)")).stdout, "1");
});

Deno.test("a file that grows too large is an error of its program, not the end of R", async () => {
  const fileBytes = 1 << 20;
  await using engine = await TestEngine.started({ systemLimits: { ...NO_LIMITS, fileBytes } });
  const told = await engine.run(
    "cat(system('head -c 3000000 /dev/zero > big; echo $?', intern = TRUE))",
  );
  assertEquals([told.outcome.kind, told.stdout], ["limited", "1"]);
  const lines = "f <- file('big3', 'w'); cat(strrep('x', 2e6), file = f); close(f)";
  assertEquals((await engine.run(lines, { session: "b" })).outcome.kind, "limited");
  const written = await engine.run(
    "f <- file('big2', 'wb'); for (i in 1:40) writeBin(raw(1e5), f)",
  );
  assertEquals(written.outcome, { kind: "limited", limit: "file_size", max: fileBytes });
});

Deno.test("what R has written to a full disk is not called a success", async () => {
  await using engine = await TestEngine.started({ diskLeftMin: Number.MAX_SAFE_INTEGER });
  const { outcome } = await engine.run("writeLines('lost', 'file')");
  assertEquals(outcome, { kind: "limited", limit: "disk", max: Number.MAX_SAFE_INTEGER });
});

Deno.test("a limit of one job is not the next one's", async () => {
  await using engine = await TestEngine.started();
  await engine.run("repeat sqrt(2)", { limits: { cpuMs: 300 } });
  const busy = "t <- proc.time()[[1]]; while (proc.time()[[1]] - t < 0.8) sqrt(2)";
  assertEquals((await engine.run(busy)).outcome.kind, "ok");
  assertEquals((await engine.run(busy, { limits: { cpuMs: 60_000 } })).outcome.kind, "ok");
});

Deno.test("time spent waiting is not processor time", async () => {
  await using engine = await TestEngine.started();
  const slept = await engine.run("Sys.sleep(0.8)", { limits: { cpuMs: 300 } });
  assertEquals(slept.outcome.kind, "ok");
});

Deno.test("the receipt says what a job used", async () => {
  await using engine = await TestEngine.started();
  const code =
    "t <- proc.time()[[1]]; while (proc.time()[[1]] - t < 0.2) sqrt(2); x <- rep(1, 2e7);" +
    "cat('abc'); message('d')";
  const { receipt }: Ended = await collect(await engine.submit(code));
  assert(receipt.cpuMs !== null && receipt.cpuMs >= 190 && receipt.cpuMs < 5000);
  assert(receipt.wallMs >= 190);
  assert(receipt.peakMemoryBytes !== null && receipt.peakMemoryBytes > 1.6e8);
  assertEquals([receipt.stdoutBytes, receipt.stderrBytes], [3, 2]);
});
