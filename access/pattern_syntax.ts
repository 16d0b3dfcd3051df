/**
 * Reads the text of a pattern; part of pattern.ts.
 */

import { RtoolError } from "../core/errors.ts";

/** Code points, from and to. */
export type Ranges = readonly (readonly [from: number, to: number])[];

/** What a pattern is made of. */
export type PatternNode =
  | { readonly kind: "set"; readonly ranges: Ranges }
  | { readonly kind: "sequence"; readonly parts: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly ways: readonly PatternNode[] }
  | {
    readonly kind: "repeat";
    readonly part: PatternNode;
    readonly least: number;
    readonly most: number | undefined;
  };

/** Reads a pattern without anchors; throws `bad_config`. */
export function parsePattern(source: string): PatternNode {
  if (source.length > CHARS_MAX) throw fault(`it has more than ${CHARS_MAX} characters`);
  return new Parser(source).pattern();
}

const CHARS_MAX = 1_000;
const DEPTH_MAX = 20;
const REPEATS_MAX = 1_000;
const POINT_MAX = 0x10ffff;

const DIGIT: Ranges = [[0x30, 0x39]];
const WORD: Ranges = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACE: Ranges = [
  ...[[0x09, 0x0d], [0x20, 0x20], [0xa0, 0xa0], [0x1680, 0x1680], [0x2000, 0x200a]] as const,
  ...[[0x2028, 0x2029], [0x202f, 0x202f], [0x205f, 0x205f], [0x3000, 0x3000]] as const,
  [0xfeff, 0xfeff],
];
const LINE_END: Ranges = [[0x0a, 0x0a], [0x0d, 0x0d], [0x2028, 0x2029]];

const SETS: Readonly<Record<string, Ranges>> = {
  d: DIGIT,
  D: inverted(DIGIT),
  w: WORD,
  W: inverted(WORD),
  s: SPACE,
  S: inverted(SPACE),
};

const CONTROLS: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f", v: "\v" };
const SYNTAX = "^$\\.*+?()[]{}|/";

