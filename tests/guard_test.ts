/**
 * The guard: what is wrong with a request never reaches the engine, and no job gets more than the
 * server allows.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { createGuard, type GuardOptions } from "../access/guard.ts";
import { RtoolError } from "../core/errors.ts";
import { bareRequest, type JobLimits, type JobRequest } from "../core/job.ts";
import { maybeMachineId } from "../core/machine.ts";
import type { ControlCommand } from "../core/report.ts";
import { OWNER } from "../core/profile.ts";
import { fakeEvaluator, PRINCIPAL, REPORT } from "./fake_port.ts";
import { SEED, seeded } from "./random.ts";

const ID = "0123456789abcdef0123456789abcdef";
const STRANGER = { name: "stranger", local: false, profile: OWNER };
const SIGNAL = new AbortController().signal;

/** What an engine is told behind a guard. */
class Engine {
  readonly requests: JobRequest[] = [];
  readonly commands: ControlCommand[] = [];
  readonly attached: [id: string, after: number][] = [];
  readonly guard;

  constructor(options: Partial<GuardOptions> = {}) {
    const engine = fakeEvaluator({
      submit: (_principal, request) => {
        this.requests.push(request);
        return Promise.resolve(JOB);
      },
      attach: (_principal, id, after) => {
        this.attached.push([id, after]);
        return Promise.resolve(JOB);
      },
      control: (_principal, command) => {
        this.commands.push(command);
        return Promise.resolve("done");
      },
    });
    this.guard = createGuard(engine, { codeMax: 100, ...options });
  }

  async submit(more: Partial<JobRequest>, principal = PRINCIPAL): Promise<JobRequest> {
    await this.guard.submit(principal, { ...bareRequest("1", "main"), ...more }, SIGNAL);
    return this.requests.at(-1)!;
  }
}

const JOB = { id: ID, events: (async function* () {})(), cancel: () => {} };

/** Requests that are refused, and with which code. */
const REFUSED: readonly (readonly [what: string, more: Partial<JobRequest>, code?: string])[] = [
  ["a session without a name", { session: "" }],
  ["a session with a slash in its name", { session: "a/b" }],
  ["a session whose name begins with a dot", { session: ".hidden" }],
  ["a session name of 65 letters", { session: "a".repeat(65) }],
  ["an empty key", { key: "" }],
  ["a key with a space", { key: "a b" }],
  ["a key with a line end", { key: "a\n" }],
  ["a key that is no ASCII", { key: "clé" }],
  ["a key of 129 characters", { key: "k".repeat(129) }],
  ["a detached job with input", { detach: true, input: (async function* () {})() }],
  ["too much code", { code: "x".repeat(101) }, "code_too_big"],
  ["code with a NUL", { code: "\0" }],
  ["a variable with a bad name", { env: { "A=B": "" } }],
];

for (const [what, more, code = "bad_request"] of REFUSED) {
  Deno.test(`the guard refuses ${what}`, async () => {
    const engine = new Engine();
    const error = await assertRejects(() => engine.submit(more), RtoolError);
    assertEquals(error.code, code);
    assertEquals(engine.requests, []);
  });
}

Deno.test("the guard lets through what is in order", async () => {
  const engine = new Engine();
  for (const session of ["main", "a.b_c-1", "0a1b2c3d", "a".repeat(64), undefined]) {
    assertEquals((await engine.submit({ session })).session, session);
  }
  for (const key of ["k", "order:42/a#b~", "!", "k".repeat(128)]) {
    assertEquals((await engine.submit({ key, detach: true })).key, key);
  }
});

Deno.test("the guard passes a working directory on only from this machine's own user", async () => {
  const engine = new Engine();
  const cwd = "/tmp";
  const here = maybeMachineId();
  assertEquals((await engine.submit({ cwd, machine: here })).cwd, cwd);
  assertEquals((await engine.submit({ cwd, machine: "elsewhere" })).cwd, undefined);
  assertEquals((await engine.submit({ cwd, machine: here }, STRANGER)).cwd, undefined);
});

