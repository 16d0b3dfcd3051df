/**
 * Where a text stops being JSON, for the message to whoever wrote it.
 *
 * The engine's own parser says so only for some faults. Called after it has failed.
 */

/** The first character that cannot stand where it does. */
export interface JsonFault {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What is there, in words. */
  readonly found: string;
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** What may come next; `first` is what follows a bracket: its end, or a value, or a key. */
type Expected = "value" | "first" | "key" | "colon" | "more";

/** Where the text stops being JSON; its end when it only stops too early. */
export function findFault(text: string): JsonFault {
  const at = faultAt(text);
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const found = at >= text.length
    ? "the text ends too early"
    : `unexpected ${JSON.stringify(String.fromCodePoint(text.codePointAt(at)!))}`;
  return { line, column: at - before.lastIndexOf("\n"), found };
}

function faultAt(text: string): number {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  for (let at = 0;;) {
    at = skip(SPACE, text, at) ?? at;
    const char = text[at];
    const inside = open.at(-1);
    const isClosing = (expected === "first" || expected === "more") &&
      char === (inside === "{" ? "}" : inside === "[" ? "]" : undefined);
    if (char === undefined) return at;
    if (isClosing) {
      open.pop();
      expected = "more";
      at++;
    } else if (expected === "more" || expected === "colon") {
      if (inside === undefined || char !== (expected === "more" ? "," : ":")) return at;
      expected = expected === "more" && inside === "{" ? "key" : "value";
      at++;
    } else if (char === '"') {
      const end = skipString(text, at);
      if (text[end] !== '"') return end;
      expected = isKey(expected, inside) ? "colon" : "more";
      at = end + 1;
    } else if (isKey(expected, inside)) {
      return at;
    } else if (char === "{" || char === "[") {
      open.push(char);
      expected = "first";
      at++;
    } else {
      const end = skip(SCALAR, text, at);
      if (end === undefined) return at;
      expected = "more";
      at = end;
    }
  }
}

function isKey(expected: Expected, inside: "{" | "[" | undefined): boolean {
  return expected === "key" || (expected === "first" && inside === "{");
}

/** Where a string ends: at its closing quote, or at what cannot be in one. */
function skipString(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22 || code < 0x20) return at;
    if (code !== 0x5c) continue;
    const end = skip(ESCAPE, text, at);
    if (end === undefined) return at;
    at = end - 1;
  }
  return at;
}

function skip(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
