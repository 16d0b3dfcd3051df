/**
 * Detached jobs and keys: replayed from the first event, followed, kept for a while, run once.
 */

import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { RtoolError } from "../core/errors.ts";
import { bareRequest, type Job, type Principal } from "../core/job.ts";
import { OWNER } from "../core/profile.ts";
import type { EngineOptions } from "../engine/sessions.ts";
import { collect, TestEngine, USER } from "./engine.ts";

const OTHER: Principal = { name: "other", local: false, profile: OWNER };
const signal = new AbortController().signal;

async function started(options: Partial<EngineOptions> = {}): Promise<TestEngine> {
  return await TestEngine.started({ start: "fork", ...options });
}

function attach(engine: TestEngine, id: string, after = 0, who = USER): Promise<Job> {
  return engine.sessions.attach(who, id, after, signal);
}

Deno.test("a detached job goes on when its client goes, and is replayed from its first event", async () => {
  await using engine = await started();
  const gone = new AbortController();
  const code = "cat('a\\n'); Sys.sleep(0.2); cat('b\\n'); message('c')";
  const job = await engine.submit(code, { detach: true, signal: gone.signal });
  gone.abort();
  const follower = collect(await attach(engine, job.id));
  const { stdout, stderr, outcome, starts } = await follower;
  assertEquals([stdout, stderr, outcome.kind, starts], ["a\nb\n", "c\n", "ok", 1]);
  assertEquals(await collect(await attach(engine, job.id)), await follower);
});

Deno.test("a job that is not detached is stopped when its client goes, also one with a key", async () => {
  await using engine = await started();
  for (const key of [undefined, "k"]) {
    const gone = new AbortController();
    const job = await engine.submit("cat('on'); Sys.sleep(60)", { signal: gone.signal, key });
    for await (const event of job.events) if (event.kind === "stdout") gone.abort();
    const end = key === undefined ? undefined : await collect(await attach(engine, job.id));
    const { jobs } = await engine.sessions.report(USER);
    assertEquals(jobs.filter(({ state }) => state !== "ended"), []);
    if (end) assertEquals(end.outcome, { kind: "cancelled", reason: "gone" });
  }
});

Deno.test("a reader may leave and come back to where it was", async () => {
  await using engine = await started();
  const job = await engine.submit("for (i in 1:5) message(i)", { detach: true });
  const whole = await Array.fromAsync((await attach(engine, job.id)).events);
  for (const after of [0, 1, whole.length - 1, whole.length, whole.length + 5]) {
    const rest = await Array.fromAsync((await attach(engine, job.id, after)).events);
    assertEquals(rest, whole.slice(after));
  }
});

Deno.test("a job that is looked at can be stopped by who looks", async () => {
  await using engine = await started();
  const job = await engine.submit("Sys.sleep(60)", { detach: true });
  const seen = await attach(engine, job.id);
  seen.cancel({ kind: "cancelled", reason: "client" });
  assertEquals((await collect(seen)).outcome, { kind: "cancelled", reason: "client" });
});

Deno.test("the same key gives the first job's events, however often and from whichever session", async () => {
  await using engine = await started();
  const code = "cat(runif(1)); Sys.sleep(0.1)";
  const jobs = await Promise.all([1, 2, 3].map(() => engine.submit(code, { key: "once" })));
  const ends = await Promise.all(jobs.map((job) => collect(job)));
  const late = await engine.run(code, { key: "once" });
  assertEquals(new Set([...ends, late].map(({ stdout }) => stdout)).size, 1);
  assertEquals(new Set(jobs.map(({ id }) => id)).size, 1);
  const theirs = await engine.run(code, { key: "once", principal: OTHER });
  assert(theirs.stdout !== late.stdout, "A key is its principal's own");
});

Deno.test("a key that was used for other code is refused", async () => {
  await using engine = await started();
  await engine.run("1", { key: "k" });
  const refused = await assertRejects(() => engine.submit("2", { key: "k" }), RtoolError);
  assertEquals(refused.code, "bad_request");
});

