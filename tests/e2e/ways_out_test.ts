/**
 * The escapes that got past a list of forbidden names, and probes of one way out each, as jobs of a
 * server that confines R. There the escapes ran a command; here they may, and it gets at nothing.
 *
 * Each escape is run as it stands, in an R in which the command `id` is a script that tries
 * all ways out at once; and what names a file, a port or a process of its own is run once more,
 * aimed at one outside. Judged is what happened there, and what came back.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Client } from "../../client.ts";
import { bareRequest } from "../../core/job.ts";
import { confinedArgs, sleepers } from "../confined.ts";
import { ESCAPES } from "../escapes.ts";
import { rtool, startServer, type TestServer, text } from "./rtool.ts";
import { connect } from "./storm.ts";
import { aimed, functionProbes, OUT, type Probe, probes, RAN, withScript } from "./ways_out.ts";
import { survives, SYSTEM_DIRS, Witnesses } from "./witnesses.ts";

const SIDE_BY_SIDE = 4;

/** What an escape leaves behind sleeps so many seconds, and its number more; of this run alone. */
const SLEEP_S = 1000 * Deno.pid;

/** What a probe leaves behind. */
const PROBE_SLEEP_S = SLEEP_S + 999;

/** Of these the command is no part, or it does not come to it. */
const RUNS_NOTHING = /^(?:unserialize|\.Call)\(/;

/** What one escape has changed is not the next one's. */
const CLEAN = 'rm(list = ls()); options(error = NULL, warning.expression = NULL); setwd("~")';

// The server's pipes live longer than one test, and steps run side by side.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };

let server: TestServer;
let client: Client;
let witnesses: Witnesses;
let installed: ReadonlySet<string>;

Deno.test.beforeAll(async () => {
  witnesses = await Witnesses.create();
  const env = { SERVER_SECRET: witnesses.secret };
  server = await startServer([...await confinedArgs("confined"), "--spares", "4"], { env });
  client = await connect(server);
  installed = new Set((await evaluate(client, "cat(.packages(TRUE))")).split(" "));
});

Deno.test.afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await witnesses[Symbol.asyncDispose]();
});

Deno.test("what gets past a list of names gets at nothing outside", ACROSS_TESTS, async (t) => {
  assertEquals(new Set(ESCAPES).size, 90);
  const named = ESCAPES.map((code, index) => ({ name: code, code, index }));
  await sideBySide(t, named, tryEscape);
  const left = () => ESCAPES.flatMap((_, index) => sleepers(SLEEP_S + index));
  assert(left().length > ESCAPES.length / 2, "They leave nothing behind, and prove nothing");
  for (let lane = 0; lane < SIDE_BY_SIDE; lane++) {
    await rtool(["sessions", "-p", String(server.port), "kill", `lane-${lane}`]);
  }
  assertEquals(left(), [], "They survive their session");
});

Deno.test("the same script gets at all of it where nothing confines", ACROSS_TESTS, async () => {
  await using others = await Witnesses.create();
  await using open = await startServer();
  await using line = await connect(open);
  const seconds = SLEEP_S + ESCAPES.length;
  const output = await evaluate(line, `${withScript(others, seconds, [])}; system("id -un")`);
  const all = [
    ...["the secret was read", "the file was written", "the directory was listed"],
    ...["the port was reached", "the socket was reached", "the abstract socket was reached"],
    "the process was ended",
  ];
  const seen = await others.tracesSoon(output, all.length);
  const left = sleepers(seconds);
  for (const pid of left) Deno.kill(pid, "SIGKILL");
  assertEquals(seen, all);
  assertEquals(left.length, 1, "It left nothing behind");
});

Deno.test("no probe of a confined R gets out", ACROSS_TESTS, async (t) => {
  await evaluate(client, "kept <- 6 * 7", "victim");
  await sideBySide(t, probes(witnesses, server.pid, PROBE_SLEEP_S), (probe) => tryProbe(probe));
  assertEquals(await survives(PROBE_SLEEP_S), false, "It survives its session");
  assertEquals(await evaluate(client, "cat(kept)", "victim"), "42");
});

