/**
 * The lines of keys: each where it stands, whatever stands around it.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parse } from "smol-toml";
import { findKeyLines } from "../cli/toml_lines.ts";
import type { KeyPath } from "../core/toml_value.ts";
import { SEED, seeded } from "./random.ts";

/** Text, and the line of each key in it. */
const CASES: Readonly<Record<string, readonly (readonly [path: KeyPath, line: number])[]>> = {
  "a = 1\nb = 2": [[["a"], 1], [["b"], 2]],
  "\ufeffa = 1": [[["a"], 1]],
  "\r\n\r\na = 1\r\nb = 2\r\n": [[["a"], 3], [["b"], 4]],
  "# a = 1\na = 2 # b = 3\nb = 4": [[["a"], 2], [["b"], 3]],
  "a.b.c = 1\na.b.d = 2": [[["a"], 1], [["a", "b"], 1], [["a", "b", "c"], 1], [["a", "b", "d"], 2]],
  "a . b\t. c = 1": [[["a", "b", "c"], 1]],
  "3.14 = 1": [[["3", "14"], 1]],
  "\"a b\" = 1\n'c.d' = 2\n'' = 3": [[["a b"], 1], [["c.d"], 2], [[""], 3]],
  '"a\\u0062\\"]=" = 1\n"\\U0001F600" = 2': [[['ab"]='], 1], [["\u{1F600}"], 2]],
  "[a]\nb = 1\n[ c . 'd]' ] # e\nf = 2": [[["a"], 1], [["a", "b"], 2], [["c", "d]", "f"], 4]],
  "[a.b]\nc = 1\n[a]\nd = 2": [[["a"], 1], [["a", "b"], 1], [["a", "b", "c"], 2], [["a", "d"], 4]],
  "a = { b = 1, c.d = 2, 'e' = { f = 3 } }": [[["a", "b"], 1], [["a", "c", "d"], 1], [[
    "a",
    "e",
    "f",
  ], 1]],
  'a = [\n  1, # x = 1\n  "]",\n  { b = 2 },\n]\nc = 3': [[["a"], 1], [["a", 2, "b"], 4], [
    ["c"],
    6,
  ]],
  "[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3": [[["a"], 1], [["a", 0, "b"], 2], [["a", 1], 3], [[
    "a",
    1,
    "b",
  ], 4], [["a", 1, "c", "d"], 6]],
  "[[a]]\n[[a.b]]\n[[a.b]]\nc = 1\n[[a]]\n[[a.b]]\nc = 2": [[["a", 0, "b", 1, "c"], 4], [[
    "a",
    1,
    "b",
    0,
    "c",
  ], 7]],
  'a = """\nb = 1\n[c]\n"""\nb = 2': [[["b"], 5]],
  "a = '''\nb = 1\n'''\nb = 2": [[["b"], 4]],
  'a = """x\\"""\nb = 1\n"""""\nb = 2': [[["b"], 4]],
  "a = ''''x'''''\nb = 2": [[["b"], 2]],
  "a = \"\"\nb = ''\nc = 1": [[["b"], 2], [["c"], 3]],
  'a = "\\\\"\nb = "\\"#"\nc = 1': [[["b"], 2], [["c"], 3]],
  "a = 1979-05-27 07:32:00Z\nb = 1": [[["b"], 2]],
  "a = [1979-05-27 07:32:00, 2]\nb = 1": [[["b"], 2]],
  "a = +1_000e-3\nb = -inf # c = 1\nc = 0xff": [[["b"], 2], [["c"], 3]],
  "__proto__ = 1\nconstructor.prototype = 2": [[["__proto__"], 1], [
    ["constructor", "prototype"],
    2,
  ]],
};

for (const [text, expected] of Object.entries(CASES)) {
  Deno.test(`findKeyLines() finds the keys of ${JSON.stringify(text)}`, () => {
    parse(text); // It is TOML.
    const lines = findKeyLines(text);
    for (const [path, line] of expected) assertEquals(lines.maybeLine(path), line, path.join());
  });
}

Deno.test("findKeyLines() finds no key that is none", () => {
  const text = 'a = """\nb = 1\n"""\n# c = 1\nd = "e = 1"\nf = [\n  "g = 1",\n]\n';
  const lines = findKeyLines(text);
  for (const name of ["b", "c", "e", "g", ""]) assertEquals(lines.maybeLine([name]), undefined);
});

