/**
 * Runs of a map against servers of a few lines: each item has one result, whatever becomes of its
 * jobs, and nothing runs twice that may have run.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { Client } from "../client.ts";
import { RtoolError } from "../core/errors.ts";
import { bareRequest, EMPTY_RECEIPT, type Evaluator, type JobEvent } from "../core/job.ts";
import type { JobRequest, Outcome } from "../core/job.ts";
import type { MapItem } from "../cli/map_input.ts";
import { NO_PRINTS } from "../cli/map_prints.ts";
import type { ItemEnd } from "../cli/map_result.ts";
import { MapRun, type MapRunOptions } from "../cli/map_run.ts";
import { MapServer } from "../cli/map_server.ts";
import { encodeValue } from "../rdata/write.ts";
import { numeric } from "../rdata/values.ts";
import { aborted, createEvaluator, type FakePort, okEnd, startPort } from "./fake_port.ts";
import { createRandom, SEED, seeded } from "./random.ts";

const NEVER = new AbortController().signal;
const LOST: Outcome = { kind: "lost", message: "gone" };

Deno.test(`each item has one result, never more at once than asked for (seed ${SEED})`, async () => {
  const random = createRandom();
  let [running, most] = [0, 0];
  const evaluator = createEvaluator(async function* ({ code }) {
    most = Math.max(most, ++running);
    yield { kind: "started", note: undefined };
    await new Promise((resolve) => setTimeout(resolve, random() * 3));
    running--;
    yield* valueOf(Number(code));
  });
  await using server = startPort(evaluator);
  await fc.assert(
    fc.asyncProperty(fc.nat(40), fc.integer({ min: 1, max: 9 }), async (count, atOnce) => {
      most = 0;
      const { results, running } = await runMap(server, { count, atOnce });
      assertEquals(results, Array.from({ length: count }, (_, index) => [index, `[${index}]`]));
      assert(most <= atOnce && most >= Math.min(count, 1), `${most} at once`);
      assertEquals(running, 0);
    }),
    seeded(20),
  );
});

Deno.test("an item that is lost is run again so often as asked for, any other failure never", async () => {
  const runs = new Map<string, number>();
  const ends: Readonly<Record<string, (run: number) => Outcome>> = {
    0: (run) => run < 3 ? LOST : { kind: "ok" },
    1: () => LOST,
    2: () => ({ kind: "crashed", signal: "SIGSEGV", status: null, message: "" }),
    3: () => ({ kind: "timeout", limitMs: 1000 }),
    4: () => ({ kind: "cancelled", reason: "client" }),
  };
  await using server = startPort(createEvaluator(async function* ({ code }) {
    runs.set(code, (runs.get(code) ?? 0) + 1);
    const outcome = ends[code]!(runs.get(code)!);
    yield await Promise.resolve({ kind: "started", note: undefined });
    if (outcome.kind === "ok") yield* valueOf(0);
    else yield { kind: "end", outcome, receipt: EMPTY_RECEIPT };
  }));
  const { results } = await runMap(server, { count: 5, retries: 2 });
  assertEquals(results, [
    [0, "[0]"],
    [1, "lost: gone"],
    [2, "crashed: R died of SIGSEGV"],
    [3, "timeout: time limit of 1 s reached"],
    [4, "cancelled: cancelled"],
  ]);
  assertEquals(Object.fromEntries(runs), { 0: 3, 1: 3, 2: 1, 3: 1, 4: 1 });
});

Deno.test("a server that is full is no failure: what it refuses comes again", async () => {
  let [open, refused] = [0, 0];
  const inner = createEvaluator(async function* ({ code }) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    open--;
    yield* valueOf(Number(code));
  });
  const evaluator: Evaluator = {
    ...inner,
    submit: (principal, request, signal) => {
      if (open >= 2) {
        const code = ["busy", "too_many_jobs", "too_many_sessions"][refused++ % 3];
        return Promise.reject(new RtoolError(code as "busy", "full"));
      }
      open++;
      return inner.submit(principal, request, signal);
    },
  };
  await using server = startPort(evaluator);
  const { results } = await runMap(server, { count: 30, atOnce: 6 });
  assertEquals(results, Array.from({ length: 30 }, (_, index) => [index, `[${index}]`]));
  assert(refused > 0);
});

Deno.test("what a connection may not have open at once is waited out too", async () => {
  const echo = createEvaluator(async function* ({ code }) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield* valueOf(Number(code));
  });
  await using server = startPort(echo, { jobsPerConnectionMax: 3 });
  const { results } = await runMap(server, { count: 20, atOnce: 8 });
  assertEquals(results.length, 20);
});

Deno.test("what the server refuses of all items stops the map, what it refuses of one does not", async () => {
  const refusing = (code: "not_allowed" | "bad_value") =>
    createEvaluator(async function* (request) {
      const outcome: Outcome = { kind: "rejected", code, message: "never" };
      if (request.code === "3") yield { kind: "end", outcome, receipt: EMPTY_RECEIPT };
      else yield* valueOf(await Promise.resolve(1));
    });
  await using strict = startPort(refusing("not_allowed"));
  const fault = await assertRejects(() => runMap(strict, { count: 1000 }), RtoolError);
  assertEquals([fault.code, fault.message], ["not_allowed", "never"]);
  await using lenient = startPort(refusing("bad_value"));
  const { results } = await runMap(lenient, { count: 6 });
  assertEquals(results.map(([, text]) => text)[3], "rejected: never");
});

Deno.test("without the value that was asked for an item has failed", async () => {
  await using server = startPort(createEvaluator(async function* ({ code }) {
    if (code === "1") {
      yield await Promise.resolve({ kind: "item", item: { kind: "value" } });
      yield { kind: "item_end", problem: "it cannot be written" };
    }
    yield okEnd();
  }));
  const { results } = await runMap(server, { count: 2 });
  assertEquals(results, [
    [0, "error: the job handed over no value"],
    [1, "error: No value came: it cannot be written"],
  ]);
});

Deno.test("a connection that is lost: what had not started goes again, what had is lost", async () => {
  const runs = new Map<string, number>();
  const printed = Promise.withResolvers<void>();
  const bothThere = Promise.withResolvers<void>();
  let first = true;
  const evaluator = createEvaluator(async function* ({ code }, signal) {
    runs.set(code, (runs.get(code) ?? 0) + 1);
    if (!first) return yield* valueOf(Number(code));
    if (code === "0") {
      yield { kind: "started", note: undefined };
      yield { kind: "stdout", bytes: Uint8Array.of(10) };
    }
    if (runs.size === 2) bothThere.resolve();
    await aborted(signal);
  });
  await using server = startPort(evaluator);
  const clients: Client[] = [];
  const prints = () => Promise.resolve(printed.resolve());
  const running = runMap(server, { count: 4, atOnce: 2, clients, prints });
  await Promise.all([bothThere.promise, printed.promise]); // So `started` has come too.
  first = false;
  await clients[0]![Symbol.asyncDispose]();
  const { results, sentAgain } = await running;
  assertEquals(results.map(([index, text]) => [index, text.slice(0, 5)]), [
    [0, "lost:"],
    [1, "[1]"],
    [2, "[2]"],
    [3, "[3]"],
  ]);
  assertEquals([sentAgain, Object.fromEntries(runs)], [1, { 0: 1, 1: 2, 2: 1, 3: 1 }]);
  assertEquals(clients.length, 2);
});

Deno.test("when everything stops what runs is cancelled, and has no result", async () => {
  let cancelled = 0;
  const evaluator = createEvaluator(async function* ({ code }, signal) {
    if (code === "0") return yield* valueOf(0);
    yield { kind: "started", note: undefined };
    if (code === "2") stop.abort();
    await aborted(signal);
    cancelled++;
    const outcome: Outcome = { kind: "cancelled", reason: "client" };
    yield { kind: "end", outcome, receipt: EMPTY_RECEIPT };
  });
  const stop = new AbortController();
  await using server = startPort(evaluator);
  const { results } = await runMap(server, { count: 50, atOnce: 2, signal: stop.signal });
  assertEquals([results, cancelled], [[[0, "[0]"]], 2]);
});

Deno.test("an input that breaks is told when what had begun has ended", async () => {
  const evaluator = createEvaluator(async function* ({ code }) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    yield* valueOf(Number(code));
  });
  await using server = startPort(evaluator);
  const results: (readonly [number, string])[] = [];
  const fault = await assertRejects(
    () => runMap(server, { count: 5, broken: true, results }),
    RtoolError,
  );
  assertEquals([fault.message, results.length], ["line 6 is no JSON", 5]);
});

Deno.test("a result that cannot be written stops the map", async () => {
  const evaluator = createEvaluator(async function* ({ code }) {
    yield* valueOf(await Promise.resolve(Number(code)));
  });
  await using server = startPort(evaluator);
  const full = new RtoolError("unwritable_output", "No space is left");
  const fault = await assertRejects(() => runMap(server, { count: 1e6, full }), RtoolError);
  assertEquals(fault, full);
});

/** What a test's map is like. */
interface TestMap {
  readonly count: number;
  readonly atOnce?: number;
  readonly retries?: number;
  readonly signal?: AbortSignal;
  /** Takes what items print. */
  readonly prints?: () => Promise<void>;
  /** Collects the connections that are made. */
  readonly clients?: Client[];
  /** Collects the results. */
  readonly results?: (readonly [number, string])[];
  /** The input ends with a fault. */
  readonly broken?: boolean;
  /** What comes of writing a result. */
  readonly full?: RtoolError;
}