Deno.test("a job is another principal's business only when that is the server's own user", async () => {
  await using engine = await started();
  const job = await engine.submit("cat('mine')", { detach: true });
  const refused = await assertRejects(() => attach(engine, job.id, 0, OTHER), RtoolError);
  assertEquals(refused.code, "unknown_job");
  const theirs = await engine.submit("cat('theirs')", { detach: true, principal: OTHER });
  assertEquals((await collect(await attach(engine, theirs.id))).stdout, "theirs");
  const { jobs } = await engine.sessions.report(OTHER);
  assertEquals(jobs.map(({ id }) => id), [theirs.id]);
});

Deno.test("what is kept is forgotten after its time, and with it the key", async () => {
  await using engine = await started({ detachedKeepMs: 50 });
  const job = await engine.submit("cat(runif(1))", { detach: true, key: "k" });
  const first = await collect(job);
  await new Promise((resolve) => setTimeout(resolve, 150));
  assertEquals((await assertRejects(() => attach(engine, job.id), RtoolError)).code, "unknown_job");
  assert((await engine.run("cat(runif(1))", { key: "k" })).stdout !== first.stdout);
});

Deno.test("what is kept has a bound: the oldest ended goes first, then the job that has it grow", async () => {
  await using engine = await started({ detachedMax: 3e6 });
  const big = "for (i in 1:25) cat(strrep('x', 1e5))";
  const first = await engine.submit(big, { detach: true });
  assertEquals((await collect(first)).stdout.length, 2.5e6);
  const second = await engine.submit(big, { detach: true });
  assertEquals((await collect(second)).outcome.kind, "ok");
  await engine.run("1", { detach: true });
  const third = await engine.submit(`${big}; ${big}`, { detach: true });
  assertEquals((await collect(third)).outcome, { kind: "limited", limit: "output", max: 3e6 });
  const forgotten = await assertRejects(() => attach(engine, first.id), RtoolError);
  assertEquals(forgotten.code, "unknown_job");
});

Deno.test("the engine's end takes what was kept with it", async () => {
  const engine = await started();
  const job = await engine.submit("for (i in 1:25) cat(strrep('x', 1e5))", { detach: true });
  await collect(job);
  await engine.sessions[Symbol.asyncDispose]();
  assertEquals([...Deno.readDirSync(engine.dir)], []);
  await Deno.remove(engine.dir);
});

Deno.test("a waiting client is told how many are ahead, and which job holds its session", async () => {
  await using engine = await started();
  await engine.run("1");
  const first = await engine.submit("cat('on'); Sys.sleep(0.3)");
  const told: unknown[] = [];
  const second = await engine.submit("1");
  const third = await engine.submit("2", { progress: true });
  for await (const event of third.events) if (event.kind === "waiting") told.push(event);
  assertEquals(told.length > 0, true);
  const [event] = told as { ahead: number; holder: { job: string } }[];
  assertEquals([event?.ahead, event?.holder.job], [1, first.id]);
  await Promise.all([collect(first), collect(second)]);
});

Deno.test("a report names sessions and jobs, and what they use", async () => {
  await using engine = await started();
  await engine.run("x <- 1; repeat if (proc.time()[[1]] > 0.1) break", { session: "calm" });
  const busy = await engine.submit("cat('on'); Sys.sleep(60)", { session: "busy" });
  const waiting = await engine.submit("1", { session: "busy", detach: true });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { sessions, jobs, running } = await engine.sessions.report(USER);
  assertEquals(running, 1);
  const [calm, other] = ["calm", "busy"].map((name) => sessions.find((s) => s.name === name));
  assert(calm?.state === "idle" && calm.jobsDone === 1 && (calm.memoryBytes ?? 0) > 1e6);
  assert(other?.state === "busy" && other.job === busy.id && other.queued === 1);
  assertEquals(jobs.find(({ id }) => id === waiting.id)?.state, "waiting");
});

