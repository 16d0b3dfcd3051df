/**
 * The audit: which lines there are, that each is one, what is never in them, and what happens when
 * they cannot be written.
 */

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Audit, type AuditFacts } from "../access/audit.ts";
import { AuditFile, AuditStream } from "../access/audit_file.ts";
import type { Ends } from "../access/peer.ts";
import { RtoolError } from "../core/errors.ts";
import { bareRequest, EMPTY_RECEIPT, type JobRequest, type Outcome } from "../core/job.ts";
import type { Log } from "../core/log.ts";
import { OWNER } from "../core/profile.ts";
import { ECHO, fakeEvaluator, PRINCIPAL } from "./fake_port.ts";
import { arbitraryText, SEED, seeded } from "./random.ts";

const SIGNAL = new AbortController().signal;

/** What could end a line, move a terminal, or turn its reading direction around. */
const CONTROL = /[\x00-\x1f\x7f-\x9f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const CANARY = "canary-4711";

/** Of code "1". */
const SHA256_OF_1 = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";

Deno.test("a job is a line when it comes, and one with its outcome when it has ended", async () => {
  const { audit, lines } = memory();
  const principal = await audit.connection(ENDS, () => Promise.resolve(PRINCIPAL));
  const engine = endingEngine(audit, { kind: "ok" });
  await audit.around(engine).submit(principal, bareRequest("1", "main"), SIGNAL);
  const who = { principal: "tester", peer: "127.0.0.1:5000", profile: "owner", grant: "eval" };
  const what = {
    ...{ session: "main", kind: "code", code_sha256: SHA256_OF_1, code_bytes: 1 },
    uploads: { files: 0, data: 0, arguments: 0, bytes: 0 },
    wants: { value: false, plots: 0, files: 0 },
    ...{ detach: false, key: false },
  };
  assertEquals(lines, [
    { event: "connection", decision: "allowed", ...who },
    { event: "submit", request: 1, ...who, ...what },
    { event: "job", request: 1, job: "ab12", ...who, ...what, outcome: "ok", ms: 0 },
  ]);
});

Deno.test("a call is written down by its function's name, without code and arguments", async () => {
  const { audit, lines } = memory();
  const request = { ...bareRequest("", undefined), call: "stats::sd" };
  await audit.around(ECHO).submit(PRINCIPAL, request, SIGNAL);
  const { kind, function: name, session, code_sha256 } = lines[0]!;
  assertEquals([kind, name, session, code_sha256], ["call", "stats::sd", null, undefined]);
});

Deno.test("a job that outlives its connection, or is another's by its key, is written down with its id", async () => {
  const { audit, lines } = memory();
  for (const more of [{ detach: true }, { key: "k" }]) {
    await audit.around(ECHO).submit(PRINCIPAL, { ...bareRequest("1", "main"), ...more }, SIGNAL);
  }
  const kept = lines.filter(({ event }) => event === "kept");
  assertEquals(kept.map(({ request }) => request), [1, 2]);
  assertMatch(String(kept[0]?.["job"]), /^[0-9a-f]{32}$/);
});

Deno.test("who is refused, and which job, is written down with the reason's code", async () => {
  const { audit, lines } = memory();
  const refuse = () => Promise.reject(new RtoolError("not_allowed", "You are user 7"));
  await assertRejects(() => audit.connection(ENDS, refuse), RtoolError);
  const guard = audit.around(fakeEvaluator({ submit: refuse, attach: refuse, control: refuse }));
  await assertRejects(() => guard.submit(PRINCIPAL, bareRequest("1", "s"), SIGNAL), RtoolError);
  await assertRejects(() => guard.attach(PRINCIPAL, "id", 0, SIGNAL), RtoolError);
  const command = { kind: "kill", session: "s" } as const;
  await assertRejects(() => guard.control(PRINCIPAL, command), RtoolError);
  const refused = lines.filter(({ decision }) => decision === "refused");
  assertEquals(refused.map(({ event, code }) => [event, code]), [
    ["connection", "not_allowed"],
    ["job", "not_allowed"],
    ["attach", "not_allowed"],
    ["control", "not_allowed"],
  ]);
  assertEquals(refused[0]?.["reason"], "You are user 7");
  assertEquals(refused[3]?.["session"], "s");
});

const OUTCOMES: readonly (readonly [Outcome, AuditFacts])[] = [
  [{ kind: "quit", status: 3 }, { status: 3 }],
  [{ kind: "cancelled", reason: "gone" }, { reason: "gone" }],
  [{ kind: "limited", limit: "cpu", max: 1 }, { limit: "cpu" }],
  [{ kind: "crashed", signal: "SIGSEGV", status: null, message: CANARY }, { signal: "SIGSEGV" }],
  [{ kind: "lost", message: CANARY }, {}],
];

for (const [outcome, facts] of OUTCOMES) {
  Deno.test(`the outcome '${outcome.kind}' is written down with what tells it apart, not R's words`, async () => {
    const { audit, lines } = memory();
    await audit.around(endingEngine(audit, outcome)).submit(
      PRINCIPAL,
      bareRequest("1", "main"),
      SIGNAL,
    );
    const last = lines.at(-1)!;
    assertEquals({ ...last, ...facts, outcome: outcome.kind }, last);
    assert(!JSON.stringify(lines).includes(CANARY));
  });
}

Deno.test("code, values of variables, keys and names of files are in no line", async () => {
  const { audit, lines } = memory();
  const request: JobRequest = {
    ...bareRequest(`password <- "${CANARY}"`, "main"),
    args: [CANARY],
    env: { TOKEN: CANARY },
    key: CANARY,
    cwd: `/${CANARY}`,
    uploads: [{ target: { kind: "file", path: CANARY }, bytes: 9, path: `/tmp/${CANARY}` }],
    wants: { value: true, plots: [], files: [CANARY] },
  };
  await audit.around(endingEngine(audit, { kind: "ok" })).submit(PRINCIPAL, request, SIGNAL);
  assertEquals(lines.length, 3);
  assert(!JSON.stringify(lines).includes(CANARY));
  assertEquals(lines[0]?.["uploads"], { files: 1, data: 0, arguments: 0, bytes: 9 });
});

Deno.test(`any names make one line of JSON without control characters (seed ${SEED})`, async () => {
  await using dir = new AuditDir();
  using file = new AuditFile({ path: dir.path, bytesMax: 1 << 30, log: dir.log });
  const audit = new Audit(file, { required: false });
  const names = fc.tuple(arbitraryText(), arbitraryText(), arbitraryText(300));
  let count = 0;
  await fc.assert(
    fc.asyncProperty(names, async ([name, session, call]) => {
      const principal = { name, local: false, profile: { ...OWNER, name: session } };
      const request = { ...bareRequest("", session), call };
      await audit.around(ECHO).submit(principal, request, SIGNAL);
      const line = (await dir.text()).split("\n").at(-2)!;
      assert(!CONTROL.test(line), JSON.stringify(line));
      const said = JSON.parse(line);
      assertEquals([said.principal, said.session, said.profile], [name, session, session]);
      assertEquals(said.function.slice(0, 200), call.slice(0, 200));
      assertEquals((await dir.text()).split("\n").length, ++count + 1);
    }),
    seeded(100),
  );
});

Deno.test("a full file becomes FILE.1, an older one goes, and no line is cut", async () => {
  await using dir = new AuditDir();
  using file = new AuditFile({ path: dir.path, bytesMax: 1000, log: dir.log });
  for (let n = 0; n < 100; n++) assert(file.write({ n, text: "x".repeat(40) }));
  const old = await Deno.readTextFile(`${dir.path}.1`);
  const young = await dir.text();
  assert(old.length <= 1000 && young.length <= 1000 && young.length > 0);
  const numbers = (old + young).trimEnd().split("\n").map((line) => JSON.parse(line).n);
  assertEquals(numbers, Array.from({ length: numbers.length }, (_, i) => 100 - numbers.length + i));
  const names = [...Deno.readDirSync(dir.dir)].map(({ name }) => name).sort();
  assertEquals(names, ["audit", "audit.1"]);
  for (const name of names) {
    assertEquals((await Deno.stat(`${dir.dir}/${name}`)).mode! & 0o777, 0o600);
  }
});

Deno.test("a file that was removed is made anew", async () => {
  await using dir = new AuditDir();
  using file = new AuditFile({ path: dir.path, bytesMax: 1000, log: dir.log });
  file.write({ n: 1 });
  await Deno.remove(dir.path);
  file.write({ n: 2 });
  assertEquals(JSON.parse(await dir.text()).n, 2);
});

Deno.test("a file that others can read, or that is none, is refused at the start", async () => {
  await using dir = new AuditDir();
  await Deno.writeTextFile(dir.path, "", { mode: 0o644 });
  await Deno.chmod(dir.path, 0o644);
  for (const path of [dir.path, "/dev/null", `${dir.dir}/none/audit`, dir.dir]) {
    const open = () => new AuditFile({ path, bytesMax: 1000, log: dir.log });
    assertEquals(assertThrows(open, RtoolError).code, "bad_config", path);
  }
});

Deno.test("what cannot be written is told once, and counted when it can be again", async () => {
  await using dir = new AuditDir();
  using file = new AuditFile({ path: dir.path, bytesMax: 100, log: dir.log });
  assert(file.write({ n: 0, text: "x".repeat(90) }));
  // A directory of that name cannot be replaced: the file cannot be rotated.
  await Deno.mkdir(`${dir.path}.1/in-the-way`, { recursive: true });
  for (let n = 1; n <= 5; n++) assertEquals(file.write({ n }), false);
  assertEquals(dir.said, ["error the audit cannot be written"]);
  await Deno.remove(`${dir.path}.1`, { recursive: true });
  assert(file.write({ n: 6 }));
  assertEquals(dir.said, ["error the audit cannot be written", "info the audit is written again"]);
  const [lost = "", next = ""] = (await dir.text()).split("\n");
  assertEquals([JSON.parse(lost).lines, JSON.parse(next).n], [5, 6]);
});

Deno.test("with audit_required no job that was not written down reaches the guard", async () => {
  const sink = { write: () => false, [Symbol.dispose]: () => {} };
  const request = bareRequest("1", "main");
  const strict = new Audit(sink, { required: true }).around(fakeEvaluator({}));
  const refused = await assertRejects(() => strict.submit(PRINCIPAL, request, SIGNAL), RtoolError);
  assertEquals(refused.code, "unwritable_output");
  const lenient = new Audit(sink, { required: false }).around(ECHO);
  assertMatch((await lenient.submit(PRINCIPAL, request, SIGNAL)).id, /^[0-9a-f]{32}$/);
});

Deno.test("a stderr nobody reads takes so many lines, then jobs can be refused", async () => {
  const stuck = Promise.withResolvers<void>();
  const { log, said } = recorder();
  let text = "";
  using stream = new AuditStream(async (lines) => {
    text += lines;
    await stuck.promise;
  }, log);
  let written = 0;
  while (stream.write({ text: "x".repeat(10_000) })) assert(++written < 1000);
  assertEquals(said, ["error the audit cannot be written"]);
  stuck.resolve();
  let lost = 1;
  while (!stream.write({ text: "end" })) {
    lost++;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  while (!text.includes('"end"')) await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(text.match(/"event":"lost","lines":\d+/g), [`"event":"lost","lines":${lost}`]);
});

const address = (port: number): Deno.NetAddr => ({
  transport: "tcp",
  hostname: "127.0.0.1",
  port,
});

const ENDS: Ends = { local: address(9090), remote: address(5000) };

/** An audit that writes into an array. */
function memory(): { audit: Audit; lines: AuditFacts[] } {
  const lines: AuditFacts[] = [];
  const write = (facts: AuditFacts) => lines.push(JSON.parse(JSON.stringify(facts))) > 0;
  return { audit: new Audit({ write, [Symbol.dispose]: () => {} }, { required: false }), lines };
}

/** An engine whose jobs have ended by the time they are accepted. */
function endingEngine(audit: Audit, outcome: Outcome) {
  return fakeEvaluator({
    submit: (principal, request) => {
      audit.ended({ id: "ab12", principal, request: { ...request } }, outcome, EMPTY_RECEIPT);
      return Promise.resolve({ id: "ab12", events: (async function* () {})(), cancel: () => {} });
    },
  });
}

function recorder(): { log: Log; said: string[] } {
  const said: string[] = [];
  const note = (level: string) => (message: string) => void said.push(`${level} ${message}`);
  return { log: { info: note("info"), error: note("error") }, said };
}

/** A directory for an audit file, and a log that remembers. */
class AuditDir {
  readonly dir = Deno.makeTempDirSync({ prefix: "rtool-audit-" });
  readonly path = `${this.dir}/audit`;
  readonly #recorder = recorder();
  readonly log = this.#recorder.log;
  readonly said = this.#recorder.said;

  text(): Promise<string> {
    return Deno.readTextFile(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}
