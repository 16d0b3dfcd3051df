/**
 * The lines of --ndjson, without a server.
 */

import { assertEquals } from "@std/assert";
import { EventLines } from "../cli/event_lines.ts";
import type { ClientEvent } from "../client_stream.ts";
import { EMPTY_RECEIPT } from "../core/job.ts";

const END: ClientEvent = { kind: "end", outcome: { kind: "ok" }, receipt: EMPTY_RECEIPT };

Deno.test("each event is one line that names it, in the words of the wire", async () => {
  const condition = { kind: "warning", text: "w\n", call: null, classes: ["warning"] } as const;
  const holder = { job: "ab", ageMs: 5 };
  const item = { kind: "plot", page: 1, format: "png", width: 7, height: 5, dpi: 144 } as const;
  const { lines } = await written([
    { kind: "accepted", job: "ff", note: "it waits" },
    { kind: "waiting", ahead: 2, holder },
    { kind: "started", note: undefined },
    { kind: "stdout", bytes: bytes('a\n"b" \x1b[1m') },
    { kind: "condition", condition },
    { kind: "item", item },
    { kind: "item_bytes", bytes: new Uint8Array([0, 255]) },
    { kind: "item_end", problem: undefined },
    { kind: "prompt", text: "? " },
  ]);
  assertEquals(lines, [
    { event: "accepted", job: "ff", note: "it waits" },
    { event: "waiting", ahead: 2, job: "ab", job_age_ms: 5 },
    { event: "started" },
    { event: "stdout", text: 'a\n"b" \x1b[1m' },
    { event: "warning", text: "w\n", call: null, classes: ["warning"] },
    { event: "item", ...item },
    { event: "item_bytes", data: "AP8=" },
    { event: "item_end" },
    { event: "prompt", text: "? " },
  ]);
});

Deno.test("a line is written as soon as its event is there", async () => {
  const { writes } = await written([{ kind: "started", note: "n" }, END]);
  assertEquals(writes.map((text) => [text.split("\n").length, text.at(-1)]), [[2, "\n"], [
    2,
    "\n",
  ]]);
});

Deno.test("the last line says how the job ended, as the document of --json does", async () => {
  const { lines } = await written([
    { kind: "accepted", job: "ff" },
    { ...END, outcome: { kind: "quit", status: 3 } },
  ]);
  const { event, outcome, origin, exit_status, job, receipt } = lines[1]!;
  assertEquals({ event, outcome, origin, exit_status, job }, {
    event: "end",
    outcome: { kind: "quit", status: 3 },
    origin: "r",
    exit_status: 3,
    job: "ff",
  });
  assertEquals((receipt as Record<string, unknown>)["session_survived"], true);
});

Deno.test("a character that is cut in two comes whole, with the second of its events", async () => {
  const [first, second] = [bytes("é").subarray(0, 1), bytes("é").subarray(1)];
  const { lines } = await written([
    { kind: "stdout", bytes: first },
    { kind: "stderr", bytes: bytes("e") },
    { kind: "stdout", bytes: second },
  ]);
  assertEquals(lines.map(({ event, text }) => `${event} ${text}`), [
    "stdout ",
    "stderr e",
    "stdout é",
  ]);
});

Deno.test("bytes that are no UTF-8 are U+FFFD, also at the end", async () => {
  const { lines } = await written([
    { kind: "stdout", bytes: new Uint8Array([0x61, 0xff, 0x62]) },
    { kind: "stderr", bytes: new Uint8Array([0xc3]) },
    END,
  ]);
  assertEquals(lines.map(({ event, text }) => [event, text]), [
    ["stdout", "a\ufffdb"],
    ["stderr", ""],
    ["stderr", "\ufffd"],
    ["end", undefined],
  ]);
});

async function written(
  events: readonly ClientEvent[],
): Promise<{ writes: string[]; lines: Record<string, unknown>[] }> {
  const writes: string[] = [];
  const output = {
    write: (chunk: Uint8Array) => {
      writes.push(new TextDecoder().decode(chunk));
      return Promise.resolve();
    },
  };
  const lines = new EventLines(output);
  for (const event of events) await lines.write(event);
  return { writes, lines: writes.map((text) => JSON.parse(text)) };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
