/**
 * Jobs on real R: what stays from job to job, what order they run in, and what the next job is told
 * when R has gone.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { StopReason } from "../core/job.ts";
import { OWNER } from "../core/profile.ts";
import { collect, type Ended, refusal, TestEngine } from "./engine.ts";

const CLIENT: StopReason = { kind: "cancelled", reason: "client" };

let engine: TestEngine;
let placeLost: Promise<Ended>;

// One engine for all: its pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

Deno.test.beforeAll(async () => {
  engine = await TestEngine.started();
  // It takes two seconds to notice, which the other tests need not wait for.
  placeLost = engine.run('detach("Autoloads")\n1', { session: "no-marks" });
});

Deno.test.afterAll(() => engine[Symbol.asyncDispose]());

function test(name: string, fn: () => Promise<void>): void {
  Deno.test(name, ACROSS_TESTS, fn);
}

test("a job prints what R prints, each stream apart", async () => {
  const { outcome, stdout, stderr } = await engine.run('1+1\nmessage("hi")\ninvisible(3)\n"x"');
  assertEquals(outcome, { kind: "ok" });
  assertEquals([stdout, stderr], ['[1] 2\n[1] "x"\n', "hi\n"]);
});

test("a session keeps its variables from job to job, and its R", async () => {
  const first = await engine.run("x <- 41; cat(Sys.getpid())", { session: "keep" });
  const second = await engine.run("cat(Sys.getpid()); x <- x + 1", { session: "keep" });
  assertEquals((await engine.run("cat(x)", { session: "keep" })).stdout, "42");
  assertEquals(second.stdout, first.stdout);
  assertEquals([second.receipt.start, second.note], ["existing", undefined]);
});

test("sessions have variables of their own, and so have users", async () => {
  await engine.run("mine <- 1", { session: "own" });
  const look = "cat(exists('mine'))";
  assertEquals((await engine.run(look, { session: "own" })).stdout, "TRUE");
  assertEquals((await engine.run(look, { session: "other" })).stdout, "FALSE");
  const stranger = { name: "stranger", local: false, profile: OWNER };
  assertEquals((await engine.run(look, { session: "own", principal: stranger })).stdout, "FALSE");
});

test("sessions run side by side", async () => {
  const dir = await Deno.makeTempDir();
  const meet = (own: string, other: string) =>
    `file.create("${dir}/${own}"); while (!file.exists("${dir}/${other}")) Sys.sleep(0.01)`;
  const met = await Promise.all([
    engine.run(meet("a", "b"), { session: "own" }),
    engine.run(meet("b", "a"), { session: "other" }),
  ]);
  assertEquals(met.map(({ outcome }) => outcome.kind), ["ok", "ok"]);
  await Deno.remove(dir, { recursive: true });
});

test("the jobs of a session run in the order they were submitted", async () => {
  await engine.run("order <- integer()", { session: "own" });
  await Promise.all(
    Array.from(
      { length: 50 },
      (_, n) => engine.run(`order <- c(order, ${n}L)`, { session: "own" }),
    ),
  );
  assertEquals((await engine.run("cat(order)", { session: "own" })).stdout, range(50).join(" "));
});

test("500 jobs at once at one session each get their own answer", async () => {
  const jobs = range(500).map((n) => {
    const say = `cat("o${n}"); message("e${n}")`;
    // Short and long ones, with input, with many expressions, with errors.
    if (n % 41 === 7) {
      return engine.run(`${say}; cat(readLines(stdin()))`, withInput(`i${n}\n`));
    }
    if (n % 17 === 3) return engine.run(`${say}\n# ${"x".repeat(2000)}`);
    if (n % 13 === 2) return engine.run(`${say}\n${"1;".repeat(40)}`);
    if (n % 11 === 1) return engine.run(`${say}; stop("s${n}")`);
    return engine.run(say);
  });
  for (const [n, ended] of (await Promise.all(jobs)).entries()) {
    const printed = n % 13 === 2 && n % 17 !== 3 && n % 41 !== 7 ? "[1] 1\n".repeat(40) : "";
    assertEquals(ended.stdout, `o${n}${n % 41 === 7 ? `i${n}` : printed}`);
    assertMatch(ended.stderr, new RegExp(`^e${n}\n(Error.* s${n}\n)?$`));
    assertEquals(ended.conditions.map(({ text }) => text), [`e${n}\n`]);
    assertEquals(ended.starts, 1);
    if (ended.outcome.kind === "error") assertEquals(ended.outcome.error.text, `s${n}`);
  }
});

test("an error ends the job with what R knows of it, and the rest is not run", async () => {
  const code = 'f <- function(x) stop("no ", x)\nf(3)\ncat("not reached")';
  const { outcome, stdout, stderr } = await engine.run(code);
  assert(outcome.kind === "error");
  const { kind, text, call, classes, traceback } = outcome.error;
  assertEquals([kind, text, call, classes], [
    "error",
    "no 3",
    "f(3)",
    ["simpleError", "error", "condition"],
  ]);
  assertEquals(traceback?.[0], "f(3)");
  assertEquals([outcome.halted, stdout, stderr], [false, "", "Error in f(3) : no 3\n"]);
});

test("code that does not parse fails in R's words, behind what comes before it", async () => {
  const wrong = await engine.run('cat("a")\n1 +* 2\ncat("b")');
  assertEquals([wrong.outcome.kind, wrong.stdout], ["error", "a"]);
  assertMatch(wrong.stderr, /^Error: unexpected '\*'/);
  const cut = await engine.run("f(1,");
  assertEquals([cut.outcome.kind, cut.stderr], ["error", "Error: unexpected end of input\n"]);
});

test("messages and warnings nobody catches are told as such, also when they are many", async () => {
  const { conditions } = await engine.run(
    'warning("w"); message("m"); f <- function() warning("g"); f()',
  );
  assertEquals(conditions.map(({ kind, text, call }) => [kind, text, call]), [
    ["warning", "w", null],
    ["message", "m\n", 'message("m")'],
    ["warning", "g", "f()"],
  ]);
  const many = await engine.run(
    "for (i in 1:1500) suppressMessages(message(i))\n".repeat(1) +
      "for (i in 1:1500) message(i)",
  );
  assertEquals([many.conditions.length, many.receipt.eventsDropped], [1000, 500]);
});

test("quit() ends the session with its status, and the next job is told", async () => {
  const quit = await engine.run("x <- 1; quit(status = 3)\ncat('no')", { session: "quits" });
  assertEquals([quit.outcome, quit.stdout], [{ kind: "quit", status: 3 }, ""]);
  assertEquals(quit.receipt.sessionSurvived, false);
  const next = await engine.run("cat(exists('x'))", { session: "quits" });
  assertEquals(next.stdout, "FALSE");
  assertEquals(next.note, "session 'quits' has a new R: the last one had quit with status 3");
  assertEquals((await engine.run("1", { session: "quits" })).note, undefined);
});

test("an R that dies of a signal is a crash with its last words, and the next job is told", async () => {
  const code = "tools::pskill(Sys.getpid(), 11); Sys.sleep(5)";
  const { outcome, receipt } = await engine.run(code, { session: "dies" });
  assert(outcome.kind === "crashed");
  assertEquals([outcome.signal, outcome.status, receipt.cpuMs], ["SIGSEGV", null, null]);
  assertStringIncludes(outcome.message, "R is aborting now");
  const next = await engine.run("cat(1)", { session: "dies" });
  assertEquals(next.note, "session 'dies' has a new R: the last one had died of SIGSEGV");
});

test("jobs behind one that kills R run on the next R, once, and only the first is told", async () => {
  const session = "dies-in-line";
  await engine.run("1", { session });
  const jobs = [
    engine.run("tools::pskill(Sys.getpid(), 9); Sys.sleep(5)", { session }),
    ...range(3).map((n) => engine.run(`n <- c(if (exists("n")) n, ${n}); cat(n)`, { session })),
  ];
  const [killed, ...rest] = await Promise.all(jobs);
  assertEquals(killed?.outcome.kind, "crashed");
  assertEquals(rest.map(({ stdout }) => stdout), ["0", "0 1", "0 1 2"]);
  assertEquals(rest.map(({ starts }) => starts), [1, 1, 1]);
  assertEquals(rest.map(({ note }) => note !== undefined), [true, false, false]);
});

test("an R that dies while nobody uses it is noticed, and the next job is told", async () => {
  const session = "dies-idle";
  const pid = Number((await engine.run("cat(Sys.getpid())", { session })).stdout);
  Deno.kill(pid, "SIGKILL");
  // A job sent in the same moment may still meet the dying R: it is not run again by itself.
  const first = await engine.run("cat(1)", { session });
  const told = first.outcome.kind === "ok" ? first : await engine.run("cat(1)", { session });
  assertEquals([told.outcome.kind, told.stdout], ["ok", "1"]);
  assertStringIncludes(told.note ?? "", "had died of SIGKILL");
});

test("browser() ends the job as an error, and the session goes on", async () => {
  for (const code of ["f <- function() browser(); f()", "g <- function() 1; debug(g); g()"]) {
    const { outcome, stderr } = await engine.run(`${code}\ncat("no")`, { session: "own" });
    assert(outcome.kind === "error", code);
    assertStringIncludes(outcome.error.text ?? "", "no debugger");
    assertStringIncludes(stderr, "no debugger");
    const next = await engine.run("cat(6*7)", { session: "own" });
    assertEquals([next.stdout, next.note], ["42", undefined]);
  }
});

test("a job that would wait for the job it was sent from is refused, and only that", async () => {
  const worker = Promise.withResolvers<string>();
  const outer = await engine.submit('cat(Sys.getenv("RTOOL_WORKER")); Sys.sleep(60)');
  const ended = collect(outer, worker.resolve);
  const within = await worker.promise;
  const deadlock = await refusal(engine, "1", { within });
  assertEquals(deadlock.code, "deadlock");
  assertStringIncludes(deadlock.message, "'main'");
  assertStringIncludes(deadlock.hint ?? "", "--session");
  assertEquals((await engine.run("cat(1)", { within, session: "inner" })).stdout, "1");
  const inner = await engine.submit('cat(Sys.getenv("RTOOL_WORKER")); Sys.sleep(60)', {
    within,
    session: "inner",
  });
  const innerWorker = Promise.withResolvers<string>();
  const innerEnded = collect(inner, innerWorker.resolve);
  const around = await refusal(engine, "1", { within: await innerWorker.promise });
  assertEquals(around.code, "deadlock");
  for (const job of [outer, inner]) job.cancel(CLIENT);
  await Promise.all([ended, innerEnded]);
  assertEquals((await engine.run("cat(1)", { within })).stdout, "1");
});

test("an R whose marks were taken away is found out, and the next job is told", async () => {
  const { outcome } = await placeLost;
  assertEquals(outcome.kind, "crashed");
  const next = await engine.run("cat(1)", { session: "no-marks" });
  assertEquals(next.stdout, "1");
  assertStringIncludes(next.note ?? "", "had lost its command channel to the code it ran");
});

test("a job's settings are its own, and gone after it, however it ends", async () => {
  const look = 'cat(Sys.getenv("V", "none"), getOption("width"), getwd() == "/", "\\n")';
  const settings = { env: { V: "set" }, width: 123, cwd: "/" };
  for (const end of ["", "stop()", "invokeRestart('abort')", "1 +* 2"]) {
    assertEquals((await engine.run(`${look}\n${end}`, settings)).stdout, "set 123 TRUE \n");
    assertEquals((await engine.run(look)).stdout, "none 80 FALSE \n");
  }
});

test("a job without arguments does not see those of the last one", async () => {
  const args = ["--args", "a b", 'q"'];
  assertEquals((await engine.run("cat(commandArgs(TRUE))", { args })).stdout, 'a b q"');
  assertEquals((await engine.run("cat(commandArgs(TRUE))")).stdout, "");
});

test("arguments and variables arrive whole, whatever is in them and however long they are", async () => {
  const values = ['",", "', "\\", "\n\t\u0001", "naïve 😀", "x".repeat(10_000), "é".repeat(5000)];
  const faults: string[] = [];
  for (const each of [...values, '",'.repeat(500)]) {
    const code = 'cat(utf8ToInt(commandArgs(TRUE)), "|", utf8ToInt(Sys.getenv("V")))';
    const more = { args: ["--args", each], env: { V: each } };
    const { stdout, stderr } = await engine.run(code, more);
    const points = [...each].map((character) => character.codePointAt(0)).join(" ");
    if (stdout !== `${points} | ${points}` || stderr !== "") faults.push(each.slice(0, 9) + stderr);
  }
  assertEquals(faults, []);
});

test("a working directory R may not enter is refused before anything runs", async () => {
  const { outcome, stdout } = await engine.run("cat(1)", { cwd: "/no/such/directory" });
  assert(outcome.kind === "rejected");
  assertEquals([outcome.code, stdout], ["bad_request", ""]);
  assertStringIncludes(outcome.message, "/no/such/directory");
});

test("a job reads its own input, and what it leaves is not the next one's", async () => {
  const read = "cat(readLines(stdin(), n = 1))";
  assertEquals((await engine.run(read, withInput("one\ntwo\n"))).stdout, "one");
  assertEquals((await engine.run(read)).stdout, "");
  assertEquals((await engine.run(read, withInput("three\n"))).stdout, "three");
  const big = withInput("x".repeat(1 << 20) + "\n");
  assertEquals((await engine.run("cat(nchar(readLines(stdin())))", big)).stdout, String(1 << 20));
  assertEquals((await engine.run("cat(1)", big)).stdout, "1");
});

test("no byte is lost when the reader of a job is late", async () => {
  const job = await engine.submit('for (i in 1:600) cat(strrep("x", 65536)); message("done")');
  await new Promise((resolve) => setTimeout(resolve, 50));
  let bytes = 0;
  for await (const event of job.events) if (event.kind === "stdout") bytes += event.bytes.length;
  assertEquals(bytes, 600 * 65536);
});

test("a receipt says what a job has used", async () => {
  const busy =
    "t <- proc.time()[[1]]; while (proc.time()[[1]] - t < 0.1) NULL; cat('abc'); message('d')";
  const { receipt } = await engine.run(busy);
  assert(receipt.wallMs >= 100 && receipt.wallMs < 5000, `${receipt.wallMs} ms`);
  assert(receipt.cpuMs! >= 80 && receipt.cpuMs! < 5000, `${receipt.cpuMs} ms`);
  assert(receipt.peakMemoryBytes! > 20 << 20);
  assertEquals([receipt.stdoutBytes, receipt.stderrBytes], [3, 2]);
  assertEquals([receipt.rung, receipt.sessionSurvived], ["none", true]);
});

function withInput(text: string): { input: AsyncIterable<Uint8Array> } {
  const bytes = new TextEncoder().encode(text);
  return {
    input: (async function* () {
      yield await Promise.resolve(bytes);
    })(),
  };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
