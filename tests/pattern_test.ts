/**
 * Patterns of registries: they mean what RegExp makes of them, and cannot be made slow.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { compilePattern } from "../access/pattern.ts";
import { RtoolError } from "../core/errors.ts";
import { SEED, seeded } from "./random.ts";

const PATTERNS = [
  "a",
  "^abc$",
  "a|b|",
  "[a-z]+",
  "[^a-z]*",
  "\\d{4}-\\d{2}-\\d{2}",
  "(ab)*c?",
  "(?:a|b){2,3}",
  "a{2,}",
  "[\\w.-]+@[\\w-]+(\\.[a-z]+)+",
  ".",
  ".*",
  "\\s\\S\\W\\D",
  "[\\d\\-\\]]",
  "[a-]",
  "\\x41\\u00e9",
  "a\\$",
  "\\\\$",
  "(a*)*",
  "(a|b|ab)*",
  "[^]",
  "😀+",
  "\\/\\.\\*",
];

const REFUSED = [
  "(",
  ")",
  "[a",
  "a**",
  "a+?",
  "*",
  "{",
  "a{3,2}",
  "a{,2}",
  "a{2000}",
  "(a{500}){500}",
  "(?=a)",
  "(?<!a)",
  "(?<n>a)",
  "(a)\\1",
  "\\k<n>",
  "\\p{L}",
  "\\b",
  "a^",
  "$a",
  "\\",
  "[z-a]",
  "[\\d-z]",
  "\\xg1",
  "]",
  "a".repeat(1001),
  "(".repeat(21) + "a" + ")".repeat(21),
];

for (const source of PATTERNS) {
  Deno.test(`the pattern ${source} means what it means to RegExp (seed ${SEED})`, () => {
    const pattern = compilePattern(source);
    const oracle = new RegExp(`^(?:${pattern.source})$`, "u");
    const likely = fc.constantFrom(..."aabbc cz09-.@]$\\/*😀é\nA".split(/(?:)/u), "2024-01-31");
    const text = fc.array(likely, { maxLength: 8 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(text, fc.stringMatching(oracle)), (given) => {
        assertEquals(pattern.matches(given), oracle.test(given), JSON.stringify(given));
      }),
      seeded(200),
    );
  });
}

for (const source of REFUSED) {
  Deno.test(`the pattern ${source.slice(0, 30)} is refused`, () => {
    assertEquals(assertThrows(() => compilePattern(source), RtoolError).code, "bad_config");
  });
}

Deno.test("a pattern on which RegExp would never end takes as long as any other", () => {
  const pattern = compilePattern("(a+)+(a|aa)*(.*.*.*)b");
  assertEquals(pattern.matches("a".repeat(10_000)), false);
  assert(pattern.matches("a".repeat(10_000) + "b"));
});

Deno.test(`any text is a pattern or is refused as one (seed ${SEED})`, () => {
  const piece = fc.constantFrom(..."()[]{}|*+?.^$\\-,019azdwsxu:=<!é".split(""));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        const { source } = compilePattern(pieces.join(""));
        // What is taken is what RegExp takes, too: JSON Schema hands it on.
        new RegExp(`^(?:${source})$`, "u");
      } catch (error) {
        assert(error instanceof RtoolError, String(error));
      }
    }),
    seeded(2000),
  );
});
