/**
 * Registries for tests, made of TOML as an operator writes it.
 */

import { assertEquals } from "@std/assert";
import { parse } from "smol-toml";
import { checkRegistry } from "../access/registry_schema.ts";
import type { Registry } from "../access/registry.ts";
import type { RValue } from "../rdata/types.ts";

/** The registry of a text that has no fault. */
export function registryOf(text: string): Registry {
  const { registry, faults } = checkRegistry(parse(text, { integersAsBigInt: true }));
  assertEquals(faults, []);
  return registry;
}

/** A registry of one function `f` with one argument `x`. */
export function takingX(schema: string): Registry {
  return registryOf(`functions.f.arguments.x = { ${schema} }`);
}

/**
 * What no value of a call may be other than: vectors, lists, and four classes in their one form.
 */
export function isPlain(value: RValue): boolean {
  if (value.type === "NULL") return true;
  if (value.type === "opaque") return false;
  const attributes = new Map(value.attributes);
  const classes = attributes.get("class");
  const words = classes?.type === "character" ? classes.values.join(" ") : undefined;
  const names = words === undefined ? ["names"] : CLASSES[words];
  if (!names || attributes.size !== value.attributes.length) return false;
  if (![...attributes.keys()].every((name) => name === "class" || names.includes(name))) {
    return false;
  }
  const inside = [...attributes.values(), ...(value.type === "list" ? value.values : [])];
  const isList = value.type !== "list" || value.form === "list";
  return isList && inside.every(isPlain);
}

const CLASSES: Readonly<Record<string, readonly string[]>> = {
  factor: ["names", "levels"],
  "ordered factor": ["names", "levels"],
  Date: ["names"],
  "POSIXct POSIXt": ["names", "tzone"],
  "data.frame": ["names", "row.names"],
};
