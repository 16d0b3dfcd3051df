/**
 * What a registry file may hold, and the registry it makes. All that is wrong is told at once.
 *
 * Knows values, not text: cli/registry_file.ts reads TOML and finds the lines.
 */

import type { RegisteredFunction, Registry, ValueSchema } from "./registry.ts";
import { whyDangerous } from "./risky_names.ts";
import { FUNCTION_NAME } from "./uploads.ts";
import { Table } from "./registry_table.ts";
import { readValueSchema } from "./value_schema.ts";

/** One thing that is wrong with a registry. */
export interface RegistryFault {
  /** The key or table it is about. */
  readonly path: readonly (string | number)[];
  readonly what: string;
  /** What was found there, and what is wanted. */
  readonly detail?: string;
  readonly hint?: string;
}

/** A registry, and all that is wrong with it: to be used only when nothing is. */
export interface CheckedRegistry {
  readonly registry: Registry;
  readonly faults: readonly RegistryFault[];
}

/** More than anybody reads; each is sent to whoever asks what may be called. */
const FUNCTIONS_MAX = 1_000;
const ARGUMENTS_MAX = 100;

/** `...` and `..1` are no names of one argument. */
const ARGUMENT_NAME = /^(?!\.\.(?:\.|[0-9]+)$)(?:[A-Za-z]|\.(?![0-9]))[A-Za-z0-9._]*$/;

/** Checks a table whose integers are bigints, so that `1.0` is none. */
export function checkRegistry(table: unknown): CheckedRegistry {
  const faults: RegistryFault[] = [];
  const file = new Table(table, [], faults);
  const script = file.maybeText("script");
  if (script === "") file.fault("script", "it is empty");
  const functions = new Map<string, RegisteredFunction>();
  const given = file.maybeTable("functions");
  for (const name of given?.keys() ?? []) {
    const registered = given?.maybeTable(name);
    if (registered) functions.set(name, readFunction(name, registered));
  }
  if (functions.size > FUNCTIONS_MAX) {
    file.fault("functions", `there are ${functions.size}; the most is ${FUNCTIONS_MAX}`);
  }
  file.refuseOthers();
  return { registry: { functions, script }, faults };
}

function readFunction(name: string, table: Table): RegisteredFunction {
  if (!FUNCTION_NAME.test(name)) {
    table.fault(undefined, "it is no function's name", "it is a name, or package::name");
  }
  const danger = whyDangerous(name);
  if (danger !== undefined && table.maybeFlag("dangerous") !== true) {
    table.fault(undefined, danger, "write a function of your own around it, or dangerous = true");
  }
  table.maybeFlag("dangerous");
  const schemas = new Map<string, ValueSchema>();
  const given = table.maybeTable("arguments");
  for (const argument of given?.keys() ?? []) {
    const schema = given?.maybeTable(argument);
    if (schema) schemas.set(argument, readValueSchema(schema));
    if (ARGUMENT_NAME.test(argument)) continue;
    given?.fault(argument, "an argument's name is a name of R, and not '...'");
  }
  if (schemas.size > ARGUMENTS_MAX) {
    table.fault("arguments", `there are ${schemas.size}; the most is ${ARGUMENTS_MAX}`);
  }
  const summary = table.maybeText("summary") ?? "";
  table.refuseOthers();
  return { name, summary, arguments: schemas };
}