Deno.test(
  "no function of R finds, reads, writes or reaches what lies outside",
  ACROSS_TESTS,
  async (t) => {
    await sideBySide(t, functionProbes(witnesses), (probe) => tryProbe(probe, "functions"));
  },
);

Deno.test("nobody outside can connect to a port of a confined R", ACROSS_TESTS, async () => {
  const { port } = freePort();
  const code = `s <- serverSocket(${port}); cat("listening\n"); ` +
    `cat(tryCatch({ socketAccept(s, timeout = 1); "reached" }, error = function(e) "alone"))`;
  let said = "";
  for await (const event of client.submit(bareRequest(code, undefined)).events) {
    if (event.kind !== "stdout") continue;
    said += new TextDecoder().decode(event.bytes);
    if (said !== "listening\n") continue;
    await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port }));
  }
  assertEquals(said, "listening\nalone");
});

Deno.test(
  "what R is for works confined: models, plots, programs, forks",
  ACROSS_TESTS,
  async () => {
    const code = `cat(class(lm(mpg ~ wt, mtcars)), system("echo shell", intern = TRUE),
    parallel::mccollect(parallel::mcparallel("fork"))[[1]],
    { png("p.png"); plot(1); invisible(dev.off()); file.size("p.png") > 1000 })`;
    assertEquals(await evaluate(client, code), "lm shell fork TRUE");
  },
);

Deno.test("all of it is as it was when all have tried", ACROSS_TESTS, async () => {
  const { code, stdout } = await rtool(["ping", "-p", String(server.port)]);
  assertEquals(code, 0);
  witnesses.assertUntouched(`${text(stdout)}${server.stderrText()}`, "afterwards");
});

/** Steps of one test, some at a time. */
async function sideBySide<T extends { readonly name: string }>(
  t: Deno.TestContext,
  all: readonly T[],
  attempt: (each: T, session: string) => Promise<void>,
): Promise<void> {
  const open = [...all];
  const inTurn = async (_: unknown, lane: number) => {
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      const each = next;
      await t.step({ name: each.name, fn: () => attempt(each, `lane-${lane}`), ...ACROSS_TESTS });
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, inTurn));
}

async function tryEscape(
  { code, index }: { readonly code: string; readonly index: number },
  session: string,
): Promise<void> {
  const script = withScript(witnesses, SLEEP_S + index, SYSTEM_DIRS);
  const output = await evaluate(client, `${CLEAN}\n${script}\n${code}`, session);
  witnesses.assertUntouched(output, code);
  const aim = aimed(code, witnesses);
  if (aim !== code) await tryProbe({ name: code, code: aim }, session);
  else assert(output.includes(RAN) || mayRunNothing(code), `Nothing ran: ${output}`);
}

async function tryProbe({ code }: Probe, session?: string): Promise<void> {
  const output = await evaluate(client, code, session);
  witnesses.assertUntouched(output, code);
  assertEquals(output.includes(OUT), false, output);
}

/** Whether the code ends before the command, for what it is or for what is not installed. */
function mayRunNothing(code: string): boolean {
  const needed = /^([\w.]+)::/.exec(code)?.[1];
  return RUNS_NOTHING.test(code) || (needed !== undefined && !installed.has(needed));
}

/** All that code writes; without a session in a clean R. */
async function evaluate(line: Client, code: string, session?: string): Promise<string> {
  let output = "";
  const decoder = new TextDecoder();
  for await (const event of line.submit(bareRequest(code, session)).events) {
    if (event.kind === "stdout" || event.kind === "stderr") output += decoder.decode(event.bytes);
  }
  return output;
}

function freePort(): Deno.NetAddr {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr;
}
