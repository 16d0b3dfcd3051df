/**
 * Items that go to a queue: found again under their key when a connection breaks, waited for while
 * the broker is away, and named so that a map that was killed can be gone on with.
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { MapName } from "../cli/map_queue.ts";
import { NO_PRINTS } from "../cli/map_prints.ts";
import type { ItemEnd } from "../cli/map_result.ts";
import { MapRun, type QueuedItems } from "../cli/map_run.ts";
import type { ClientEvent } from "../client_stream.ts";
import { type ErrorCode, RtoolError } from "../core/errors.ts";
import { bareRequest, EMPTY_RECEIPT, type Outcome } from "../core/job.ts";
import { numeric } from "../rdata/values.ts";
import { encodeValue } from "../rdata/write.ts";

const QUEUED: QueuedItems = { runsBefore: 0, awayMaxMs: 60_000 };
const NEVER = new AbortController().signal;

Deno.test("a connection that breaks: the item's job is followed again under its key, started or not", async () => {
  const { keys, ends } = await runItem(QUEUED, [cut("started"), cut(), ok]);
  assertEquals([keys, kinds(ends)], [["0/0", "0/0", "0/0"], ["ok"]]);
});

Deno.test("a job that is lost is run again under another key, as often as asked for", async () => {
  const lost = end({ kind: "lost", message: "gone" });
  const { keys, ends } = await runItem(QUEUED, [lost, lost, lost], 2);
  assertEquals([keys, kinds(ends)], [["0/0", "0/1", "0/2"], ["lost"]]);
});

Deno.test("a job an earlier run has cancelled is run anew once; one of this run stays cancelled", async () => {
  const cancelled = end({ kind: "cancelled", reason: "client" });
  const inherited = { ...QUEUED, runsBefore: 1 };
  const { keys, ends } = await runItem(inherited, [cancelled, ok]);
  assertEquals([keys, kinds(ends)], [["0/0", "0/1"], ["ok"]]);
  assertEquals(kinds((await runItem(inherited, [cancelled, cancelled])).ends), ["cancelled"]);
  const twice = { ...QUEUED, runsBefore: 2 };
  assertEquals((await runItem(twice, [cancelled, cancelled, ok])).keys, ["0/0", "0/1", "0/2"]);
  assertEquals(kinds((await runItem(QUEUED, [cancelled])).ends), ["cancelled"]);
});

Deno.test("a value that a lost host had begun is not part of the one that counts", async () => {
  const { ends } = await runItem(QUEUED, [async function* () {
    const [first = new Uint8Array(0)] = encodeValue(numeric([1, 2, 3]));
    yield await Promise.resolve({ kind: "item", item: { kind: "value" } });
    yield { kind: "item_bytes", bytes: first.subarray(0, first.length - 9) };
    yield { kind: "item_end", problem: "The host a was lost" };
    yield* ok();
  }]);
  assertEquals(ends.map((end) => end.outcome === "ok" && new TextDecoder().decode(end.json)), [
    "[1]",
  ]);
});

Deno.test("an item whose every connection breaks is given up, and not for ever followed", async () => {
  const { ends } = await runItem(QUEUED, Array.from({ length: 21 }, () => cut("started")));
  assertEquals(kinds(ends), ["lost"]);
});

Deno.test("a broker that has answered is waited for, one that never did is not", async () => {
  const away = end({ kind: "rejected", code: "cannot_connect", message: "The broker is away" });
  const { ends } = await runItem(QUEUED, [ok, away, away, ok], 0, 2);
  assertEquals(kinds(ends), ["ok", "ok"]);
  await refused("cannot_connect", /is away$/, () => runItem(QUEUED, [away]));
  const impatient = { ...QUEUED, awayMaxMs: 0 };
  const late = () => runItem(impatient, [ok, away, away, away], 0, 2);
  await refused("connection_lost", /is away, for more than 0 ms$/, late);
});

Deno.test("a map's name outlives the map beside its results, and only those", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-name-" });
  const out = `${dir}/results`;
  const first = MapName.open(out, true);
  const second = MapName.open(out, true);
  assertEquals([first.runsBefore, second.runsBefore], [0, 1]);
  assertEquals(second.text, first.text);
  assertEquals(MapName.open(out, true).runsBefore, 2);
  assertEquals(second.keyOf(7, 1, "x"), `map:${first.text}:7:1:x`);
  const anew = MapName.open(out, false);
  assert(anew.runsBefore === 0 && anew.text !== first.text);
  anew.forget();
  anew.forget();
  assertEquals(MapName.open(out, true).runsBefore, 0);
  await Deno.writeTextFile(`${out}.run`, "no name\n");
  assertEquals(MapName.open(out, true).runsBefore, 0);
  await Deno.remove(dir, { recursive: true });
  const fault = await assertRejects(async () => void await MapName.open(out, true), RtoolError);
  assertMatch(fault.message, /Cannot write .*results\.run/);
  assertEquals(MapName.open(undefined, true).runsBefore, 0);
});

type Script = () => AsyncGenerator<ClientEvent>;

/** Runs items one after the other, whose jobs go as the scripts say; the keys they had. */
async function runItem(
  queued: QueuedItems,
  scripts: readonly Script[],
  retries = 0,
  count = 1,
): Promise<{ keys: readonly string[]; ends: readonly ItemEnd[] }> {
  const keys: string[] = [];
  const ends: ItemEnd[] = [];
  const run = new MapRun({
    target: {
      submit: ({ key }) => {
        const script = scripts[keys.length];
        keys.push(key ?? "");
        if (!script) throw new Error(`Nobody expects job ${keys.length}`);
        return Promise.resolve({ events: script(), cancel: () => {} });
      },
      jobsAtOnce: () => Promise.resolve(1),
    },
    atOnce: 1,
    retries,
    shape: { unbox: false, frames: "rows" },
    queued,
    build: ({ index }, attempt) => {
      const request = { ...bareRequest("1", undefined), key: `${index}/${attempt}` };
      return Promise.resolve({ request, contents: nothing() });
    },
    prints: () => NO_PRINTS,
    room: () => Promise.resolve(),
    take: async (_item, end) => void ends.push(await Promise.resolve(end)),
    sendAgain: () => {
      throw new Error("It is followed, not sent again");
    },
  }, NEVER);
  await run.run(items(count));
  return { keys, ends };
}

async function* items(count: number) {
  for (let index = 0; index < count; index++) {
    yield await Promise.resolve({ index, text: "", value: numeric([index]) });
  }
}

function kinds(ends: readonly ItemEnd[]): string[] {
  return ends.map(({ outcome }) => outcome);
}

async function* ok(): AsyncGenerator<ClientEvent> {
  yield await Promise.resolve({ kind: "item", item: { kind: "value" } });
  for (const bytes of encodeValue(numeric([1]))) yield { kind: "item_bytes", bytes };
  yield { kind: "item_end", problem: undefined };
  yield* end({ kind: "ok" })();
}

function end(outcome: Outcome): Script {
  return async function* () {
    yield await Promise.resolve({ kind: "end", outcome, receipt: EMPTY_RECEIPT });
  };
}

function cut(first?: "started"): Script {
  return async function* () {
    if (first) yield { kind: first, note: undefined };
    throw await Promise.resolve(new RtoolError("connection_lost", "cut"));
  };
}

async function refused(code: ErrorCode, said: RegExp, run: () => Promise<unknown>): Promise<void> {
  const fault = await assertRejects(run, RtoolError);
  assertEquals(fault.code, code);
  assertMatch(fault.message, said);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
