/**
 * Stop means stop, on real R: what ends a job, what it leaves of the session, and that no interrupt
 * ever meets another job.
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import type { Job, StopReason } from "../core/job.ts";
import { collect, type Ended, markedProcesses, type More, TestEngine } from "./engine.ts";
import { createRandom, SEED } from "./random.ts";

const CLIENT: StopReason = { kind: "cancelled", reason: "client" };

/** Of the engine that need not be waited for when R ignores an interrupt. */
const GRACE_MS = 300;

let engine: TestEngine;
let impatient: TestEngine;

// Two engines for all: their pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

Deno.test.beforeAll(async () => {
  [engine, impatient] = await Promise.all([
    TestEngine.started(),
    TestEngine.started({ stopGraceMs: GRACE_MS, outputMax: 100_000 }),
  ]);
});

Deno.test.afterAll(async () => {
  await Promise.all([engine[Symbol.asyncDispose](), impatient[Symbol.asyncDispose]()]);
});

function test(name: string, fn: () => Promise<void>): void {
  Deno.test(name, ACROSS_TESTS, fn);
}

test("a job that is cancelled is interrupted, and its session survives", async () => {
  await engine.run("x <- 1");
  const { outcome, receipt } = await cancelled("x <- 2; cat('on'); Sys.sleep(60); x <- 3");
  assertEquals(outcome, CLIENT);
  assertEquals([receipt.rung, receipt.sessionSurvived], ["interrupt", true]);
  assertLess(receipt.wallMs, 1500);
  assertEquals((await engine.run("cat(x)")).stdout, "2");
});

test("nothing further of a job that is cancelled is begun", async () => {
  const { stdout } = await cancelled("cat('on')\nSys.sleep(60)\ncat('further')\ny <- 1");
  assertEquals(stdout, "on");
  assertEquals((await engine.run("cat(exists('y'))")).stdout, "FALSE");
});

test("a job that catches the interrupt is cancelled all the same, and nothing further is begun", async () => {
  const code =
    "tryCatch({cat('on'); Sys.sleep(60)}, interrupt = function(e) cat(' caught'))\ncat(' no')";
  const { outcome, stdout } = await cancelled(code);
  assertEquals([outcome, stdout], [CLIENT, "on caught"]);
});

test("a job is interrupted in a child it waits for, and in a loop", async () => {
  for (const work of ["system('sleep 60')", "repeat NULL", "repeat sort(runif(1e5))"]) {
    const { outcome, receipt } = await cancelled(`cat('on'); ${work}`);
    assertEquals([outcome, receipt.rung], [CLIENT, "interrupt"], work);
  }
});

test("a time limit counts from the submission, and says how much it was", async () => {
  await engine.run("1"); // R is there: the limit is not spent on its start.
  const startedAt = performance.now();
  const { outcome, receipt } = await engine.run("Sys.sleep(60)", { timeoutMs: 200 });
  assertEquals(outcome, { kind: "timeout", limitMs: 200 });
  assertEquals([receipt.rung, receipt.sessionSurvived], ["interrupt", true]);
  const ms = performance.now() - startedAt;
  assert(ms >= 195 && ms < 5000, `${ms} ms`);
});

test("a job that ends in time is not touched by its limit", async () => {
  await engine.run("1");
  const { outcome } = await engine.run("1", { timeoutMs: 400 });
  await engine.run("Sys.sleep(0.5)");
  assertEquals(outcome, { kind: "ok" });
});

test("a waiting job is ended by its time limit while it waits, and never run", async () => {
  const first = engine.run("Sys.sleep(0.6)");
  const waiting = await Promise.all([
    engine.run("ran <- 1", { timeoutMs: 100 }),
    engine.run(`ran <- 2 # ${"long ".repeat(500)}`, { timeoutMs: 100 }),
  ].map(async (ended) => ({ ...await ended, endedAt: performance.now() })));
  const firstEnded = await first.then(() => performance.now());
  assertEquals((await engine.run("cat(exists('ran'))")).stdout, "FALSE");
  for (const { outcome, starts, endedAt } of waiting) {
    assertEquals([outcome, starts], [{ kind: "timeout", limitMs: 100 }, 0]);
    assertLess(endedAt, firstEnded - 200);
  }
});

