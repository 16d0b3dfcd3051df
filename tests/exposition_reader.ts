/**
 * Reads what Prometheus reads, as strictly: families in one piece, each sample once, buckets that
 * only grow.
 */

import { assert, assertEquals } from "@std/assert";

/** A page that has been read. */
export interface ReadPage {
  /** By `name{label="value",...}`, as it is written. */
  readonly values: ReadonlyMap<string, number>;
  readonly families: ReadonlyMap<string, { readonly type: string; readonly help: string }>;
}

const HELP = /^# HELP ([a-z_]+) (.+)$/;
const TYPE = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/;
const SAMPLE = /^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\S+)$/;

/** Reads a page; fails on the first line that Prometheus would not take. */
export function readPage(text: string): ReadPage {
  const values = new Map<string, number>();
  const families = new Map<string, { type: string; help: string }>();
  let [name, help] = ["", ""];
  assert(text.endsWith("\n"), "The last line has no end");
  for (const line of text.slice(0, -1).split("\n")) {
    if (line.startsWith("# HELP")) {
      [, name = "", help = ""] = HELP.exec(line) ?? [];
      assert(name !== "" && !families.has(name), line);
    } else if (line.startsWith("# TYPE")) {
      const [, named, type = ""] = TYPE.exec(line) ?? [];
      assertEquals(named, name);
      families.set(name, { type, help });
    } else {
      const [, named = "", labels, value = ""] = SAMPLE.exec(line) ?? [];
      assertEquals(named.replace(/_(bucket|sum|count)$/, ""), name.replace(/_count$/, ""), line);
      const key = labels === undefined ? named : `${named}{${labels}}`;
      assert(!values.has(key), `${key} is there twice`);
      values.set(key, numberOf(value));
    }
  }
  for (const [family, { type }] of families) if (type === "histogram") check(values, family);
  return { values, families };
}

/** The label values of a series' key, in order, with their escapes undone. */
export function labelsOf(key: string): string[] {
  return [...key.matchAll(/="((?:[^"\\]|\\.)*)"/g)].map(([, value]) => {
    return value!.replace(/\\(.)/g, (_, char) => char === "n" ? "\n" : char);
  });
}

/** Buckets count all below, and the last is the count. */
function check(values: ReadonlyMap<string, number>, family: string): void {
  let [before, bound] = [0, -Infinity];
  for (const [key, value] of values) {
    if (!key.startsWith(`${family}_bucket`)) continue;
    const le = numberOf(labelsOf(key).at(-1)!);
    assert(le > bound && value >= before, key);
    [before, bound] = [value, le];
  }
  assertEquals([bound, before], [Infinity, values.get(`${family}_count`)], family);
  assert(values.has(`${family}_sum`), family);
}

function numberOf(text: string): number {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  assert(/^-?\d+(\.\d+)?(e[+-]\d+)?$|^NaN$/.test(text), text);
  return Number(text);
}
