/**
 * The lines written to R's REPL: each fits R's buffer whatever the code is, and the code arrives as
 * it was, always as data.
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import {
  Commands,
  type JobSettings,
  LINE_BYTES_MAX,
  needsNoMoreLines,
  NO_SETTINGS,
} from "../engine/commands.ts";
import { arbitraryText, SEED, seeded } from "./random.ts";

/** R's CONSOLE_BUFFER_SIZE: a longer line would be cut in two. */
const CONSOLE_BUFFER_BYTES = 4096;

const PREFIX = ".rtool_0a1b2c3d_";
const NONCE = "0123456789abcdef0123456789abcdef";
const commands = new Commands(PREFIX);

const NASTY: readonly (readonly [what: string, code: string])[] = [
  ["nothing", ""],
  ["one letter", "1"],
  ["100 KB of control characters", "\u0001\u001b\u007f".repeat(33_334)],
  ["100 KB of quotes", `"'\``.repeat(33_334)],
  ["100 KB of backslashes", "\\".repeat(100_000)],
  ["100 KB of astral characters", "😀".repeat(25_000)],
  ["astral characters at odd places", "a" + "😀".repeat(25_000)],
  ["100 KB of line ends", "\n".repeat(100_000)],
  ["100 KB of semicolons", ";".repeat(100_000)],
  ["carriage returns and tabs", "\r\t".repeat(10_000)],
  ["three bytes a character", "日本語".repeat(10_000)],
  ["lone surrogates", "\ud800".repeat(10_000)],
  ["a name of ours and an end of line", `${PREFIX}m()\n"); q("no"); ("`.repeat(100)],
  ["600 characters of the longest escapes", "\u0001".repeat(600)],
  ["601 characters of the longest escapes", "\u0001".repeat(601)],
  ["one line of a megabyte", "x".repeat(1 << 20)],
];

for (const [what, code] of NASTY) {
  Deno.test(`every line fits R's buffer, and the code is whole in them: ${what}`, () => {
    for (const ahead of [false, true]) {
      const lines = commands.job(NONCE, code, NO_SETTINGS, ahead);
      assertLinesFit(lines);
      assertHolds(lines, code);
    }
  });
}

Deno.test(`any code is whole in lines that fit R's buffer (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryText(700), fc.nat(12), (piece, repeats) => {
      const code = piece.repeat(repeats);
      const lines = commands.job(NONCE, code, NO_SETTINGS, false);
      assertLinesFit(lines);
      assertHolds(lines, code);
    }),
    seeded(150),
  );
});

Deno.test("a line can hold nothing but calls of ours with literals in them", () => {
  const call = new RegExp(
    `^(${PREFIX}[cb]\\(("([^"\\\\\\n]|\\\\.)*"|\\d+L|TRUE|,)*\\)|${PREFIX}e|${PREFIX}m\\(\\))$`,
  );
  for (const [, code] of NASTY) {
    for (const line of commands.job(NONCE, code, NO_SETTINGS, true).split("\n").slice(0, -1)) {
      assert(call.test(line), line.slice(0, 200));
    }
  }
});

Deno.test("a job's lines end in one pair for each expression there can be, 16 at most", () => {
  const pairs = (code: string) => {
    return commands.job(NONCE, code, NO_SETTINGS, false).split(`${PREFIX}e\n${PREFIX}m()\n`)
      .length - 1;
  };
  assertEquals(pairs("1"), 1);
  assertEquals(pairs("1\n2"), 2);
  assertEquals(pairs("1;2\n3"), 3);
  assertEquals(pairs("1\n".repeat(14)), 15);
  assertEquals(pairs("1\n".repeat(15)), 16);
  assertEquals(pairs("1\n".repeat(500)), 16);
});

Deno.test("a job that needs more lines than were written is known beforehand", () => {
  assertEquals(needsNoMoreLines("1"), true);
  assertEquals(needsNoMoreLines(Array.from({ length: 16 }, () => "1").join("\n")), true);
  assertEquals(needsNoMoreLines(Array.from({ length: 17 }, () => "1").join("\n")), false);
  assertEquals(needsNoMoreLines("x".repeat(601)), false);
});

Deno.test("settings are one call, with every value a literal", () => {
  const settings = {
    ...NO_SETTINGS,
    cwd: '/a "b"\n',
    args: ["--args", "x\\"],
    env: { A: "1", B: 'q"' },
    width: 80,
    last: false,
  };
  const [call = ""] = commands.job(NONCE, "1", settings, false).split(`${PREFIX}b(`);
  const expected = `${PREFIX}o(cwd="/a \\"b\\"\\n",width=80L,args=c("--args","x\\\\"),` +
    `env=structure(c("1","q\\""),names=c("A","B")))`;
  assertEquals(call.replaceAll("\n", ""), expected);
  assertEquals(commands.job(NONCE, "1", NO_SETTINGS, false).startsWith(`${PREFIX}b(`), true);
});

