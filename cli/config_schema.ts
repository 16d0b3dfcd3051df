/**
 * What the configuration file may hold: a schema made from the options that have a key.
 *
 * Knows values, not text: cli/config_file.ts reads TOML and finds the lines.
 */

import * as v from "valibot";
import { CERTIFICATE_NAME_HINT, isCertificateName } from "../core/certificate.ts";
import { maybeNearest } from "../core/nearest.ts";
import {
  choiceText,
  mayBeNone,
  maybeProblem,
  type OptionSpec,
  type RawValues,
} from "../core/options.ts";
import { DEFAULT_PROFILE_NAME, isProfileName, PROFILE_NAME_HINT } from "../core/profile.ts";
import { isTable, type KeyPath, keyText, tomlValueText } from "../core/toml_value.ts";
import { findProfileFaults, PROFILE_TABLE, profileSpecs } from "./profiles.ts";
import { CERTIFICATE_TABLE, certificateSpecs, findCertificateFaults } from "./certificates.ts";

/** One thing that is wrong with a file. */
export interface Fault {
  /** The key or table it is about. */
  readonly path: KeyPath;
  readonly what: string;
  /** What was found there, and what is wanted. */
  readonly detail?: string;
  readonly hint?: string;
}

/** Values by key, and all that is wrong with them. */
export interface CheckedTable {
  readonly values: RawValues;
  readonly faults: readonly Fault[];
}

/** Checks a table whose integers are bigints, so that `1.0` is none. */
export function checkTable(table: unknown, fixed: readonly OptionSpec[]): CheckedTable {
  const names = namesBelow(table, PROFILE_TABLE, isProfileName);
  const holders = namesBelow(table, CERTIFICATE_TABLE, isCertificateName);
  const specs = [...fixed, ...names.flatMap(profileSpecs), ...holders.flatMap(certificateSpecs)];
  const tree = makeTree(specs);
  const checked = v.safeParse(tableSchema(tree), table);
  const faults = [
    ...findUnknown(table, tree, tree, []),
    ...findUnusable(checked.issues ?? [], tree),
  ];
  const values: Record<string, readonly string[]> = {};
  if (faults.length > 0) return { values, faults };
  for (const { key = "" } of specs) {
    const value = valueAt(table, key.split("."));
    if (value !== undefined) values[key] = (Array.isArray(value) ? value : [value]).map(String);
  }
  return {
    values,
    faults: [
      ...names.flatMap((name) => [...checkProfile(name, values)]),
      ...findNameless(names, values),
      ...holders.flatMap((name) => [...checkCertificate(name, values, names)]),
    ],
  };
}

/** Names of the tables in `parent` that can have such a name. */
function namesBelow(table: unknown, parent: string, isName: (name: string) => boolean): string[] {
  const below = isTable(table) ? table[parent] : undefined;
  return isTable(below) ? Object.keys(below).filter(isName) : [];
}

function* checkCertificate(
  name: string,
  values: RawValues,
  profiles: readonly string[],
): Generator<Fault> {
  for (const { key, detail } of findCertificateFaults(name, values, profiles)) {
    const path = [CERTIFICATE_TABLE, name, ...key === undefined ? [] : [key]];
    yield { path, what: `Cannot use '${keyText(path)}'`, detail };
  }
}

/** A profile that is named, and is not there. */
function* findNameless(names: readonly string[], values: RawValues): Generator<Fault> {
  const named = values["serve.rpy2_anonymous"]?.[0];
  if (named === undefined || [...names, DEFAULT_PROFILE_NAME].includes(named)) return;
  const path = ["serve", "rpy2_anonymous"];
  const detail = `there is no [${keyText([PROFILE_TABLE, named])}]`;
  yield { path, what: `Cannot use '${keyText(path)}'`, detail };
}

/** Finds what does not go together; an empty table is a profile, too, and gets its first value. */
function* checkProfile(
  name: string,
  values: Record<string, readonly string[]>,
): Generator<Fault> {
  const prefix = `${PROFILE_TABLE}.${name}.`;
  const keys = Object.keys(values).filter((key) => key.startsWith(prefix));
  if (keys.length === 0) values[`${prefix}grant`] = ["eval"];
  const own = Object.fromEntries(keys.map((key) => [key.slice(prefix.length), values[key]]));
  for (const { key, detail } of findProfileFaults(own, values["serve.isolation"]?.[0])) {
    const path = [PROFILE_TABLE, name, key];
    yield { path, what: `Cannot use '${keyText(path)}'`, detail };
  }
}

/** A table of the file: its keys, and the tables below. */
type Tree = Map<string, OptionSpec | Tree>;