test("a waiting job that is cancelled ends at once, and is never run", async () => {
  const first = engine.run("Sys.sleep(0.6)");
  const jobs = [await engine.submit("ran <- 1"), await engine.submit("ran <- 2")];
  const waiting = jobs.map((job) => collect(job));
  for (const job of jobs) job.cancel(CLIENT);
  const ended = await Promise.all(waiting);
  const endedAt = performance.now();
  const firstEnded = await first.then(() => performance.now());
  assertEquals((await engine.run("cat(exists('ran'))")).stdout, "FALSE");
  assertEquals(ended.map(({ outcome, starts }) => [outcome, starts]), [[CLIENT, 0], [CLIENT, 0]]);
  assertLess(endedAt, firstEnded - 200);
});

test("jobs behind one that is cancelled run once each, in order", async () => {
  await engine.run("done <- integer()");
  const first = await engine.submit("cat('on'); Sys.sleep(60)");
  const rest = Array.from({ length: 40 }, (_, n) => {
    const padding = n % 5 === 0 ? `# ${"x".repeat(1000)}` : "";
    return engine.run(`done <- c(done, ${n}L); cat(${n}) ${padding}`);
  });
  const { outcome } = await collect(first, () => first.cancel(CLIENT));
  assertEquals(outcome, CLIENT);
  const ended = await Promise.all(rest);
  assertEquals(ended.map(({ stdout }) => Number(stdout)), Array.from({ length: 40 }, (_, n) => n));
  assertEquals(ended.map(({ starts }) => starts), Array.from({ length: 40 }, () => 1));
  assertEquals((await engine.run("cat(identical(done, 0:39))")).stdout, "TRUE");
});

test("a job sent while another is being stopped waits for that, and runs", async () => {
  const job = await engine.submit("cat('on'); Sys.sleep(60)");
  let next: Promise<Ended> | undefined;
  await collect(job, () => {
    job.cancel(CLIENT);
    next = engine.run("cat('next')");
  });
  assertEquals((await next)?.stdout, "next");
});

test("a job whose client has gone is cancelled as gone", async () => {
  const gone = new AbortController();
  const job = await engine.submit("cat('on'); Sys.sleep(60)", { signal: gone.signal });
  const { outcome } = await collect(job, () => gone.abort());
  assertEquals(outcome, { kind: "cancelled", reason: "gone" });
});

test("a job that is cancelled before its session has an R is never run", async () => {
  const job = await engine.submit("cat('on')", { session: "stillborn" });
  job.cancel(CLIENT);
  const { outcome, stdout } = await collect(job);
  assertEquals([outcome, stdout], [CLIENT, ""]);
  assertEquals((await engine.run("cat(1)", { session: "stillborn" })).stdout, "1");
});

test("cancelling twice, or after the end, changes nothing", async () => {
  const job = await engine.submit("cat('on'); Sys.sleep(60)");
  const { outcome } = await collect(job, () => {
    job.cancel(CLIENT);
    job.cancel({ kind: "timeout", limitMs: 1 });
  });
  assertEquals(outcome, CLIENT);
  const ended = await engine.submit("cat('over')");
  await collect(ended);
  ended.cancel(CLIENT);
  assertEquals((await engine.run("cat('next')")).outcome, { kind: "ok" });
});

test("a job that waits for input that never comes can be cancelled, and leaves none of it", async () => {
  const { promise: never, resolve } = Promise.withResolvers<void>();
  const input = (async function* () {
    yield new TextEncoder().encode("first\nsecond");
    await never;
  })();
  const job = await engine.submit("cat(readLines(stdin(), 1)); readLines(stdin())", { input });
  const { outcome, receipt } = await collect(job, () => {
    setTimeout(() => job.cancel(CLIENT), 50); // By then R waits for the second line.
  });
  resolve();
  assertEquals(outcome, CLIENT);
  assertEquals((await engine.run("cat(length(readLines(stdin())))")).stdout, "0");
  assertEquals([receipt.rung, receipt.sessionSurvived], ["interrupt", true]);
});