/** Runs a map whose items are their own code. */
async function runMap(server: FakePort, test: TestMap) {
  const results = test.results ?? [];
  let sentAgain = 0;
  const signal = test.signal ?? NEVER;
  await using target = new MapServer(() => connectTo(server, test), () => {}, signal);
  const options: MapRunOptions = {
    target,
    atOnce: test.atOnce ?? 4,
    retries: test.retries ?? 0,
    shape: { unbox: false, frames: "rows" },
    build: ({ text }) => Promise.resolve({ request: requestOf(text), contents: nothing() }),
    prints: () => test.prints ? { ...NO_PRINTS, stdout: { write: test.prints } } : NO_PRINTS,
    room: () => Promise.resolve(),
    take: async ({ index }, end) => {
      if (test.full) throw test.full;
      results.push(await Promise.resolve([index, textOf(end)] as const));
    },
    sendAgain: () => void sentAgain++,
  };
  const run = new MapRun(options, signal);
  await run.run(itemsOf(test));
  return { results: results.sort(([a], [b]) => a - b), sentAgain, running: run.running };
}

async function connectTo(server: FakePort, { clients }: TestMap): Promise<Client> {
  const { port } = server;
  const to = { hostname: "127.0.0.1", port, timeoutMs: 10_000, software: "test" };
  const client = await Client.connect(to);
  clients?.push(client);
  return client;
}

async function* itemsOf({ count, broken }: TestMap): AsyncGenerator<MapItem> {
  for (let index = 0; index < count; index++) {
    yield await Promise.resolve({ index, text: String(index), value: numeric([index]) });
  }
  if (broken) throw new RtoolError("bad_value", `line ${count + 1} is no JSON`);
}

function requestOf(code: string): JobRequest {
  return { ...bareRequest(code, undefined), wants: { value: true, plots: [], files: [] } };
}

function textOf(end: ItemEnd): string {
  return end.outcome === "ok"
    ? new TextDecoder().decode(end.json)
    : `${end.outcome}: ${end.message}`;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** The value of a job that goes well. */
async function* valueOf(number: number): AsyncGenerator<JobEvent> {
  yield await Promise.resolve({ kind: "item", item: { kind: "value" } });
  for (const bytes of encodeValue(numeric([number]))) yield { kind: "item_bytes", bytes };
  yield { kind: "item_end", problem: undefined };
  yield okEnd();
}