function makeTree(specs: readonly OptionSpec[]): Tree {
  const tree: Tree = new Map([[PROFILE_TABLE, new Map()], [CERTIFICATE_TABLE, new Map()]]);
  for (const spec of specs) {
    const names = spec.key?.split(".") ?? [];
    let table = tree;
    for (const name of names.slice(0, -1)) {
      const below = table.get(name);
      const next: Tree = below instanceof Map ? below : new Map();
      table.set(name, next);
      table = next;
    }
    table.set(names.at(-1) ?? "", spec);
  }
  return tree;
}

function tableSchema(tree: Tree): v.GenericSchema {
  const entries = [...tree].map(([name, below]) => {
    return [name, v.optional(below instanceof Map ? tableSchema(below) : valueSchema(below))];
  });
  // An object would be any array or date, too.
  return v.pipe(v.custom(isTable), v.object(Object.fromEntries(entries)));
}

function valueSchema(spec: OptionSpec): v.GenericSchema {
  const isUsable = (value: string) => maybeProblem(spec, value) === undefined;
  const { kind } = spec;
  const text = v.pipe(v.string(), v.check((value) => isUsable(value) && !value.includes("\0")));
  const integer = v.pipe(v.bigint(), v.check((value) => isUsable(String(value))));
  switch (kind) {
    case "port":
    case "count":
      return integer;
    case "flag":
      return v.boolean();
    case "address":
    case "size":
      return v.union([text, integer]);
    case "duration":
    case "choice":
    case "text":
      return spec.list ? v.array(v.pipe(text, v.regex(/^[^,]+$/))) : text;
    default:
      return kind satisfies never;
  }
}

function wanted(spec: OptionSpec): string {
  const { kind } = spec;
  switch (kind) {
    case "port":
      return "an integer from 0 to 65535";
    case "address":
      return 'a port, an address such as "127.0.0.1:9464", or "none"';
    case "count":
      return "an integer from 1";
    case "flag":
      return "true or false";
    case "size":
      return 'a size such as "64MiB", or an integer of bytes';
    case "duration":
      return `a duration such as "30s"${mayBeNone(spec) ? ', or "none"' : ""}`;
    case "choice":
      return choiceText((spec.choices ?? []).map((word) => JSON.stringify(word)));
    case "text":
      return spec.list ? 'an array of strings such as ["a", "b"]' : "a string";
    default:
      return kind satisfies never;
  }
}

/** One fault a key, however many items of its array are wrong. */
function findUnusable(issues: readonly v.BaseIssue<unknown>[], tree: Tree): Fault[] {
  const faults = new Map<string, Fault>();
  for (const { path: items = [], input } of issues) {
    const path: string[] = [];
    let below: OptionSpec | Tree | undefined = tree;
    for (const { key } of items) {
      if (!(below instanceof Map)) break;
      path.push(String(key));
      below = below.get(String(key));
    }
    if (below === undefined || faults.has(keyText(path))) continue;
    const want = below instanceof Map ? "a table" : wanted(below);
    const inside = items.length > path.length ? " in it" : "";
    const detail = `found ${tomlValueText(input)}${inside}, wanted ${want}`;
    faults.set(keyText(path), { path, what: `Cannot use '${keyText(path)}'`, detail });
  }
  return [...faults.values()];
}

/** What the names of tables have to be. */
const NAME_HINTS: Readonly<Record<string, string | undefined>> = {
  [PROFILE_TABLE]: PROFILE_NAME_HINT,
  [CERTIFICATE_TABLE]: CERTIFICATE_NAME_HINT,
};

/** An unknown table is one fault, whatever it holds. */
function* findUnknown(table: unknown, tree: Tree, root: Tree, above: KeyPath): Generator<Fault> {
  if (!isTable(table)) return;
  for (const [name, value] of Object.entries(table)) {
    const path = [...above, name];
    const below = tree.get(name);
    if (below instanceof Map) yield* findUnknown(value, below, root, path);
    if (below !== undefined) continue;
    const named = path.length === 2 ? NAME_HINTS[path[0]!] : undefined;
    const hint = named ?? maybeMeant(path, root);
    yield { path, what: `Unknown key '${keyText(path)}'`, ...(hint ? { hint } : {}) };
  }
}

/** A key of that name in another table is likelier meant than one spelt alike. */
function maybeMeant(path: KeyPath, root: Tree): string | undefined {
  const keys = [...keysOf(root, "")];
  const elsewhere = keys.find((key) => key.split(".").at(-1) === path.at(-1));
  const meant = elsewhere ?? maybeNearest(keyText(path), keys);
  if (meant === undefined) return undefined;
  const isMisplaced = elsewhere !== undefined && !meant.includes(".");
  return `did you mean '${meant}'${isMisplaced ? ", before the first [table]" : ""}?`;
}

function* keysOf(tree: Tree, prefix: string): Generator<string> {
  for (const [name, below] of tree) {
    yield prefix + name;
    if (below instanceof Map) yield* keysOf(below, `${prefix}${name}.`);
  }
}

function valueAt(table: unknown, names: readonly string[]): unknown {
  return names.reduce((value, name) => isTable(value) ? value[name] : undefined, table);
}
