/**
 * What reaches a terminal: text, line control and colour, and nothing else that would move it.
 */

import { assert, assertEquals, assertRejects, fail } from "@std/assert";
import { BrokenPipeSignal, createOutput, shown, TerminalFilter } from "../cli/terminal.ts";
import { RtoolError } from "../core/errors.ts";
import { createRandom, SEED } from "./random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What may pass: colour (SGR), bell, backspace, tab, line feed, form feed, carriage return. */
const HARMLESS = /\x1b\[[\d;:]*m|[\x07-\x0a\x0c\x0d]/g;

/** What a terminal acts on, and what turns the reading direction around. */
const CONTROL = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** What attackers build with, beside single characters. */
const BRICKS = [
  "\x1b",
  "\x1b[",
  "\x1b]",
  "\x1bP",
  "\x1b[31m",
  "\x1b[0;1;38:5:9m",
  "\x1b[2J",
  "\x1b[6n",
  "\x1b]0;title\x07",
  "\x1b]52;c;aGk=\x1b\\",
  "\x1b\x1b[m",
  "\x9b31m",
  "\x9d0;x\x9c",
  "m",
  "[",
  ";",
  ":",
  "1".repeat(70),
  "\n",
  "\r",
  "\x08",
  "\x7f",
  "\u202e",
  "\u2066",
  "é",
  "😀",
  "日本",
] as const;

const PASSES: readonly string[] = [
  "plain text, naïve 😀 日本\n",
  "a\tb\r\n",
  "progress 10%\r20%\b\b\x07",
  "\x1b[31mred\x1b[0m",
  "\x1b[m\x1b[1;4:3;38;2;1;2;3m",
  "\x1b[38:5:208mx\x1b[39;49m",
];

const SHOWN: readonly (readonly [text: string, shown: string])[] = [
  ["\x1b[2J", "\\x1b[2J"],
  ["\x1b[31", "\\x1b[31"],
  ["\x1b]0;owned\x07", "\\x1b]0;owned\x07"],
  ["\x1bc", "\\x1bc"],
  ["\x1b\x1b[31m", "\\x1b\x1b[31m"],
  ["\x1b[?25l", "\\x1b[?25l"],
  ["\x1b[31 m", "\\x1b[31 m"],
  [`\x1b[${"1".repeat(200)}m`, `\\x1b[${"1".repeat(200)}m`],
  ["\u009b31m", "\\x9b31m"],
  ["\x00\x7f\x0b", "\\x00\\x7f\\x0b"],
  ["a\u202eb\u2069", "a\\u202eb\\u2069"],
];

Deno.test("text, line ends, tabs, bells, backspaces and colour reach the terminal unchanged", () => {
  for (const text of PASSES) assertEquals(filtered([encoder.encode(text)]), text);
});

Deno.test("any other control sequence is shown, not sent", () => {
  for (const [text, expected] of SHOWN) assertEquals(shown(text), expected);
});

Deno.test("bytes that are no UTF-8 are shown as such: none of them is a control character", () => {
  const bytes = Uint8Array.of(0x9b, 0x33, 0x31, 0x6d, 0xff, 0xc3);
  assertEquals(filtered([bytes, encoder.encode("x")]), "\ufffd31m\ufffd\ufffdx");
});

Deno.test("a colour reaches the terminal wherever it is cut", () => {
  const text = "a\x1b[1;31mb\x1b[0mc";
  const bytes = encoder.encode(text);
  for (let at = 0; at <= bytes.length; at++) {
    for (let then = at; then <= bytes.length; then++) {
      const parts = [bytes.subarray(0, at), bytes.subarray(at, then), bytes.subarray(then)];
      assertEquals(filtered(parts), text);
    }
  }
});

Deno.test(`no control byte passes in 200,000 texts, and no cut changes them (seed ${SEED})`, () => {
  const random = createRandom();
  const filter = new TerminalFilter();
  for (let round = 0; round < 200_000; round++) {
    const text = randomText(random) + "."; // Nothing is held back at the end.
    const out = filtered(randomCuts(encoder.encode(text), random), filter);
    if (CONTROL.test(out.replace(HARMLESS, ""))) {
      fail(`${JSON.stringify(text)} came out as ${JSON.stringify(out)}`);
    }
    if (out !== shown(text)) fail(`The cutting changed ${JSON.stringify(text)}`);
  }
});

Deno.test("an unfinished sequence is held back, but never more than a few bytes", () => {
  const filter = new TerminalFilter();
  assertEquals(push(filter, "ab\x1b[3"), "ab");
  assertEquals(push(filter, "1mc"), "\x1b[31mc");
  assertEquals(push(filter, "\x1b["), "");
  assert(push(filter, "1".repeat(100)).startsWith("\\x1b[111"));
});

Deno.test("text that begins with a byte order mark keeps it", () => {
  assertEquals(filtered([encoder.encode("\ufeffa")]), "\ufeffa");
});

Deno.test("createOutput() leaves bytes alone when it is not to escape", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const sink = createSink(7);
  await createOutput(sink, false).write(bytes);
  assertEquals(sink.bytes(), bytes);
});

Deno.test("createOutput() writes all, however little the stream takes at once", async () => {
  const sink = createSink(3);
  const output = createOutput(sink, true);
  await output.write(encoder.encode("naïve \x1b[2Jtext"));
  assertEquals(decoder.decode(sink.bytes()), "naïve \\x1b[2Jtext");
});

Deno.test("createOutput() tells a reader that has gone from a stream that is broken", async () => {
  const failing = (error: Error) => createOutput({ write: () => Promise.reject(error) }, false);
  const write = (error: Error) => failing(error).write(Uint8Array.of(1));
  await assertRejects(() => write(new Deno.errors.BrokenPipe("gone")), BrokenPipeSignal);
  await assertRejects(() => write(new Deno.errors.BadResource("bad")), RtoolError, "bad");
});

function filtered(chunks: readonly Uint8Array[], filter = new TerminalFilter()): string {
  return chunks.map((chunk) => decoder.decode(filter.push(chunk))).join("");
}

function push(filter: TerminalFilter, text: string): string {
  return decoder.decode(filter.push(encoder.encode(text)));
}

function randomText(random: () => number): string {
  let text = "";
  for (let parts = Math.floor(random() * 7); parts >= 0; parts--) {
    const dice = random();
    if (dice < 0.6) text += BRICKS[Math.floor(random() * BRICKS.length)]!;
    else if (dice < 0.9) text += String.fromCharCode(Math.floor(random() * 0xa0));
    else text += String.fromCharCode(0x2000 + Math.floor(random() * 0x70));
  }
  return text;
}

/** Up to three cuts. */
function randomCuts(bytes: Uint8Array, random: () => number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let cuts = Math.floor(random() * 4); cuts > 0; cuts--) {
    const to = from + Math.floor(random() * (bytes.length - from + 1));
    parts.push(bytes.subarray(from, to));
    from = to;
  }
  return [...parts, bytes.subarray(from)];
}

function createSink(most: number): { write(b: Uint8Array): Promise<number>; bytes(): Uint8Array } {
  const taken: number[] = [];
  return {
    write: (bytes) => {
      taken.push(...bytes.subarray(0, most));
      return Promise.resolve(Math.min(most, bytes.length));
    },
    bytes: () => Uint8Array.from(taken),
  };
}