Deno.test("sessions are killed, interrupted and reset by name or id; jobs are cancelled", async () => {
  await using engine = await started();
  const control = (kind: "kill" | "interrupt" | "reset", session: string) =>
    engine.sessions.control(USER, { kind, session });
  await engine.run("x <- 1");
  const sleeper = await engine.submit("Sys.sleep(60)");
  await new Promise((resolve) => setTimeout(resolve, 50));
  await control("interrupt", "main");
  assertEquals((await collect(sleeper)).outcome.kind, "cancelled");
  assertEquals((await engine.run("cat(x)")).stdout, "1");
  await control("reset", "main");
  const reset = await engine.run("cat(exists('x'))");
  assertEquals([reset.stdout, reset.note], ["FALSE", undefined]);
  const { sessions } = await engine.sessions.report(USER);
  const killed = await engine.submit("Sys.sleep(60)");
  await control("kill", sessions[0]!.id);
  assertEquals((await collect(killed)).outcome, { kind: "cancelled", reason: "client" });
  const job = await engine.submit("Sys.sleep(60)");
  await engine.sessions.control(USER, { kind: "cancel", job: job.id });
  assertEquals((await collect(job)).outcome, { kind: "cancelled", reason: "client" });
  const refused = await assertRejects(() => control("kill", "nobody"), RtoolError);
  assertEquals(refused.code, "unknown_session");
});

Deno.test("reset lets what runs finish, and the next job waits for the clean R", async () => {
  await using engine = await started();
  const running = await engine.submit("x <- 1; Sys.sleep(0.2); cat(x)");
  const next = await engine.submit("cat(exists('x'))", { timeoutMs: 10_000 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await engine.sessions.control(USER, { kind: "reset", session: "main" });
  const [a, b] = await Promise.all([collect(running), collect(next)]);
  assertEquals([a.stdout, a.outcome.kind], ["1", "ok"]);
  // Short jobs may lie in the old R's pipe already.
  assert(["TRUE", "FALSE"].includes(b.stdout));
  assertEquals((await engine.run("cat(exists('x'))")).stdout, "FALSE");
});

Deno.test("recycle gives new sessions another R, and leaves the old ones theirs", async () => {
  await using engine = await started();
  const parent = "cat(strsplit(readLines('/proc/self/stat'), ' ')[[1]][4])";
  const old = await engine.run(parent, { session: "old" });
  // Longer than leftovers of an R that has ended are looked for.
  const running = engine.run("x <- 1; Sys.sleep(1.3); cat('here')", { session: "old" });
  await engine.sessions.control(USER, { kind: "recycle" });
  const fresh = await engine.run(parent, { session: undefined });
  assert(fresh.stdout !== old.stdout, `${fresh.stdout} should differ from ${old.stdout}`);
  assertEquals((await running).stdout, "here");
  assertEquals((await engine.run("cat(x)", { session: "old" })).stdout, "1");
  await assertRejects(() => engine.sessions.control(OTHER, { kind: "recycle" }), RtoolError);
});

Deno.test("a job of its own session needs no name to be refused as busy", async () => {
  await using engine = await started({ jobsMax: 1, queueMax: 1 });
  const open = [await engine.submit("Sys.sleep(60)", { session: undefined })];
  const events = open[0]!.events[Symbol.asyncIterator]();
  assertEquals((await events.next()).value?.kind, "started");
  open.push(await engine.submit("1", { session: undefined }));
  const startedAt = performance.now();
  const request = bareRequest("1", undefined);
  const refused = await assertRejects(
    () => engine.sessions.submit(USER, request, signal),
    RtoolError,
  );
  assertEquals(refused.code, "busy");
  assertLess(performance.now() - startedAt, 1000);
  for (const job of open) job.cancel({ kind: "cancelled", reason: "client" });
  await Promise.all([events.next(), collect(open[1]!)]);
});
