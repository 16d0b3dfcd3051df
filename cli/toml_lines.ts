/**
 * Where in a TOML text each key stands, which the TOML reader does not tell.
 *
 * Only for text that the reader has taken: nothing is checked here again. Must not know which keys
 * there are.
 */

import type { KeyPath } from "../core/toml_value.ts";

/** Lines of keys and tables, from 1. */
export interface KeyLines {
  /** The line a key or table first stands on, or `undefined` when the text has none such. */
  maybeLine(path: KeyPath): number | undefined;
}

/** Finds every key of a text that is TOML. */
export function findKeyLines(text: string): KeyLines {
  const lines = new LineFinder(text).find();
  return { maybeLine: (path) => lines.get(JSON.stringify(path)) };
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  t: "\t",
  n: "\n",
  f: "\f",
  r: "\r",
  e: "\x1b",
};

/** Reads statement by statement: what looks like a key in a string or comment is none. */
class LineFinder {
  readonly #text: string;
  readonly #lines = new Map<string, number>();
  /** How many tables each array of tables has until now. */
  readonly #tables = new Map<string, number>();
  #at = 0;
  #line = 1;
  /** How far lines have been counted. */
  #counted = 0;

  constructor(text: string) {
    this.#text = text;
  }

  find(): ReadonlyMap<string, number> {
    let table: KeyPath = [];
    if (this.#text.startsWith("\ufeff")) this.#at++;
    for (this.#skipBlank(); this.#at < this.#text.length; this.#skipBlank()) {
      if (this.#peek() === "[") table = this.#header();
      else this.#assignment(table);
    }
    return this.#lines;
  }

  #header(): KeyPath {
    const isArray = this.#text.startsWith("[[", this.#at);
    const line = this.#lineHere();
    this.#at += isArray ? 2 : 1;
    const names = this.#key("]");
    this.#at += isArray ? 2 : 1;
    const path = this.#inLastTables(names);
    this.#note(path, line);
    if (!isArray) return path;
    const key = JSON.stringify(path);
    const index = this.#tables.get(key) ?? 0;
    this.#tables.set(key, index + 1);
    this.#note([...path, index], line);
    return [...path, index];
  }

  /** A header below an array of tables means the last table of that array. */
  #inLastTables(names: readonly string[]): KeyPath {
    const path: (string | number)[] = [];
    for (const [at, name] of names.entries()) {
      path.push(name);
      const tables = this.#tables.get(JSON.stringify(path));
      if (tables !== undefined && at < names.length - 1) path.push(tables - 1);
    }
    return path;
  }

  #assignment(table: KeyPath): void {
    const line = this.#lineHere();
    const path = [...table, ...this.#key("=")];
    this.#at++;
    this.#note(path, line);
    this.#skipBlank();
    this.#value(path);
  }

  /** Notes the first line of a path, and of the tables it goes through. */
  #note(path: KeyPath, line: number): void {
    for (let length = path.length; length > 0; length--) {
      const key = JSON.stringify(path.slice(0, length));
      if (this.#lines.has(key)) return;
      this.#lines.set(key, line);
    }
  }

  /** The names of a key, which ends before `end`. */
  #key(end: string): string[] {
    const names: string[] = [];
    for (;;) {
      this.#skip(/[ \t]*/y);
      const quote = this.#peek();
      names.push(
        quote === '"' || quote === "'" ? this.#string(quote) : this.#skip(/[^\s.=\]"']*/y),
      );
      this.#skip(/[ \t]*/y);
      if (this.#peek() !== ".") break;
      this.#at++;
    }
    if (this.#peek() !== end) this.#at = this.#text.length; // No TOML: nothing more to find.
    return names;
  }

  #value(path: KeyPath): void {
    const first = this.#peek();
    const isLong = this.#text.startsWith(first.repeat(3), this.#at);
    switch (first) {
      case '"':
      case "'":
        if (isLong) this.#longString(first);
        else this.#string(first);
        return;
      case "[":
        return this.#items("]", (index) => this.#value([...path, index]));
      case "{":
        return this.#items("}", () => this.#assignment(path));
      default:
        // Numbers, dates and truth values; a date may have a space before its time.
        this.#skip(/[^\s,\]}#]*(?: \d\d:[^\s,\]}#]*)?/y);
    }
  }

  #items(close: string, item: (index: number) => void): void {
    this.#at++;
    this.#skipBlank();
    for (let index = 0; this.#at < this.#text.length && this.#peek() !== close; index++) {
      const before = this.#at;
      item(index);
      this.#skipBlank();
      if (this.#peek() === ",") this.#at++;
      this.#skipBlank();
      if (this.#at === before) break; // No TOML.
    }
    this.#at++;
  }

  #string(quote: string): string {
    const raw = this.#skip(quote === '"' ? /"(?:[^"\\\n]|\\.)*"/y : /'[^'\n]*'/y).slice(1, -1);
    return quote === '"' ? unescaped(raw) : raw;
  }

  /** Up to two quotes may stand before the three that end it. */
  #longString(quote: string): void {
    this.#skip(quote === '"' ? /"""(?:[^\\]|\\[^])*?"""(?:"{0,2})/y : /'''[^]*?'''(?:'{0,2})/y);
  }

  #skipBlank(): void {
    this.#skip(/(?:\s|#[^\n]*)*/y);
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #lineHere(): number {
    while (this.#counted < this.#at) {
      const end = this.#text.indexOf("\n", this.#counted);
      if (end === -1 || end >= this.#at) break;
      this.#counted = end + 1;
      this.#line++;
    }
    return this.#line;
  }
}

function unescaped(raw: string): string {
  return raw.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(.))/g,
    (_, two?: string, four?: string, eight?: string, letter = "") => {
      const hex = two ?? four ?? eight;
      return hex === undefined
        ? ESCAPES[letter] ?? letter
        : String.fromCodePoint(parseInt(hex, 16));
    },
  );
}