Deno.test("the guard gives a job no more than the server's most, and less when it asks", async () => {
  const limitsMax = { cpuMs: 1000, memoryBytes: 1 << 30, processes: 10 };
  const engine = new Engine({ limitsMax });
  const asked = { cpuMs: 5000, memoryBytes: 1 << 20, outputBytes: 7, processes: 10 };
  assertEquals((await engine.submit({ limits: asked })).limits, {
    cpuMs: 1000,
    memoryBytes: 1 << 20,
    outputBytes: 7,
    processes: 10,
  });
  assertEquals((await engine.submit({ limits: {} })).limits, limitsMax);
});

Deno.test("the guard gives a job no more time than the server's most, and that when it asks for none", async () => {
  const engine = new Engine({ timeoutMax: 1000 });
  const given = async (timeoutMs: number | undefined) =>
    (await engine.submit({ timeoutMs })).timeoutMs;
  assertEquals([await given(5000), await given(10), await given(undefined)], [1000, 10, 1000]);
  assertEquals((await new Engine({}).submit({ timeoutMs: 5000 })).timeoutMs, 5000);
});

Deno.test(`the guard never raises a limit, and leaves none of its own out (seed ${SEED})`, async () => {
  const max = fc.integer({ min: 1, max: 1e12 });
  const limits = fc.record(
    { cpuMs: max, memoryBytes: max, outputBytes: max, processes: max },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(limits, limits, async (asked, limitsMax) => {
      const given = (await new Engine({ limitsMax }).submit({ limits: asked })).limits;
      const named = Object.keys({ ...asked, ...limitsMax });
      assertEquals(Object.keys(given).sort(), named.sort());
      for (const name of Object.keys(given) as (keyof JobLimits)[]) {
        assert(given[name]! <= (asked[name] ?? Infinity));
        assert(given[name]! <= (limitsMax[name] ?? Infinity));
      }
    }),
    seeded(200),
  );
});

Deno.test("the guard lets only a job's whole id through to be attached to", async () => {
  const engine = new Engine();
  for (const id of ["", "main", ID.slice(1), `${ID}0`, ID.toUpperCase(), `${ID}\n`]) {
    const attach = () => engine.guard.attach(PRINCIPAL, id, 0, SIGNAL);
    assertEquals((await assertRejects(attach, RtoolError)).code, "bad_request");
  }
  await engine.guard.attach(PRINCIPAL, ID, 7, SIGNAL);
  assertEquals(engine.attached, [[ID, 7]]);
});

Deno.test("the guard lets only orders with names and ids through", async () => {
  const engine = new Engine();
  const wrong: ControlCommand[] = [
    { kind: "kill", session: "" },
    { kind: "interrupt", session: "a b" },
    { kind: "reset", session: "../main" },
    { kind: "cancel", job: "0a1b2c3d" },
  ];
  for (const command of wrong) {
    const control = () => engine.guard.control(PRINCIPAL, command);
    assertEquals((await assertRejects(control, RtoolError)).code, "bad_request");
  }
  assertEquals(engine.commands, []);
  const right: ControlCommand[] = [
    { kind: "kill", session: "main" },
    { kind: "reset", session: "0a1b2c3d" },
    { kind: "recycle" },
    { kind: "cancel", job: ID },
  ];
  for (const command of right) {
    assertEquals(await engine.guard.control(PRINCIPAL, command), "done");
  }
  assertEquals(engine.commands, right);
});

Deno.test("the guard passes the engine's report on", async () => {
  assertEquals(await new Engine().guard.report(PRINCIPAL), REPORT);
});

Deno.test("a job for a queue the server is not in is refused, with what to do", async () => {
  const queue = { name: "main", atMostOnce: false };
  const asked = { session: undefined, queue };
  const refusal = async (options: Partial<GuardOptions>) => {
    return (await assertRejects(() => new Engine(options).submit(asked), RtoolError)).message;
  };
  const nowhere = await refusal({});
  assert(nowhere.startsWith('This server is in no queue, and cannot take jobs for "main": start'));
  assert(nowhere.includes("--nats URL and --queue NAME, or send straight"));
  const elsewhere = await refusal({ queue: "other" });
  assertEquals(elsewhere, `This server is in the queue 'other', and cannot take jobs for "main"`);
  assertEquals((await new Engine({ queue: "main" }).submit(asked)).queue, queue);
});
