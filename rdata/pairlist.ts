/**
 * Pairlists: lists whose names are tags, as arguments and attributes have them.
 *
 * Part of read.ts.
 */

import type { Attribute, RList, RValue } from "./types.ts";
import { character } from "./values.ts";

/** A pairlist of these values and tags. */
export function pairlist(
  values: readonly RValue[],
  tags: readonly (string | null)[],
  own: readonly Attribute[],
): RList {
  const names = tags.map((tag) => tag ?? "");
  const named: Attribute[] = names.some((name) => name !== "")
    ? [["names", character(values.map((_, index) => names[index] ?? ""))]]
    : [];
  return { type: "list", form: "pairlist", values, attributes: [...named, ...own] };
}

/** The tags of a pairlist; `undefined` when it has none. */
export function tagsOf({ attributes }: RList): readonly string[] | undefined {
  const names = attributes.find(([name]) => name === "names")?.[1];
  if (names?.type !== "character") return undefined;
  return names.values.map((name) => typeof name === "string" ? name : "");
}

/** The name of a symbol, or null when the value is none. */
export function nameOf(value: RValue | undefined): string | null {
  return value?.type === "opaque" && value.kind === "symbol" ? value.description : null;
}
