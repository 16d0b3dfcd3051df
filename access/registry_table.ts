/**
 * A table of a registry file, read key by key: what is not of its type is noted, and what nobody
 * has asked for in the end is unknown.
 */

import { maybeNearest } from "../core/nearest.ts";
import { isTable, keyText, tomlValueText } from "../core/toml_value.ts";
import type { RegistryFault } from "./registry_schema.ts";

/** A table, the keys that were asked for, and the faults of the whole file. */
export class Table {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: readonly (string | number)[];
  readonly #faults: RegistryFault[];
  readonly #asked = new Set<string>();

  constructor(values: unknown, path: readonly (string | number)[], faults: RegistryFault[]) {
    this.#values = isTable(values) ? values : {};
    this.#path = path;
    this.#faults = faults;
  }

  keys(): string[] {
    return Object.keys(this.#values);
  }

  has(key: string): boolean {
    return this.#maybe(key) !== undefined;
  }

  maybeText(key: string): string | undefined {
    const value = this.#maybe(key);
    const isText = typeof value === "string" && !value.includes("\0");
    if (value === undefined || isText) return isText ? value : undefined;
    return this.#wrong(key, value, "a string");
  }

  maybeFlag(key: string): boolean | undefined {
    const value = this.#maybe(key);
    if (value === undefined || typeof value === "boolean") return value;
    return this.#wrong(key, value, "true or false");
  }

  maybeNumber(key: string): number | undefined {
    const value = this.#maybe(key);
    if (value === undefined || isNumber(value)) return value === undefined ? value : Number(value);
    return this.#wrong(key, value, "a number");
  }

  /** A whole number from 0 on. */
  maybeCount(key: string): number | undefined {
    const value = this.#maybe(key);
    if (value === undefined || isCount(value)) return value === undefined ? value : Number(value);
    return this.#wrong(key, value, "an integer from 0");
  }

  /** Two whole numbers, or one that stands for both. */
  maybeRange(key: string): readonly [number, number] | undefined {
    const value = this.#maybe(key);
    if (value === undefined) return undefined;
    const [min, max, ...more] = Array.isArray(value) ? value : [value, value];
    if (isCount(min) && isCount(max) && min <= max && more.length === 0) {
      return [Number(min), Number(max)];
    }
    return this.#wrong(key, value, "an integer from 0, or two: [least, most]");
  }

  /** At least one choice; all are texts, or all numbers. */
  maybeChoices(key: string, kind: "texts" | "numbers"): readonly (string | number)[] | undefined {
    const value = this.#maybe(key);
    if (value === undefined) return undefined;
    const fits = kind === "texts" ? (each: unknown) => typeof each === "string" : isNumber;
    if (Array.isArray(value) && value.length > 0 && value.every(fits)) {
      return value.map((each) => kind === "texts" ? String(each) : Number(each));
    }
    return this.#wrong(
      key,
      value,
      kind === "texts" ? "an array of strings" : "an array of numbers",
    );
  }

  maybeTable(key: string): Table | undefined {
    const value = this.#maybe(key);
    if (isTable(value)) return new Table(value, [...this.#path, key], this.#faults);
    return value === undefined ? undefined : this.#wrong(key, value, "a table");
  }

  /** Notes what is wrong with a key, or with the table itself. */
  fault(key: string | undefined, why: string, hint?: string): void {
    const path = key === undefined ? this.#path : [...this.#path, key];
    this.#faults.push({
      path,
      what: `Cannot use '${keyText(path)}'`,
      detail: why,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  /** Notes every key that nobody has asked for. */
  refuseOthers(): void {
    for (const key of this.keys().filter((each) => !this.#asked.has(each))) {
      const path = [...this.#path, key];
      const nearest = maybeNearest(key.slice(0, 80), [...this.#asked]);
      const hint = nearest === undefined ? {} : { hint: `did you mean '${nearest}'?` };
      this.#faults.push({ path, what: `Unknown key '${keyText(path)}'`, ...hint });
    }
  }

  #maybe(key: string): unknown {
    this.#asked.add(key);
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
  }

  #wrong(key: string, value: unknown, wanted: string): undefined {
    this.fault(key, `found ${tomlValueText(value)}, wanted ${wanted}`);
    return undefined;
  }
}

function isNumber(value: unknown): boolean {
  return typeof value === "bigint" || (typeof value === "number" && !Number.isNaN(value));
}

function isCount(value: unknown): value is bigint {
  return typeof value === "bigint" && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER);
}
