/**
 * Options: flags win over the environment, that over the configuration file, that over defaults.
 *
 * The table of options is the commands' (cli/table.ts); this file reads values. An unknown flag or
 * key is an error, never ignored.
 */

import { maybeAddress } from "./address.ts";
import { RtoolError } from "./errors.ts";
import { maybeNearest } from "./nearest.ts";

/** How the text of an option is read. */
export type ValueKind =
  | "text"
  | "choice"
  | "port"
  | "address"
  | "count"
  | "duration"
  | "size"
  | "flag";

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
  /** A default that depends on the machine, and how the help words it. */
  readonly automatic?: { readonly value: () => string; readonly words: string };
  /** The words a `choice` is made from. */
  readonly choices?: readonly string[];
  /** May be given several times. */
  readonly repeat?: boolean;
  /** Holds several values: a comma separates them, and an array does in the file. */
  readonly list?: true;
  /** A running server takes a new value at SIGHUP; others need a restart. */
  readonly reload?: true;
}

/** Values as they came: from flags, the environment, or a file. */
export type RawValues = Readonly<Record<string, readonly string[] | undefined>>;

/** Which source a value came from. */
export type Origin = "flag" | "environment" | "file" | "default";

/** The options of one run, complete and checked. */
export class Options {
  readonly #found = new Map<string, Found>();
  readonly #specs: readonly OptionSpec[];
  readonly #file: RawValues;

  /** Merges the sources; every value is checked here, so reading one later cannot fail. */
  constructor(specs: readonly OptionSpec[], flags: RawValues, env: RawValues, file: RawValues) {
    this.#specs = specs;
    this.#file = file;
    for (const spec of specs) {
      const found = findValues(spec, flags, env, file);
      if (!found) continue;
      for (const value of found.values) checkValue(spec, value, found.origin);
      this.#found.set(spec.name, found);
    }
  }

  /** These options, but with the values that `others` has of those named. */
  with(others: Options, names: readonly string[]): Options {
    const mixed = new Options(this.#specs, {}, {}, this.#file);
    for (const { name } of this.#specs) {
      const found = (names.includes(name) ? others : this).#found.get(name);
      if (found) mixed.#found.set(name, found);
      else mixed.#found.delete(name);
    }
    return mixed;
  }

  /** Where the value of an option came from; `default` also when there is none. */
  origin(name: string): Origin {
    this.#spec(name);
    return this.#found.get(name)?.origin ?? "default";
  }

  /** What the file has below a table whose keys are no options, by the rest of the key. */
  below(table: string): RawValues {
    const prefix = `${table}.`;
    const entries = Object.entries(this.#file).filter(([key]) => key.startsWith(prefix));
    return Object.fromEntries(entries.map(([key, value]) => [key.slice(prefix.length), value]));
  }

  /** All values of a repeatable option. */
  list(name: string): readonly string[] {
    this.#spec(name);
    return this.#found.get(name)?.values ?? [];
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

  /** Whether the command has an option of that name, given or not. */
  has(name: string): boolean {
    return this.#specs.some((spec) => spec.name === name);
  }

  /** A flag that not every command has. */
  maybeFlag(name: string): boolean {
    return this.has(name) && this.flag(name);
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

interface Found {
  readonly values: readonly string[];
  readonly origin: Origin;
}

function findValues(
  spec: OptionSpec,
  flags: RawValues,
  env: RawValues,
  file: RawValues,
): Found | undefined {
  const given = flags[spec.name];
  if (given) return { values: split(spec, given), origin: "flag" };
  const exported = spec.env === undefined ? undefined : env[spec.env];
  if (exported) return { values: split(spec, exported), origin: "environment" };
  const written = spec.key === undefined ? undefined : file[spec.key];
  if (written) return { values: written, origin: "file" };
  const fallback = spec.fallback ?? spec.automatic?.value();
  return fallback === undefined ? undefined : { values: [fallback], origin: "default" };
}

/** An empty text is an empty list: that is how a list of the file is emptied by a flag. */
function split(spec: OptionSpec, values: readonly string[]): readonly string[] {
  if (!spec.list) return values;
  return values.flatMap((value) => value.split(",").map((item) => item.trim()))
    .filter((item) => item !== "");
}

function checkValue(spec: OptionSpec, value: string, origin: Origin): void {
  const problem = maybeProblem(spec, value);
  if (!problem) return;
  const [name, code] = {
    flag: [`--${spec.name}`, "usage" as const] as const,
    environment: [spec.env, "usage" as const] as const,
    file: [`'${spec.key}' in the configuration file`, "bad_config" as const] as const,
    default: [spec.name, "internal" as const] as const,
  }[origin];
  throw new RtoolError(code, `Cannot use ${name} ${quoted(value)}: ${problem}`);
}

/** Why an option cannot have this value, or `undefined` when it can. */
export function maybeProblem(spec: OptionSpec, value: string): string | undefined {
  const { kind } = spec;
  switch (kind) {
    case "port":
      return isInteger(value, 0, 65535) ? undefined : "a port is a number from 0 to 65535";
    case "address":
      return value === "none" || maybeAddress(value)
        ? undefined
        : "an address is a port, a host and a port such as 127.0.0.1:9464, or none";
    case "count":
      return isInteger(value, 1, 1e9) ? undefined : "it must be a whole number from 1";
    case "duration":
      // Only what has no default can be without a limit.
      return (value === "none" && mayBeNone(spec)) || parseDuration(value) !== undefined
        ? undefined
        : "a duration is a number with ms, s, m or h, such as 30s";
    case "size":
      return parseSize(value) !== undefined
        ? undefined
        : "a size is a number with KiB, MiB or GiB, such as 64MiB";
    case "flag":
      return value === "true" || value === "false" ? undefined : "it must be true or false";
    case "choice":
      return spec.choices?.includes(value)
        ? undefined
        : `it must be ${choiceText(spec.choices ?? [])}${meant(value, spec.choices ?? [])}`;
    case "text":
      return undefined;
    default:
      return kind satisfies never;
  }
}

/** Whether `none` may stand for a limit of time that is not there. */
export function mayBeNone(spec: OptionSpec): boolean {
  return spec.kind === "duration" && spec.fallback === undefined;
}

/** `a, b or c`. */
export function choiceText(words: readonly string[]): string {
  const [last = "", ...before] = words.toReversed();
  return before.length === 0 ? last : `${before.reverse().join(", ")} or ${last}`;
}

function meant(word: string, known: readonly string[]): string {
  const nearest = maybeNearest(word, known);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
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
