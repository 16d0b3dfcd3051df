/**
 * Values that are named, not kept.
 *
 * Part of read.ts.
 */

import { ITEM } from "./format.ts";
import type { Attribute, ROpaque } from "./types.ts";

/** Environments, and what stands for nothing, that have items of their own. */
export const ENVIRONMENTS: Readonly<Record<number, ROpaque>> = {
  [ITEM.GLOBAL_ENVIRONMENT]: opaque("environment", "R_GlobalEnv"),
  [ITEM.BASE_ENVIRONMENT]: opaque("environment", "base"),
  [ITEM.BASE_NAMESPACE]: opaque("environment", "namespace:base"),
  [ITEM.EMPTY_ENVIRONMENT]: opaque("environment", "R_EmptyEnv"),
  [ITEM.MISSING_ARGUMENT]: opaque("symbol", ""),
  [ITEM.UNBOUND]: opaque("symbol", ""),
};

/** A value of this type, as a person would want to read of it. */
export function opaque(
  kind: string,
  description: string,
  attributes: readonly Attribute[] = [],
): ROpaque {
  return { type: "opaque", kind, description, attributes };
}

/** What an S4 object with these attributes is. */
export function describeS4(attributes: readonly Attribute[]): string {
  const given = attributes.find(([name]) => name === "class")?.[1];
  const [name] = given?.type === "character" ? given.values : [];
  return typeof name === "string" ? `object of class ${name}` : "S4 object";
}
