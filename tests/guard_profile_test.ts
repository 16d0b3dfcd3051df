/**
 * The guard and the profile: nobody gets more than its profile says, and who may only call sends
 * nothing that could become code.
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createGuard, type GuardOptions } from "../access/guard.ts";
import { readRegistry } from "../cli/registry_file.ts";
import { RtoolError } from "../core/errors.ts";
import { BATCH_MODE, NO_WANTS, type Upload } from "../core/item.ts";
import { bareRequest, type JobRequest, type Principal } from "../core/job.ts";
import { OWNER, type Profile } from "../core/profile.ts";
import type { Report } from "../core/report.ts";
import { fakeEvaluator, PRINCIPAL, REPORT } from "./fake_port.ts";

const SIGNAL = new AbortController().signal;
const JOB = { id: "0".repeat(32), events: (async function* () {})(), cancel: () => {} };

const SMALL: Profile = {
  ...OWNER,
  name: "small",
  env: ["TZ"],
  limits: { cpuMs: 500, processes: 4 },
  timeoutMs: 700,
};
const CALLER = principalOf({ ...SMALL, grant: "call" });

/** One function may be called, with or without its argument. */
const FUNCTIONS = '[functions."stats::sd"]\narguments.x = { type = "double", optional = true }\n';
const REGISTRIES = new Map([[SMALL.name, readRegistry(FUNCTIONS, "functions.toml")]]);

Deno.test("the guard holds a job to its principal's profile and to the server, whichever is less", async () => {
  const engine = new Engine({ limitsMax: { cpuMs: 1000, processes: 2 }, timeoutMax: 1000 });
  const asked = { limits: { cpuMs: 5000, outputBytes: 7 }, timeoutMs: 5000 };
  const given = await engine.submit(asked, principalOf(SMALL));
  assertEquals(given.limits, { cpuMs: 500, outputBytes: 7, processes: 2 });
  assertEquals(given.timeoutMs, 700);
  assertEquals((await engine.submit({}, principalOf(SMALL))).timeoutMs, 700);
  assertEquals((await engine.submit({ timeoutMs: 10 }, principalOf(SMALL))).timeoutMs, 10);
  assertEquals((await engine.submit(asked, PRINCIPAL)).timeoutMs, 1000);
});

Deno.test("the guard refuses environment variables that the profile does not name", async () => {
  const engine = new Engine();
  const env = { TZ: "UTC" };
  assertEquals((await engine.submit({ env }, principalOf(SMALL))).env, env);
  await engine.refuses({ env: { ...env, LD_PRELOAD: "x" } }, principalOf(SMALL));
  await engine.refuses({ env }, principalOf({ ...SMALL, env: [] }));
  assertEquals((await engine.submit({ env: { ANY: "" } }, PRINCIPAL)).env, { ANY: "" });
});

Deno.test("who may only call sends no code, no files, no data and no lines for R to read", async () => {
  const engine = new Engine({ registries: REGISTRIES });
  const call = "stats::sd";
  const file: Upload = { target: { kind: "file", path: "a" }, bytes: 1, path: undefined };
  const data: Upload = { target: { kind: "data", name: "a" }, bytes: 1, path: undefined };
  const cases: Partial<JobRequest>[] = [
    { code: "1" },
    { code: "" },
    { code: "1", call },
    { code: "", call, uploads: [file] },
    { code: "", call, uploads: [data] },
    { code: "", call, wants: { ...NO_WANTS, files: ["a"] } },
    { code: "", call, mode: { ...BATCH_MODE, interactive: true } },
  ];
  for (const more of cases) {
    assertStringIncludes((await engine.refuses(more, CALLER)).message, "only call functions");
  }
  assertEquals((await engine.submit({ code: "", call }, CALLER)).call, call);
});

