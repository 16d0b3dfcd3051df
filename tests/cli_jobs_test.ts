/**
 * The commands that look at jobs and sessions, run as processes against a server of a few lines.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Evaluator, JobEvent, JobRequest } from "../core/job.ts";
import { EMPTY_RECEIPT } from "../core/job.ts";
import type { ControlCommand } from "../core/report.ts";
import { jobFields, reportFields, sessionFields } from "../messages_report.ts";
import { rtool, type RunOptions, spawnRtool, text } from "./e2e/rtool.ts";
import { aborted, createEvaluator, ECHO, fakeEvaluator, okEnd } from "./fake_port.ts";
import { REPORT, SLEEPER, startPort } from "./fake_port.ts";

const JOB = REPORT.jobs[0]!;
const ENDED = { ...JOB, id: "f".repeat(32), state: "ended" as const, outcome: "ok" };

/** Runs a command against an evaluator. */
async function run(evaluator: Evaluator, args: readonly string[], options: RunOptions = {}) {
  await using server = startPort(evaluator);
  const [command, ...rest] = args;
  const ended = await rtool([command!, "-p", String(server.port), ...rest], options);
  return { code: ended.code, stdout: text(ended.stdout), stderr: text(ended.stderr) };
}

/** An evaluator that notes what it is asked for, and ends every job well. */
function noting(): { evaluator: Evaluator; requests: JobRequest[] } {
  const requests: JobRequest[] = [];
  const evaluator = createEvaluator(async function* (request) {
    requests.push(request);
    yield await Promise.resolve(okEnd());
  });
  return { evaluator, requests };
}

Deno.test("`rtool send` asks for what its options say", async () => {
  const { evaluator, requests } = noting();
  const limits = ["--cpu", "2s", "--memory", "1GiB", "--output", "1MB", "--processes", "3"];
  const args = ["send", "--fresh", "--key", "k-1", ...limits, "-e", "1"];
  assertEquals((await run(evaluator, args)).code, 0);
  const { session, key, detach, progress, limits: asked } = requests[0]!;
  assertEquals({ session, key, detach, progress }, {
    session: undefined,
    key: "k-1",
    detach: false,
    progress: false,
  });
  assertEquals(asked, { cpuMs: 2000, memoryBytes: 2 ** 30, outputBytes: 1e6, processes: 3 });
});

Deno.test("`rtool send --fresh` needs no session's name, whatever else names one", async () => {
  const { evaluator, requests } = noting();
  const env = { RTOOL_SESSION: "other" };
  await run(evaluator, ["send", "-e", "1"], { env });
  await run(evaluator, ["send", "--fresh", "-e", "1"], { env });
  assertEquals(requests.map(({ session }) => session), ["other", undefined]);
});

Deno.test("`rtool send --detach` prints the job's id alone, and forwards no input", async () => {
  const requests: JobRequest[] = [];
  const evaluator = fakeEvaluator({
    submit: (principal, request, signal) => {
      requests.push(request);
      return SLEEPER.submit(principal, request, signal);
    },
  });
  const file = await Deno.makeTempFile({ suffix: ".R" });
  await Deno.writeTextFile(file, "1");
  const args = ["send", "--detach", file];
  const { code, stdout, stderr } = await run(evaluator, args, { stdin: "for the script" });
  await Deno.remove(file);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^[0-9a-f]{32}\n$/);
  const json = await run(SLEEPER, ["send", "--detach", "--json", "-e", "1"]);
  assertMatch(JSON.parse(json.stdout).job, /^[0-9a-f]{32}$/);
  assertEquals(requests.map(({ detach, input }) => [detach, input]), [[true, undefined]]);
});

Deno.test("`rtool send --wire rpy2` refuses what that wire has no words for", async () => {
  for (const option of [["--fresh"], ["--detach"], ["--key", "k"], ["--memory", "1GiB"]]) {
    const { code, stderr } = await run(ECHO, ["send", "--wire", "rpy2", ...option, "-e", "1"]);
    assertEquals(code, 64);
    assertStringIncludes(stderr, option[0]!);
  }
});