class Parser {
  /** Whole characters. */
  readonly #source: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = [...source];
  }

  pattern(): PatternNode {
    const node = this.#choice();
    if (this.#peek() !== undefined) throw fault("a ')' closes nothing");
    return node;
  }

  #choice(): PatternNode {
    const ways = [this.#sequence()];
    while (this.#maybeTake("|")) ways.push(this.#sequence());
    return ways.length === 1 ? ways[0]! : { kind: "choice", ways };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    for (let next = this.#peek(); next !== undefined; next = this.#peek()) {
      if (next === "|" || next === ")") break;
      parts.push(this.#repeated(this.#atom()));
    }
    return { kind: "sequence", parts };
  }

  #repeated(part: PatternNode): PatternNode {
    const bounds = this.#maybeBounds();
    if (!bounds) return part;
    if ("*+?{".includes(this.#peek() ?? " ")) throw fault("a repetition follows a repetition");
    return { kind: "repeat", part, ...bounds };
  }

  #maybeBounds(): { least: number; most: number | undefined } | undefined {
    if (this.#maybeTake("*")) return { least: 0, most: undefined };
    if (this.#maybeTake("+")) return { least: 1, most: undefined };
    if (this.#maybeTake("?")) return { least: 0, most: 1 };
    if (!this.#maybeTake("{")) return undefined;
    const found = /^(\d{1,4})(,(\d{1,4})?)?\}/.exec(this.#source.slice(this.#at).join(""));
    if (!found) throw fault("'{' begins no number of repetitions");
    this.#at += found[0].length;
    const least = Number(found[1]);
    const most = found[2] === undefined
      ? least
      : found[3] === undefined
      ? undefined
      : Number(found[3]);
    if (least > (most ?? least)) throw fault("a repetition ends before it begins");
    if ((most ?? least) > REPEATS_MAX) throw fault(`it repeats more than ${REPEATS_MAX} times`);
    return { least, most };
  }

  #atom(): PatternNode {
    const character = this.#take();
    switch (character) {
      case ".":
        return { kind: "set", ranges: inverted(LINE_END) };
      case "[":
        return { kind: "set", ranges: this.#class() };
      case "(":
        return this.#group();
      case "\\":
        return { kind: "set", ranges: this.#escape(SYNTAX) };
      case "^":
      case "$":
        throw fault(`'${character}' stands inside; the whole text has to match anyway`);
      case "*":
      case "+":
      case "?":
      case "{":
      case "}":
      case "]":
        throw fault(`'${character}' stands for itself only as '\\${character}'`);
      default:
        return { kind: "set", ranges: [single(character)] };
    }
  }

  #group(): PatternNode {
    if (++this.#depth > DEPTH_MAX) throw fault(`its groups are nested more than ${DEPTH_MAX} deep`);
    if (this.#maybeTake("?") && !this.#maybeTake(":")) {
      throw fault("of the groups that begin with '(?' there is only '(?:'");
    }
    const node = this.#choice();
    if (!this.#maybeTake(")")) throw fault("a '(' is not closed");
    this.#depth--;
    return node;
  }

  #class(): Ranges {
    const isInverted = this.#maybeTake("^");
    const ranges: (readonly [number, number])[] = [];
    while (!this.#maybeTake("]")) {
      const from = this.#member();
      const isRange = this.#peek() === "-" && this.#source[this.#at + 1] !== "]";
      if (!isRange) {
        ranges.push(...from);
        continue;
      }
      this.#at++;
      const to = this.#member();
      const [low, high] = [onlyPoint(from), onlyPoint(to)];
      if (low === undefined || high === undefined || low > high) {
        throw fault("a range in '[]' is none");
      }
      ranges.push([low, high]);
    }
    return isInverted ? inverted(ranges) : ranges;
  }

  #member(): Ranges {
    const character = this.#take("a '[' is not closed");
    return character === "\\" ? this.#escape(`${SYNTAX}-`) : [single(character)];
  }

  #escape(plain: string): Ranges {
    const character = this.#take("it ends in '\\'");
    const set = SETS[character];
    if (set) return set;
    const control = CONTROLS[character];
    if (control !== undefined) return [single(control)];
    if (plain.includes(character)) return [single(character)];
    const digits = { x: 2, u: 4 }[character];
    const hex = digits && this.#source.slice(this.#at, this.#at + digits).join("");
    if (digits && hex && hex.length === digits && /^[0-9a-fA-F]+$/.test(hex)) {
      this.#at += digits;
      const point = parseInt(hex, 16);
      return [[point, point]];
    }
    throw fault(`'\\${character}' is not known here`);
  }

  #peek(): string | undefined {
    return this.#source[this.#at];
  }

  #take(problem = "it ends too early"): string {
    const character = this.#source[this.#at++];
    if (character === undefined) throw fault(problem);
    return character;
  }

  #maybeTake(character: string): boolean {
    const isThere = this.#peek() === character;
    if (isThere) this.#at++;
    return isThere;
  }
}

function single(character: string): readonly [number, number] {
  const point = character.codePointAt(0)!;
  return [point, point];
}

function onlyPoint(ranges: Ranges): number | undefined {
  const [first] = ranges;
  return ranges.length === 1 && first && first[0] === first[1] ? first[0] : undefined;
}

function inverted(ranges: Ranges): Ranges {
  const sorted = [...ranges].sort(([a], [b]) => a - b);
  const others: (readonly [number, number])[] = [];
  let from = 0;
  for (const [low, high] of sorted) {
    if (low > from) others.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  if (from <= POINT_MAX) others.push([from, POINT_MAX]);
  return others;
}

function fault(what: string): RtoolError {
  return new RtoolError("bad_config", what);
}