Deno.test("no arguments at all are not the same as R's own", () => {
  const settings = { ...NO_SETTINGS, args: [] };
  assert(commands.job(NONCE, "1", settings, false).startsWith(`${PREFIX}o(args=character())\n`));
});

Deno.test("long settings are broken into lines that fit R's buffer, and keep their values", () => {
  const args = ["--args", ...Array.from({ length: 2000 }, (_, index) => `argument ${index}`)];
  assertSettingsFit({ ...NO_SETTINGS, args });
  assertSettingsFit({ ...NO_SETTINGS, env: Object.fromEntries(args.map((a, i) => [`V${i}`, a])) });
});

Deno.test("an argument with a quote and a comma in it is not where long settings are broken", () => {
  const args = Array.from({ length: 500 }, (_, index) => `a",b",${index}`);
  assertSettingsFit({ ...NO_SETTINGS, args });
});

Deno.test("one argument, directory or variable longer than R's buffer arrives whole too", () => {
  const long = "0123456789 \"'\\\n\u0001😀".repeat(1000);
  assertSettingsFit({ ...NO_SETTINGS, args: [long, "b", long] });
  assertSettingsFit({ ...NO_SETTINGS, env: { LONG: long } });
  assertSettingsFit({ ...NO_SETTINGS, cwd: `/${long}` });
});

Deno.test("the lines that make a worker of a fresh R fit its buffer", () => {
  assertLinesFit(commands.bootstrap(NONCE, { stopFile: "/tmp/stop", holdFile: "/tmp/hold" }));
});

function assertLinesFit(lines: string): void {
  const encoder = new TextEncoder();
  assert(lines.endsWith("\n"));
  for (const line of lines.split("\n")) {
    const bytes = encoder.encode(line).length + 1;
    assert(bytes <= LINE_BYTES_MAX, `A line of ${bytes} bytes: ${line.slice(0, 100)}`);
    assertLess(bytes, CONSOLE_BUFFER_BYTES);
  }
}

/** Fails unless the lines hold this code; R reads the two characters of a CR LF as one. */
function assertHolds(lines: string, code: string): void {
  assert(codeIn(lines) === code.replaceAll("\r\n", "\n"), "The code has changed");
}

/** Fails unless all lines fit and hold exactly these texts, in order, among their literals. */
function assertSettingsFit(settings: JobSettings): void {
  const lines = commands.job(NONCE, "", settings, false);
  assertLinesFit(lines);
  const { cwd, args = [], env } = settings;
  const given = [...(cwd === undefined ? [] : [cwd]), ...args, ...Object.values(env)];
  const written = literalsIn(lines).join("");
  assert(written.startsWith(given.join("")), "The values have changed");
}

/** The code a job's lines hold: the last literal of each call that takes a piece. */
function codeIn(lines: string): string {
  return lines.split("\n")
    .filter((line) => line.startsWith(`${PREFIX}c(`) || line.startsWith(`${PREFIX}b(`))
    .map((line) => literalsIn(line).at(-1) ?? "")
    .join("");
}

/** Every string literal in R source, read as R reads it. */
function literalsIn(source: string): string[] {
  const found: string[] = [];
  for (let at = source.indexOf('"'); at >= 0; at = source.indexOf('"', at)) {
    const [text, end] = readLiteral(source, at + 1);
    found.push(text);
    at = end;
  }
  return found;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  b: "\b",
  f: "\f",
  '"': '"',
  "\\": "\\",
};

/** Text and end of a literal, with the escapes of R's `?Quotes` that may occur here. */
function readLiteral(source: string, from: number): [text: string, end: number] {
  let text = "";
  for (let at = from;; at++) {
    const character = source[at];
    assert(character !== undefined, "A literal without end");
    if (character === '"') return [text, at + 1];
    if (character !== "\\") {
      text += character;
      continue;
    }
    const [escape, value] = readEscape(source.slice(at + 1, at + 6));
    text += value;
    at += escape.length;
  }
}

function readEscape(after: string): [escape: string, value: string] {
  const unicode = /^u[0-9a-f]{4}/.exec(after)?.[0];
  if (unicode) return [unicode, String.fromCharCode(parseInt(unicode.slice(1), 16))];
  const octal = /^[0-7]{3}/.exec(after)?.[0];
  if (octal) return [octal, String.fromCharCode(parseInt(octal, 8))];
  const value = ESCAPES[after[0] ?? ""];
  assert(value !== undefined, `R has no escape \\${after}`);
  return [after[0]!, value];
}