test("what ignores the interrupt is killed with all it has started, also what hides", async () => {
  const code = `
    system("trap '' INT; setsid sh -c 'trap \\"\\" INT HUP TERM; sleep 1000' & sleep 1000 &")
    system("setsid sh -c '(setsid sleep 1000 &)' &")
    invisible(parallel::mcparallel(suspendInterrupts(repeat NULL), detached = TRUE))
    while (length(system("ps -e -o args= | grep '[s]leep 1000'", intern = TRUE)) < 3) NULL
    suspendInterrupts({ cat(Sys.getenv("RTOOL_WORKER")); repeat NULL })`;
  let alive = 0;
  const job = await impatient.submit(code, { session: "stubborn" });
  const startedAt = performance.now();
  const { outcome, receipt, stdout } = await collect(job, (worker) => {
    alive = markedProcesses(worker).length;
    job.cancel(CLIENT);
  });
  assertEquals([outcome, receipt.rung, receipt.sessionSurvived], [CLIENT, "kill", false]);
  assertGreater(receipt.wallMs, GRACE_MS - 20);
  assertLess(performance.now() - startedAt, GRACE_MS + 2000);
  assertGreater(alive, 3, "The children were not there yet: this proves nothing");
  assertEquals(markedProcesses(stdout), []);
  const next = await impatient.run("cat(1)", { session: "stubborn" });
  const why = "the last one had ignored an interrupt and was killed";
  assertEquals([next.stdout, next.note], ["1", `session 'stubborn' has a new R: ${why}`]);
});

test("output over its limit ends the job as limited, with all up to the limit", async () => {
  const code = 'cat("0123456789\\n"); message("x"); repeat cat("0123456789\\n")';
  const { outcome, receipt, stdout, stderr } = await impatient.run(code);
  assertEquals(outcome, { kind: "limited", limit: "output", max: 100_000 });
  assertEquals(receipt.stdoutBytes + receipt.stderrBytes, 100_000);
  assertEquals(stdout.length + stderr.length, 100_000);
  assertEquals([receipt.rung, receipt.sessionSurvived], ["interrupt", true]);
  const exact = await impatient.run('cat(strrep("x", 1e5))');
  assertEquals([exact.outcome.kind, exact.stdout.length], ["ok", 100_000]);
  assertEquals((await impatient.run("cat(1)")).stdout, "1");
});

test("jobs behind one that had to be killed run on the next R, once", async () => {
  const session = "stubborn-line";
  const first = await impatient.submit(
    "suspendInterrupts({ cat('on'); repeat NULL })",
    { session },
  );
  const rest = [1, 2, 3].map((n) => impatient.run(`cat(${n})`, { session }));
  await collect(first, () => first.cancel(CLIENT));
  const ended = await Promise.all(rest);
  assertEquals(ended.map(({ stdout, starts }) => [stdout, starts]), [["1", 1], ["2", 1], ["3", 1]]);
});

test(`no interrupt meets the job behind, whenever it comes: 200 rounds (seed ${SEED})`, async () => {
  const random = createRandom();
  const found = new Map<string, number>();
  const note = (what: string) => found.set(what, (found.get(what) ?? 0) + 1);
  await Promise.all(["a", "b"].map(async (session) => {
    await engine.run("1", { session });
    for (let round = 0; round < 100; round++) await interruptRound(session, random, note);
  }));
  const outcomes = [...found.keys()].filter((each) => each.startsWith("first "));
  const expected = ["first cancelled ", "first cancelled over", "first ok over"];
  for (const each of outcomes) assert(expected.includes(each), `${each}: ${found.get(each)}`);
  // Each is told once that it has started: until then its sender may send it again.
  assertEquals(found.get("probe ok fine, 1 start"), 400, JSON.stringify([...found]));
});

/** Cancels a job about when it ends; the probes lie behind it in R's pipe. */
async function interruptRound(
  session: string,
  random: () => number,
  note: (what: string) => void,
): Promise<void> {
  const first = await engine.submit('Sys.sleep(0.005); cat("over")', { session });
  const code = 'tryCatch({ Sys.sleep(0.005); cat("fine") }, interrupt = function(e) cat("HIT"))';
  const probes = [engine.run(code, { session }), engine.run(code, { session })];
  const ended = collect(first);
  await new Promise((resolve) => setTimeout(resolve, Math.floor(random() * 9)));
  // Below what a timer can do.
  const until = performance.now() + random();
  while (performance.now() < until);
  first.cancel(CLIENT);
  const { outcome, stdout } = await ended;
  note(`first ${outcome.kind} ${stdout}`);
  for (const probe of await Promise.all(probes)) {
    note(`probe ${probe.outcome.kind} ${probe.stdout}, ${probe.starts} start`);
  }
}

/** Runs code that says something when it is on, and cancels it then. */
async function cancelled(code: string, more: More = {}): Promise<Ended> {
  const job: Job = await engine.submit(code, more);
  return await collect(job, () => job.cancel(CLIENT));
}