Deno.test("`rtool send` says which limit was reached, and what raises it", async () => {
  const limited = createEvaluator(async function* () {
    const outcome = { kind: "limited", limit: "memory", max: 2 ** 30 } as const;
    const receipt = { ...EMPTY_RECEIPT, rung: "kill" as const };
    yield await Promise.resolve({ kind: "end", outcome, receipt });
  });
  const { code, stderr } = await run(limited, ["send", "-e", "1"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "rtool: memory limit of 1 GiB reached");
  assertStringIncludes(stderr, "--memory");
  const document = JSON.parse((await run(limited, ["send", "--json", "-e", "1"])).stdout);
  assertEquals(document.outcome, { kind: "limited", limit: "memory", max: 2 ** 30 });
  assertStringIncludes(document.hint, "memory_max");
});

Deno.test("`rtool attach` shows a job from its start, and exits as it did", async () => {
  const seen: [string, number][] = [];
  const attachable = fakeEvaluator({
    attach: (_principal, id, after) => {
      seen.push([id, after]);
      return Promise.resolve({ id, events: quits(), cancel: () => {} });
    },
  });
  const whole = await run(attachable, ["attach", JOB.id]);
  assertEquals(whole, { code: 3, stdout: "hello", stderr: "rtool: a new R\n" });
  const json = await run(attachable, ["attach", "--json", "--after", "7", JOB.id.slice(0, 6)]);
  assertEquals(JSON.parse(json.stdout).stdout, "hello");
  assertEquals(seen, [[JOB.id, 0], [JOB.id, 7]]);
});

async function* quits(): AsyncGenerator<JobEvent> {
  yield await Promise.resolve({ kind: "started", note: "a new R" });
  yield { kind: "stdout", bytes: new TextEncoder().encode("hello") };
  yield { kind: "end", outcome: { kind: "quit", status: 3 }, receipt: EMPTY_RECEIPT };
}

Deno.test("Ctrl-C leaves a job that `rtool attach` shows, and says how to stop it", async () => {
  const cancelled: string[] = [];
  const endless = fakeEvaluator({
    attach: (_principal, id, _after, signal) => {
      const events = async function* (): AsyncGenerator<JobEvent> {
        yield { kind: "stdout", bytes: new TextEncoder().encode("going on\n") };
        await aborted(signal);
      };
      return Promise.resolve({ id, events: events(), cancel: () => cancelled.push(id) });
    },
  });
  await using server = startPort(endless);
  const child = spawnRtool(["attach", "-p", String(server.port), JOB.id]);
  const reader = child.stdout.getReader();
  assertEquals(text((await reader.read()).value!), "going on\n");
  child.kill("SIGINT");
  assertEquals((await child.status).signal, "SIGINT");
  await reader.cancel();
  const said = await new Response(child.stderr).text();
  assertStringIncludes(said, `the job goes on; stop it with: rtool cancel ${JOB.id}`);
  assertEquals(cancelled, []);
});

Deno.test("`rtool jobs` lists what runs and waits, and with --all what has ended", async () => {
  const report = { ...REPORT, jobs: [JOB, ENDED] };
  const teller = fakeEvaluator({ report: () => Promise.resolve(report) });
  const some = await run(teller, ["jobs"]);
  assertStringIncludes(some.stdout, JOB.id.slice(0, 8));
  assert(!some.stdout.includes("ffffffff"));
  assertStringIncludes((await run(teller, ["jobs", "--all"])).stdout, "ended: ok");
  const json = await run(teller, ["jobs", "--all", "--json"]);
  assertEquals(JSON.parse(json.stdout), [JOB, ENDED].map(jobFields));
});

Deno.test("`rtool sessions` lists them, or does as it is told", async () => {
  const orders: ControlCommand[] = [];
  const obedient = fakeEvaluator({
    control: (_principal, command) => {
      orders.push(command);
      return Promise.resolve("session 'main' is ended");
    },
  });
  assertStringIncludes((await run(obedient, ["sessions"])).stdout, "main");
  const json = await run(obedient, ["sessions", "list", "--json"]);
  assertEquals(JSON.parse(json.stdout), REPORT.sessions.map(sessionFields));
  const killed = await run(obedient, ["sessions", "kill", "main"]);
  assertEquals(killed, { code: 0, stdout: "session 'main' is ended\n", stderr: "" });
  await run(obedient, ["sessions", "recycle"]);
  assertEquals(orders, [{ kind: "kill", session: "main" }, { kind: "recycle" }]);
});

Deno.test("`rtool cancel` stops the job that is meant", async () => {
  const orders: ControlCommand[] = [];
  const obedient = fakeEvaluator({
    control: (_principal, command) => {
      orders.push(command);
      return Promise.resolve("stopped");
    },
  });
  const { code, stdout } = await run(obedient, ["cancel", JOB.id.slice(0, 8)]);
  assertEquals([code, stdout], [0, "stopped\n"]);
  assertEquals(orders, [{ kind: "cancel", job: JOB.id }]);
});

Deno.test("a wrong order is an error that says what was meant", async () => {
  const wrong: readonly (readonly [args: string[], word: string, code: number])[] = [
    [["sessions", "kil", "main"], "did you mean kill?", 64],
    [["sessions", "kill"], "Which session", 64],
    [["sessions", "kill", "a", "b"], "'b'", 64],
    [["sessions", "reset", "no such"], "no such", 64],
    [["jobs", "x"], "'x'", 64],
    [["cancel"], "missing", 64],
    [["attach", "a", "b"], "One job", 64],
    [["attach", "abcdef"], "no job whose id begins with abcdef", 64],
    [["top", "5"], "'5'", 64],
  ];
  for (const [args, word, status] of wrong) {
    const { code, stderr } = await run(ECHO, args);
    assertEquals([args, code], [args, status]);
    assertStringIncludes(stderr, word);
  }
});

Deno.test("`rtool top` on a pipe tells once how things are", async () => {
  const { code, stdout } = await run(ECHO, ["top"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "R 4.2.2, up 1 s: 1 of 4 jobs running");
  assertStringIncludes(stdout, "0a1b2c3d");
  const json = JSON.parse((await run(ECHO, ["top", "--json"])).stdout);
  assertEquals(json, { ...reportFields(REPORT), software: "rtool test" });
});
