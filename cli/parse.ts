/**
 * Arguments to options: @std/cli reads the flags, the command table says which there are.
 */

import { parseArgs } from "@std/cli/parse-args";
import { RtoolError } from "../core/errors.ts";
import { maybeNearest } from "../core/nearest.ts";
import { Options, type OptionSpec, type RawValues } from "../core/options.ts";
import type { CommandSpec } from "./command.ts";
import type { ConfigFile } from "./config_file.ts";

/** A parsed command line. */
export interface Invocation {
  readonly flags: RawValues;
  /** Arguments that are no options, before `--`. */
  readonly operands: readonly string[];
  /** Arguments behind `--`. */
  readonly rest: readonly string[];
}

/** Where values come from besides the command line. */
export interface Surroundings {
  readonly env: (name: string) => string | undefined;
  /** Text of a file, or `undefined` when there is none. */
  readonly readFile: (path: string) => string | undefined;
}

/** Cuts the arguments of a command; throws `usage` for what it does not know. */
export function parseInvocation(command: CommandSpec, args: readonly string[]): Invocation {
  const specs = command.options;
  const flagNames = specs.filter((spec) => spec.kind === "flag").map((spec) => spec.name);
  const valueNames = specs.filter((spec) => spec.kind !== "flag").map((spec) => spec.name);
  const alias = Object.fromEntries(
    specs.filter((spec) => spec.short).map((spec) => [spec.name, spec.short!]),
  );
  const parsed = parseArgs(joinValues(specs, args), {
    boolean: flagNames,
    string: ["_", ...valueNames],
    collect: valueNames,
    alias,
    "--": true,
    unknown: (arg, key) => {
      if (key !== undefined) throw unknownOption(command, arg);
      return true;
    },
  });
  const flags: Record<string, readonly string[]> = {};
  for (const name of valueNames) {
    const values = parsed[name];
    if (Array.isArray(values) && values.length > 0) flags[name] = values.map(String);
  }
  for (const name of flagNames) if (parsed[name] === true) flags[name] = ["true"];
  return { flags, operands: parsed._.map(String), rest: parsed["--"] ?? [] };
}

/** What a command is told besides its flags. */
export interface Sources {
  readonly env: RawValues;
  /** Where the file was looked for. */
  readonly path: string;
  /** The file, or `undefined` when there is none and none was named. */
  readonly file: ConfigFile | undefined;
}

/** Merges flags, environment and configuration file. */
export async function resolveOptions(
  command: CommandSpec,
  flags: RawValues,
  from: Surroundings,
): Promise<Options> {
  const { env, file } = await loadSources(command, flags, from);
  return new Options(command.options, flags, env, file?.values ?? {});
}

/** Reads the variables and the configuration file of a command. */
export async function loadSources(
  command: CommandSpec,
  flags: RawValues,
  from: Surroundings,
): Promise<Sources> {
  const env: Record<string, readonly string[] | undefined> = {};
  for (const { env: name } of command.options) {
    const value = name === undefined ? undefined : from.env(name);
    if (name !== undefined && value !== undefined && value !== "") env[name] = [value];
  }
  const named = flags["config"]?.at(-1) ?? env["RTOOL_CONFIG"]?.at(-1);
  const path = named ?? `${configDir(from.env)}/config.toml`;
  const text = from.readFile(path);
  if (text === undefined && named !== undefined) {
    throw new RtoolError("bad_config", `Cannot read the configuration file ${path}`);
  }
  // Imported only when there is a file: `rtool send` starts without a TOML reader.
  const file = text === undefined
    ? undefined
    : (await import("./config_file.ts")).readConfig(text, path);
  return { env, path, file };
}

/** A value stays with its option even when it begins with a minus: `-e '-1'`. */
function joinValues(specs: readonly OptionSpec[], args: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") return [...joined, ...args.slice(i)];
    if (arg.startsWith("--script=")) return [...joined, arg, "--", ...args.slice(i + 1)];
    const spec = specs.find((each) => arg === `--${each.name}` || arg === `-${each.short}`);
    const switched = /^--([^=]+)=(?!true$|false$)/.exec(arg)?.[1];
    if (specs.some((each) => each.kind === "flag" && each.name === switched)) {
      throw new RtoolError("usage", `Option --${switched} takes no value`);
    }
    if (!spec || spec.kind === "flag") {
      joined.push(arg);
      continue;
    }
    const value = args[++i];
    if (value === undefined) {
      throw new RtoolError("usage", `Option ${arg} needs a value: ${arg} ${spec.value ?? ""}`);
    }
    joined.push(`--${spec.name}=${value}`);
    // All that follows a script's name is the script's.
    if (spec.name === "script") return [...joined, "--", ...args.slice(i + 1)];
  }
  return joined;
}

function unknownOption(command: CommandSpec, arg: string): RtoolError {
  const name = arg.replace(/^-+/, "").replace(/=.*$/s, "");
  const nearest = maybeNearest(name, command.options.map((spec) => spec.name));
  const hint = nearest
    ? `did you mean --${nearest}?`
    : `see: rtool ${command.name} --help (arguments of the script go behind --)`;
  return new RtoolError("usage", `Unknown option ${arg.replace(/=.*$/s, "")}`, { hint });
}

/** The directory of rtool's own files; XDG says that relative paths are to be ignored. */
export function configDir(env: Surroundings["env"]): string {
  const xdg = env("XDG_CONFIG_HOME");
  const base = xdg?.startsWith("/") ? xdg : `${env("HOME") ?? ""}/.config`;
  return `${base}/rtool`;
}
