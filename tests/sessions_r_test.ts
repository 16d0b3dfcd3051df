/**
 * Bounds of the engine on real R: each is a feature, with a word for whoever meets it; and what is
 * left when it ends.
 */

import { maybeStat } from "../engine/process_table.ts";
import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { type ErrorCode, RtoolError } from "../core/errors.ts";
import type { StopReason } from "../core/job.ts";
import type { Report } from "../core/report.ts";
import type { EngineOptions } from "../engine/sessions.ts";
import { BARE, collect, markedProcesses, refusal, TestEngine, USER } from "./engine.ts";

const CLIENT: StopReason = { kind: "cancelled", reason: "client" };

Deno.test("no more sessions evaluate at once than may; the others wait their turn", async () => {
  await using engine = await startEngine({ jobsMax: 2 });
  const go = `${engine.dir}/go`;
  const code = `cat('on'); while (!file.exists('${go}')) Sys.sleep(0.005)`;
  const sessions = ["a", "b", "c", "d"];
  const jobs = await Promise.all(sessions.map((session) => engine.submit(code, { session })));
  let [running, most] = [0, 0];
  let report: Promise<Report> | undefined;
  const began = () => {
    most = Math.max(most, ++running);
    if (running < 2) return;
    report ??= engine.sessions.report(USER);
    Deno.writeTextFileSync(go, "");
  };
  await Promise.all(jobs.map(async (job) => {
    const { outcome } = await collect(job, began);
    running--;
    assertEquals(outcome, { kind: "ok" });
  }));
  const seen = await report;
  assertEquals([seen?.running, seen?.queued], [2, 2]);
  assertEquals(most, 2);
});

Deno.test("a session with a long line of jobs does not keep another waiting behind all of it", async () => {
  await using engine = await startEngine({ jobsMax: 1 });
  const ended: string[] = [];
  const many = Array.from({ length: 40 }, async (_, n) => {
    await engine.run("Sys.sleep(0.005)", { session: "many" });
    ended.push(`many ${n}`);
  });
  const few = engine.run("1", { session: "few" }).then(() => ended.push("few"));
  await Promise.all([...many, few]);
  assertLess(ended.indexOf("few"), 30);
});

Deno.test("a session whose job is cancelled while it waits for a place holds nobody up", async () => {
  await using engine = await startEngine({ jobsMax: 1 });
  const first = engine.run("Sys.sleep(0.1)", { session: "a" });
  const cancelled = await engine.submit("1", { session: "b" });
  const others = ["c", "a"].map((session) => engine.run("cat(1)", { session }));
  cancelled.cancel(CLIENT);
  assertEquals((await collect(cancelled)).outcome, CLIENT);
  await first;
  assertEquals((await Promise.all(others)).map(({ stdout }) => stdout), ["1", "1"]);
});

Deno.test("many more sessions than places: all have their turn", async () => {
  await using engine = await startEngine({ jobsMax: 2 });
  const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
  const ends = await Promise.all([...names, ...names].map((session) => {
    return engine.run(`cat('${session}')`, { session });
  }));
  assertEquals(ends.map(({ stdout }) => stdout), [...names, ...names]);
});

Deno.test("more jobs than may wait are refused as busy, and taken again when there is room", async () => {
  await using engine = await startEngine({ jobsMax: 1, queueMax: 2 });
  const first = await engine.submit("cat('on'); Sys.sleep(60)");
  const started = Promise.withResolvers<void>();
  const ended = collect(first, () => started.resolve());
  await started.promise;
  const waiting = [engine.run("cat(1)"), engine.run("cat(2)", { session: "other" })];
  await Promise.resolve();
  for (const session of ["main", "third"]) {
    const busy = await refusal(engine, "1", { session });
    assertEquals(busy.code, "busy");
    assertStringIncludes(busy.message, "2 wait");
  }
  first.cancel(CLIENT);
  await ended;
  assertEquals((await Promise.all(waiting)).map(({ stdout }) => stdout), ["1", "2"]);
  assertEquals((await engine.run("cat(3)")).stdout, "3");
});

Deno.test("a session that is not used for a while loses its R; a long job is use", async () => {
  await using engine = await startEngine({ sessionIdleMs: 40 });
  const code = "x <- 1; Sys.sleep(0.15); cat(Sys.getpid())";
  const { outcome, stdout: pid } = await engine.run(code);
  assertEquals(outcome, { kind: "ok" });
  await until(() => maybeStat(Number(pid)) === undefined || undefined);
  assertEquals((await engine.run("cat(exists('x'))")).stdout, "FALSE");
});