Deno.test("who may only call makes no call that is not allowed, and none where nothing says which are", async () => {
  const call = { code: "", call: "base::system" };
  await new Engine().refuses(call, CALLER);
  const engine = new Engine({ registries: REGISTRIES });
  assertStringIncludes((await engine.refuses(call, CALLER)).message, "base::system");
  const allowed = await engine.submit({ ...call, call: "stats::sd" }, CALLER);
  assertEquals(allowed.call, "stats::sd");
  assertEquals((await engine.submit(call, PRINCIPAL)).call, "base::system");
});

Deno.test("a principal has so many sessions as its profile says, and may use those it has", async () => {
  const engine = new Engine();
  const who = principalOf({ ...SMALL, sessionsMax: 2 });
  for (const session of ["a", "b", "a"]) await engine.submit({ session }, who);
  for (const session of ["c", undefined]) {
    assertEquals((await engine.refuses({ session }, who)).code, "too_many_sessions");
  }
  await engine.submit({ session: "c" }, principalOf({ ...SMALL, sessionsMax: 1 }, "other"));
  engine.sessions[0]!.state = "empty";
  await engine.submit({ session: "c" }, who);
  assertEquals((await engine.refuses({ session: "a" }, who)).code, "too_many_sessions");
});

Deno.test("a principal has so many jobs at once as its profile says", async () => {
  const engine = new Engine();
  const who = principalOf({ ...SMALL, jobsMax: 2 });
  for (let i = 0; i < 2; i++) await engine.submit({}, who);
  assertEquals((await engine.refuses({}, who)).code, "too_many_jobs");
  engine.jobs[0]!.outcome = "ok";
  await engine.submit({}, who);
});

Deno.test("jobs sent at the same moment do not slip in together", async () => {
  const engine = new Engine();
  const who = principalOf({ ...SMALL, jobsMax: 3, sessionsMax: 3 });
  const sent = Array.from({ length: 20 }, (_, i) => engine.submit({ session: `s${i}` }, who));
  const settled = await Promise.allSettled(sent);
  assertEquals(settled.filter(({ status }) => status === "fulfilled").length, 3);
  assertEquals([engine.jobs.length, engine.sessions.length], [3, 3]);
});

function principalOf(profile: Profile, name = "token:t"): Principal {
  return { name, local: false, profile };
}

type Changing<T> = { -readonly [Key in keyof T]: T[Key] };

/** An engine whose jobs go on, behind a guard. */
class Engine {
  readonly sessions: Changing<Report["sessions"][number]>[] = [];
  readonly jobs: Changing<Report["jobs"][number]>[] = [];
  readonly #guard;
  #last: JobRequest | undefined;

  constructor(options: Partial<GuardOptions> = {}) {
    const engine = fakeEvaluator({
      submit: async ({ name: principal }, request) => {
        await Promise.resolve();
        const { session = null } = request;
        this.#last = request;
        this.jobs.push({ ...REPORT.jobs[0]!, principal, session, outcome: null });
        const isNew = !this.sessions.some((each) => {
          return each.name === session && each.principal === principal;
        });
        if (isNew) this.sessions.push({ ...REPORT.sessions[0]!, principal, name: session });
        return JOB;
      },
      report: () => Promise.resolve({ ...REPORT, sessions: this.sessions, jobs: this.jobs }),
    });
    this.#guard = createGuard(engine, { codeMax: 100, ...options });
  }

  /** What the engine was given. */
  async submit(more: Partial<JobRequest>, principal: Principal): Promise<JobRequest> {
    await this.#guard.submit(principal, { ...bareRequest("1", "main"), ...more }, SIGNAL);
    return this.#last!;
  }

  /** The refusal; the engine hears nothing of it. */
  async refuses(more: Partial<JobRequest>, principal: Principal): Promise<RtoolError> {
    const count = this.jobs.length;
    const error = await assertRejects(() => this.submit(more, principal), RtoolError);
    assertEquals(this.jobs.length, count);
    return error;
  }
}
