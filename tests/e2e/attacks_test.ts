/**
 * Whatever a job does, the next one of its session is right, on the same R or on a new one that is
 * said to be new; other sessions notice nothing; and no process stays behind.
 */

import { assert, assertEquals } from "@std/assert";
import { type Attack, ATTACKS, PRIMITIVE_CAT } from "./attacks.ts";
import type { Run } from "./processes.ts";
import { startServer, type TestServer, text, workersAlive } from "./rtool.ts";

/** How many attacks run at the same time: places are left for the jobs that look after them. */
const SIDE_BY_SIDE = 3;

/** How much longer than its time limit a job may take: R's start, and the ladder of stopping it. */
const PATIENCE_MS = 20_000;

let server: TestServer;

// The server's pipes live longer than one test, and so do the attacks beside it.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

Deno.test.beforeAll(async () => {
  server = await startServer();
  assertEquals(text((await send("other", "kept <- 4242")).stderr), "");
});

Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const results = new Map<Attack, Promise<PromiseSettledResult<void>>>();

for (const [index, attack] of ATTACKS.entries()) {
  Deno.test(`the next job is right after ${attack.name}`, ACROSS_TESTS, async () => {
    for (const other of ATTACKS.slice(index, index + SIDE_BY_SIDE)) begin(other);
    const result = await begin(attack);
    if (result.status === "rejected") throw result.reason;
  });
}

Deno.test("a job that waits behind one that is stopped has its turn", ACROSS_TESTS, async () => {
  for (const stubborn of ["Sys.sleep(300)", "suspendInterrupts(repeat {})"]) {
    const stopped = send("queue", stubborn, "1s");
    const started = performance.now();
    const waiting = [1, 2, 3].map((number) => send("queue", `cat(${number})`, "10s"));
    assertEquals((await stopped).code, 124);
    assertEquals((await Promise.all(waiting)).map((run) => text(run.stdout)), ["1", "2", "3"]);
    assert(performance.now() - started > 900, "They did not wait");
  }
});

Deno.test("the server leaves nothing of all this behind when it stops", ACROSS_TESTS, async () => {
  await Promise.all(results.values());
  assert((await server.workersAlive()).length > 0, "Workers cannot be found: this proves nothing");
  assertEquals((await server.stop()).code, 0);
  await assertNothingLeft(() => server.workersAlive());
});

/** Starts it, unless it has been started. */
function begin(attack: Attack): Promise<PromiseSettledResult<void>> {
  const known = results.get(attack);
  if (known) return known;
  const result = Promise.allSettled([survive(attack)]).then(([settled]) => settled);
  results.set(attack, result);
  return result;
}

async function survive(attack: Attack): Promise<void> {
  const session = `attack-${ATTACKS.indexOf(attack)}`;
  const worker = text((await send(session, `mine <- 1; cat(Sys.getenv("RTOOL_WORKER"))`)).stdout);
  assert(/^[0-9a-f]+$/.test(worker), `No worker's name: ${worker}`);
  const run = await send(session, attack.code, attack.limit);
  const next = await send(session, attack.next ?? "cat(6*7)");
  const other = await send("other", "cat(kept)");
  assertRight(attack, run, next);
  assertEquals(text(other.stdout), "4242", "The other session has lost its variable");
  if (!attack.wipes) await assertKeptOrSaid(session, next);
  if (attack.stays) return;
  await send(session, "quit(runLast = FALSE)");
  await assertNothingLeft(() => workersAlive(`RTOOL_WORKER=${worker}`));
}

/** Runs code from standard input. */
function send(session: string, code: string, limit = "5s"): Promise<Run> {
  return server.send(["-s", session, "-t", limit, "-"], { stdin: code, limitMs: PATIENCE_MS });
}

function assertRight(attack: Attack, run: Run, next: Run): void {
  const shown = `status ${run.code}, stderr: ${text(run.stderr).slice(-2000)}`;
  assert(attack.exits?.includes(run.code) ?? true, `Wrong end: ${shown}`);
  const own = text(next.stderr).split("\n").filter((line) => !/^(rtool: |$)/.test(line));
  assertEquals(
    { stdout: text(next.stdout), stderr: own, code: next.code },
    { stdout: "42", stderr: [], code: 0 },
    `The next job was wrong, after ${shown}`,
  );
}

/** A session that has lost its state has said so in the job that found it new. */
async function assertKeptOrSaid(session: string, next: Run): Promise<void> {
  const said = /^rtool: /m.test(text(next.stderr));
  const kept = await send(session, `if (exists("mine")) ${PRIMITIVE_CAT}`);
  if (!said) assertEquals(text(kept.stdout), "42", "A new R, and nobody has said so");
}

/** Nothing is left, now or in a moment: a killed process takes its time. */
async function assertNothingLeft(find: () => Promise<number[]>): Promise<void> {
  const patience = performance.now() + 15_000;
  for (;;) {
    const left = await find();
    if (left.length === 0) return;
    assert(performance.now() < patience, `Processes stay behind: ${left.join(" ")}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
