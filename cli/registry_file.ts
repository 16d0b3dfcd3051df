/**
 * A file of functions that may be called: TOML, checked as a whole, each mistake with its line.
 *
 * Loaded only by who has such a file.
 */

import { isAbsolute, join } from "node:path";
import type { Registries } from "../access/call_check.ts";
import { checkRegistry } from "../access/registry_schema.ts";
import type { Registry } from "../access/registry.ts";
import { RtoolError } from "../core/errors.ts";
import { fileFault } from "./local_file.ts";
import { parseToml, refuseFaults } from "./toml_file.ts";
import { findKeyLines } from "./toml_lines.ts";

/** Reads the files of several profiles, each by the profile's name. */
export async function loadRegistries(paths: ReadonlyMap<string, string>): Promise<Registries> {
  const registries = new Map<string, Registry>();
  for (const [profile, path] of paths) registries.set(profile, await loadRegistry(path));
  return registries;
}

/** Reads a file and finds its script; throws `bad_config`, which names every fault and its line. */
export async function loadRegistry(path: string): Promise<Registry> {
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw fileFault("bad_config", `Cannot read the functions in ${path}`, cause);
  });
  const registry = readRegistry(text, path);
  const { script } = registry;
  if (script !== undefined) await checkScript(script, path);
  return registry;
}

/** Reads the text of a file; a script's path is one from the file's directory. */
export function readRegistry(text: string, path: string): Registry {
  const { registry, faults } = checkRegistry(parseToml(text, path));
  refuseFaults(path, faults, findKeyLines(text));
  const { functions, script } = registry;
  if (script === undefined || isAbsolute(script)) return registry;
  return { functions, script: join(path, "..", script) };
}

async function checkScript(script: string, path: string): Promise<void> {
  const info = await Deno.stat(script).catch((cause) => {
    throw fileFault("bad_config", `Cannot read ${script}, the script of ${path}`, cause);
  });
  if (info.isFile) return;
  throw new RtoolError("bad_config", `Cannot read ${script}, the script of ${path}: it is no file`);
}
