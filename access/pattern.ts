/**
 * Patterns of text that take time in proportion to the text, whatever the pattern.
 *
 * JavaScript's own engine tries one way after the other, so a pattern such as `(a+)+b` can keep
 * the server busy for years with forty letters. Here all ways are followed at once (Thompson,
 * 1968), and what cannot be had in that way, such as references back, is refused. A part of what
 * `RegExp` takes with the flag `u`, and the whole text has to match.
 *
 * Knows text only. Must not know R or registries.
 */

import { RtoolError } from "../core/errors.ts";
import { parsePattern, type PatternNode, type Ranges } from "./pattern_syntax.ts";

/** A pattern that can be matched. */
export interface Pattern {
  /** As `RegExp` would take it, without anchors. */
  readonly source: string;
  /** Steps of work for each character of a text, at most. */
  readonly states: number;
  /** Whether the whole text is of this form. */
  matches(text: string): boolean;
}

/** A text of n characters costs at most n times as many steps. */
const STATES_MAX = 2_000;

/** Reads a pattern; throws `bad_config` naming what cannot be had. */
export function compilePattern(source: string): Pattern {
  const bare = source.replace(/^\^/, "").replace(/(?<=(?:^|[^\\])(?:\\\\)*)\$$/, "");
  const machine = new Machine();
  machine.start = machine.add(parsePattern(bare), machine.end);
  return {
    source: bare,
    states: machine.size,
    matches: (text) => machine.matches(text),
  };
}

/** A state takes a character of its ranges, or leads on to two others without taking any. */
interface State {
  readonly ranges: Ranges | undefined;
  next: number;
  readonly other: number | undefined;
}

class Machine {
  readonly end: number;
  start = 0;
  readonly #states: State[] = [];
  /** When each state was last entered: at which character. */
  #entered = new Int32Array(0);

  constructor() {
    this.end = this.#state(undefined, -1);
  }

  get size(): number {
    return this.#states.length;
  }

  /** Builds from the end to the start: the state at which `node` begins, before `next`. */
  add(node: PatternNode, next: number): number {
    switch (node.kind) {
      case "set":
        return this.#state(node.ranges, next);
      case "sequence":
        return node.parts.reduceRight((after, part) => this.add(part, after), next);
      case "choice":
        return node.ways.map((way) => this.add(way, next))
          .reduce((one, other) => this.#state(undefined, one, other));
      case "repeat":
        return this.#repeat(node, next);
      default:
        return node satisfies never;
    }
  }

  matches(text: string): boolean {
    this.#entered = new Int32Array(this.#states.length).fill(-1);
    let current: number[] = [];
    let at = 0;
    this.#enter(this.start, at, current);
    for (const character of text) {
      const point = character.codePointAt(0)!;
      const following: number[] = [];
      at++;
      for (const index of current) {
        const { ranges, next } = this.#states[index]!;
        if (ranges && isIn(ranges, point)) this.#enter(next, at, following);
      }
      if (following.length === 0) return false;
      current = following;
    }
    return current.includes(this.end);
  }

  #repeat({ part, least, most }: PatternNode & { kind: "repeat" }, next: number): number {
    let first = next;
    if (most === undefined) {
      const loop = this.#state(undefined, -1, next);
      this.#states[loop]!.next = this.add(part, loop);
      first = loop;
    } else {
      for (let count = least; count < most; count++) {
        first = this.#state(undefined, this.add(part, first), next);
      }
    }
    for (let count = 0; count < least; count++) first = this.add(part, first);
    return first;
  }

  #state(ranges: Ranges | undefined, next: number, other?: number): number {
    if (this.#states.length >= STATES_MAX) {
      throw new RtoolError("bad_config", `it has more than ${STATES_MAX} steps`);
    }
    return this.#states.push({ ranges, next, other }) - 1;
  }

  /** Each state once a character: this is what bounds the work. */
  #enter(first: number, at: number, into: number[]): void {
    const open = [first];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (this.#entered[index] === at) continue;
      this.#entered[index] = at;
      const { ranges, next, other } = this.#states[index]!;
      if (ranges || index === this.end) into.push(index);
      else open.push(next, ...(other === undefined ? [] : [other]));
    }
  }
}

function isIn(ranges: Ranges, point: number): boolean {
  return ranges.some(([from, to]) => from <= point && point <= to);
}