Deno.test(`findKeyLines() finds every key of any text on its own line (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(statement(), { maxLength: 30 }), fc.boolean(), (parts, crlf) => {
      const { text, lines: expected } = write(parts);
      const whole = crlf ? text.replaceAll("\n", "\r\n") : text;
      parse(whole); // It is TOML.
      const lines = findKeyLines(whole);
      for (const [path, line] of expected) assertEquals(lines.maybeLine(path), line, whole);
    }),
    seeded(300),
  );
});

Deno.test(`findKeyLines() ends on any text, TOML or not (seed ${SEED})`, () => {
  const token = fc.constantFrom(..."ab.=[]{},\"'#\\ \n\t1", '"""', "'''", "[[", "]]", "a = ");
  fc.assert(
    fc.property(fc.array(token, { maxLength: 60 }), (tokens) => {
      findKeyLines(tokens.join(""));
    }),
    seeded(1000),
  );
});

Deno.test("findKeyLines() takes a time in proportion to the text", () => {
  const text = "# x\n".repeat(100_000) + "[a]\n" +
    Array.from({ length: 50_000 }, (_, i) => `k${i} = """\n${i}"""\n`).join("");
  assertEquals(findKeyLines(text).maybeLine(["a", "k49999"]), 100_001 + 2 * 49_999 + 1);
});

type Statement =
  | { readonly kind: "blank"; readonly text: string }
  | { readonly kind: "header"; readonly isArray: boolean; readonly quote: string }
  | { readonly kind: "key"; readonly quote: string; readonly dots: number; readonly value: Value };

/** Text of a value, and the keys in it by their lines, counted from its first. */
interface Value {
  readonly text: string;
  readonly keys: readonly (readonly [path: KeyPath, line: number])[];
}

function statement(): fc.Arbitrary<Statement> {
  const quote = fc.constantFrom("", '"', "'");
  return fc.oneof(
    fc.constantFrom("", "   ", "# k1 = 1", "\t# [k2]", '# """').map((text) => ({
      kind: "blank" as const,
      text,
    })),
    fc.record({ kind: fc.constant("header" as const), isArray: fc.boolean(), quote }),
    fc.record({
      kind: fc.constant("key" as const),
      quote,
      dots: fc.integer({ min: 0, max: 2 }),
      value: value(),
    }),
  );
}

function value(): fc.Arbitrary<Value> {
  const plain = fc.constantFrom(
    ...["1", "true", "-0.5e3", "1979-05-27", "1979-05-27 07:32:00", "07:32:00", '""', "''"],
    ...['"k1 = 1"', "'[k2] #'", '"\\\\"', '"\\""', '"""k1"""', '"""\nk1 = 1\n"""'],
    ...["'''\n[k2]\nk1 = '''''", '"""\\"""\nk1 = 1"""""', "[]", "{}"],
  ).map((text): Value => ({ text, keys: [] }));
  return fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      plain,
      fc.array(tie("value"), { minLength: 1, maxLength: 3 }).map(arrayOf),
      tie("value").map(({ text, keys }): Value => ({
        text: `{ "in.ner" = ${text} }`,
        keys: [[["in.ner"], 0], ...keys.map(([path, at]) => [["in.ner", ...path], at] as const)],
      })),
    ),
  })).value;
}

/** An array with an item on each line, and keys in comments between them. */
function arrayOf(items: readonly Value[]): Value {
  let text = "[\n";
  const keys: (readonly [KeyPath, number])[] = [];
  for (const [index, item] of items.entries()) {
    const first = countLines(text);
    for (const [path, at] of item.keys) keys.push([[index, ...path], first + at]);
    text += `${item.text}, # k = 1\n`;
  }
  return { text: `${text}]`, keys };
}

/** The text, every name of which occurs once, so that it is TOML. */
function write(parts: readonly Statement[]): Value & { lines: Value["keys"] } {
  let text = "";
  let table: KeyPath = [];
  const lines: (readonly [KeyPath, number])[] = [];
  for (const [index, part] of parts.entries()) {
    const line = countLines(text) + 1;
    if (part.kind === "blank") {
      text += `${part.text}\n`;
    } else if (part.kind === "header") {
      const name = `t${index}`;
      table = part.isArray ? [name, 0] : [name];
      lines.push([[name], line]);
      const [open, close] = part.isArray ? ["[[", "]]"] : ["[", "]"];
      text += ` ${open} ${part.quote}${name}${part.quote} ${close} # k = 1\n`;
    } else {
      const names = Array.from({ length: part.dots + 1 }, (_, i) => `k${index}${"=.#"[i]}`);
      const mark = part.quote === "" ? '"' : part.quote;
      const path = [...table, ...names];
      lines.push([path, line]);
      for (const [inner, at] of part.value.keys) lines.push([[...path, ...inner], line + at]);
      text += `${names.map((name) => mark + name + mark).join(" . ")} = ${part.value.text}\n`;
    }
  }
  return { text, keys: [], lines };
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}