Deno.test("more sessions than may be are refused, and one that has quit makes room and is forgotten", async () => {
  const sessionIdleMs = 800;
  await using engine = await startEngine({ sessionsMax: 1, sessionIdleMs });
  const run = (code: string, session: string) => {
    return until(() => engine.run(code, { session }).catch(() => undefined));
  };
  const startedAt = performance.now();
  await run("1", "a");
  assertEquals((await refusal(engine, "1", { session: "b" })).code, "too_many_sessions");
  await run("quit()", "a");
  await run("quit()", "b"); // Takes the only place: the first "a" is forgotten.
  await run("x <- 1", "a");
  // Nothing of the first "a" may end the second one.
  while (performance.now() - startedAt < sessionIdleMs + 200) {
    assertEquals((await run("cat(exists('x'))", "a")).stdout, "TRUE");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

Deno.test("drain() lets what runs and waits finish, and refuses what is new", async () => {
  await using engine = await startEngine();
  const jobs = [
    engine.run("Sys.sleep(0.1); cat(1)"),
    engine.run("cat(2)"),
    engine.run("cat(3)", { session: "b" }),
  ];
  await Promise.resolve();
  const drained = engine.sessions.drain(new AbortController().signal);
  assertEquals((await refusal(engine, "1")).code, "draining");
  await drained;
  assertEquals((await Promise.all(jobs)).map(({ stdout }) => stdout), ["1", "2", "3"]);
});

Deno.test("drain() that may not wait stops what runs, and what waits is never run", async () => {
  await using engine = await startEngine();
  const running = engine.run("cat('on'); Sys.sleep(60)");
  const waiting = [engine.run("cat('no')"), engine.run(`cat('no') # ${"x".repeat(1000)}`)];
  await Promise.resolve();
  await engine.sessions.drain(AbortSignal.timeout(200));
  for (const { outcome, stdout } of [await running, ...await Promise.all(waiting)]) {
    assertEquals(outcome, { kind: "cancelled", reason: "shutdown" });
    assert(!stdout.includes("no"));
  }
});

Deno.test("drain() of an engine without jobs is done at once", async () => {
  await using engine = new TestEngine();
  await engine.sessions.drain(new AbortController().signal);
});

Deno.test("an engine that ends leaves no process and no file, whatever its jobs are at", async () => {
  const engine = await startEngine();
  const workers: string[] = [];
  const started = Promise.withResolvers<void>();
  const jobs = ["a", "b"].map(async (session) => {
    const code =
      'system("setsid sleep 1000 &"); cat(Sys.getenv("RTOOL_WORKER")); repeat Sys.sleep(9)';
    return await collect(await engine.submit(code, { session }), (worker) => {
      workers.push(worker);
      if (workers.length === 2) started.resolve();
    });
  });
  await started.promise;
  await engine.sessions[Symbol.asyncDispose]();
  for (const { outcome } of await Promise.all(jobs)) {
    assertEquals(outcome, { kind: "cancelled", reason: "shutdown" });
  }
  for (const worker of workers) assertEquals(markedProcesses(worker), []);
  assertEquals([...Deno.readDirSync(engine.dir)], []);
  await Deno.remove(engine.dir);
});

Deno.test("an R that cannot be started is said to be so, to the server and to every job", async () => {
  const faults: readonly (readonly [command: string, word: string])[] = [
    ["/no/such/R", "/no/such/R"],
    ["false", "it ended at once"],
    ["echo", ""],
  ];
  for (const [command, word] of faults) {
    await using engine = new TestEngine({ command });
    const refused = await assertRejects(() => engine.sessions.start(), RtoolError);
    assertEquals(refused.code, "r_unavailable");
    assertStringIncludes(refused.message, word);
    const { outcome } = await engine.run("1");
    assert(outcome.kind === "rejected");
    assertEquals(outcome.code satisfies ErrorCode, "r_unavailable");
    assertEquals([...Deno.readDirSync(engine.dir)], []);
  }
});

Deno.test("a job of a client that has gone before it was taken is not taken", async () => {
  await using engine = new TestEngine();
  const gone = AbortSignal.abort();
  await assertRejects(() => engine.run("1", { signal: gone }));
  await engine.sessions.drain(new AbortController().signal);
});

function startEngine(options: Partial<EngineOptions> = {}): Promise<TestEngine> {
  return TestEngine.started({ ...BARE, ...options });
}

/** Tries until there is something; nothing else tells when a process has gone. */
async function until<T>(tryOnce: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const found = await tryOnce();
    if (found !== undefined) return found;
    assertLess(performance.now() - startedAt, 5000);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
