/**
 * Options: flags win over the environment, that over the configuration file, that over defaults.
 *
 * The table of options is the commands' (cli/table.ts); this file reads values. An unknown flag or
 * key is an error, never ignored.
 */

import { RtoolError } from "./errors.ts";

/** How the text of an option is read. */
export type ValueKind = "text" | "port" | "count" | "duration" | "size" | "flag";

/** One option of a command. */
export interface OptionSpec {
  /** Long name, without the dashes. */
  readonly name: string;
  /** One-letter name. */
  readonly short?: string;
  readonly kind: ValueKind;
  /** What the help shows for the value. */
  readonly value?: string;
  readonly help: string;
  readonly env?: string;
  /** Key in the configuration file, with its table: `serve.jobs_max`. */
  readonly key?: string;
  readonly fallback?: string;
  /** May be given several times. */
  readonly repeat?: boolean;
}

/** Values as they came: from flags, the environment, or a file. */
export type RawValues = Readonly<Record<string, readonly string[] | undefined>>;

/** The options of one run, complete and checked. */
export class Options {
  readonly #values = new Map<string, readonly string[]>();
  readonly #specs: readonly OptionSpec[];

  /** Merges the sources; every value is checked here, so reading one later cannot fail. */
  constructor(specs: readonly OptionSpec[], flags: RawValues, env: RawValues, file: RawValues) {
    this.#specs = specs;
    for (const spec of specs) {
      const [values, from, code] = flags[spec.name]
        ? [flags[spec.name], `--${spec.name}`, "usage" as const]
        : spec.env && env[spec.env]
        ? [env[spec.env], spec.env, "usage" as const]
        : spec.key && file[spec.key]
        ? [file[spec.key], `'${spec.key}' in the configuration file`, "bad_config" as const]
        : [
          spec.fallback === undefined ? undefined : [spec.fallback],
          spec.name,
          "internal" as const,
        ];
      if (!values) continue;
      for (const value of values) {
        const problem = maybeProblem(spec, value);
        if (problem) throw new RtoolError(code, `Cannot use ${from} ${quoted(value)}: ${problem}`);
      }
      this.#values.set(spec.name, values);
    }
  }

  /** All values of a repeatable option. */
  list(name: string): readonly string[] {
    this.#spec(name);
    return this.#values.get(name) ?? [];
  }

  /** The text of an option, or `undefined` when it was not given. */
  maybeText(name: string): string | undefined {
    return this.list(name).at(-1);
  }

  text(name: string): string {
    const value = this.maybeText(name);
    if (value === undefined) throw new RtoolError("internal", `Option '${name}' has no default`);
    return value;
  }

  flag(name: string): boolean {
    return this.maybeText(name) === "true";
  }

  /** A port or a count. */
  integer(name: string): number {
    return Number(this.text(name));
  }

  /** A duration in milliseconds, or `undefined` when it was not given or is `none`. */
  maybeMs(name: string): number | undefined {
    const value = this.maybeText(name);
    return value === undefined || value === "none" ? undefined : parseDuration(value);
  }

  ms(name: string): number {
    return parseDuration(this.text(name))!;
  }

  /** A size in bytes. */
  bytes(name: string): number {
    return parseSize(this.text(name))!;
  }

  #spec(name: string): OptionSpec {
    const spec = this.#specs.find((each) => each.name === name);
    if (!spec) throw new RtoolError("internal", `There is no option '${name}'`);
    return spec;
  }
}

function maybeProblem(spec: OptionSpec, value: string): string | undefined {
  const { kind } = spec;
  switch (kind) {
    case "port":
      return isInteger(value, 0, 65535) ? undefined : "a port is a number from 0 to 65535";
    case "count":
      return isInteger(value, 1, 1e9) ? undefined : "it must be a whole number from 1";
    case "duration":
      // Only what has no default can be without a limit.
      return (value === "none" && spec.fallback === undefined) || parseDuration(value) !== undefined
        ? undefined
        : "a duration is a number with ms, s, m or h, such as 30s";
    case "size":
      return parseSize(value) !== undefined
        ? undefined
        : "a size is a number with KiB, MiB or GiB, such as 64MiB";
    case "flag":
      return value === "true" || value === "false" ? undefined : "it must be true or false";
    case "text":
      return undefined;
    default:
      return kind satisfies never;
  }
}

function isInteger(value: string, min: number, max: number): boolean {
  return /^\d{1,10}$/.test(value) && Number(value) >= min && Number(value) <= max;
}

const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, "": 1000, m: 6e4, h: 36e5 };

/** `30s` in milliseconds; a bare number is seconds. The most is what a timer can hold, 24 days. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|)$/.exec(text);
  if (!match) return undefined;
  const ms = Math.round(Number(match[1]) * DURATION_MS[match[2]!]!);
  return ms >= 1 && ms < 2 ** 31 ? ms : undefined;
}

const SIZE_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** `64MiB` in bytes. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMG]i?B|B|)$/.exec(text);
  if (!match) return undefined;
  const bytes = Math.round(Number(match[1]) * SIZE_BYTES[match[2]!]!);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

function quoted(value: string): string {
  return JSON.stringify(value.length > 80 ? value.slice(0, 80) + "..." : value);
}

/** The known word nearest to a mistyped one, if one is near. */
export function maybeNearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known.map((each) => ({ each, distance: editDistance(word, each) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.each : undefined;
}

/** Distance of Levenshtein, by rows; two letters that changed places count as one edit. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
        ? before[j - 2]! + 1
        : Infinity;
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + same, swapped));
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
