/**
 * `rtool config`: whether the configuration file can be used, and what holds in the end.
 *
 * Reads the sources that `serve` and `send` read, and in their way. Must not know what the options
 * mean.
 */

import { RtoolError } from "../core/errors.ts";
import { maybeNearest } from "../core/nearest.ts";
import { DEFAULT_PROFILE_NAME } from "../core/profile.ts";
import { mayBeNone, Options, type OptionSpec, type RawValues } from "../core/options.ts";
import type { ConfigFile } from "./config_file.ts";
import type { CommandEnd } from "./context.ts";
import { type Invocation, loadSources, type Surroundings } from "./parse.ts";
import { PROFILE_TABLE, profileSpecs } from "./profiles.ts";
import { CONFIGURE } from "./table.ts";
import { SEND } from "./table_send.ts";
import { SERVE } from "./table_serve.ts";

const SUBCOMMANDS = ["check", "show"] as const;

/** Runs `config check` or `config show`; a file that cannot be used is thrown as `bad_config`. */
export async function config(
  { flags, operands }: Invocation,
  from: Surroundings,
  print: (text: string) => CommandEnd,
): Promise<CommandEnd> {
  const [subcommand, ...rest] = operands;
  switch (findSubcommand(subcommand)) {
    case "check": {
      refuseMore(rest.slice(1));
      for (const name of ["origin", "json"]) {
        if (flags[name]) throw usage(`Option --${name} belongs to 'rtool config show'`);
      }
      const named = rest[0] === undefined ? flags : { ...flags, config: [rest[0]] };
      return print(await check(named, from));
    }
    case "show": {
      refuseMore(rest);
      const settings = await readSettings(flags, from);
      const withOrigin = flags["origin"] !== undefined;
      return print((flags["json"] ? asJson : asToml)(settings, withOrigin));
    }
  }
}

function findSubcommand(word: string | undefined): typeof SUBCOMMANDS[number] {
  const known = SUBCOMMANDS.find((each) => each === word);
  if (known) return known;
  const nearest = word === undefined ? undefined : maybeNearest(word, SUBCOMMANDS);
  const said = word === undefined ? "Nothing to do" : `Unknown subcommand '${word}'`;
  throw usage(said, nearest ? `did you mean ${nearest}?` : "it is check or show");
}

function refuseMore(operands: readonly string[]): void {
  if (operands.length > 0) throw usage(`Cannot use '${operands[0]}' here`);
}

function usage(message: string, hint = "see: rtool config --help"): RtoolError {
  return new RtoolError("usage", message, { hint });
}

async function check(flags: RawValues, from: Surroundings): Promise<string> {
  const { file, path } = await loadSources(CONFIGURE, flags, from);
  if (!file) return `${path}: there is none, the defaults hold\n`;
  const count = Object.keys(file.values).length;
  return `${path}: ok, ${count} ${count === 1 ? "key" : "keys"}\n`;
}

/** A key and what holds for it. */
interface Setting {
  readonly key: string;
  readonly value: string | number | boolean | readonly string[] | null;
  readonly origin: string;
}

async function readSettings(flags: RawValues, from: Surroundings): Promise<Setting[]> {
  const settings = new Map<string, Setting>();
  for (const command of [SERVE, SEND]) {
    const { env, file } = await loadSources(command, { config: flags["config"] }, from);
    const options = new Options(command.options, {}, env, file?.values ?? {});
    for (const spec of command.options) {
      if (spec.key === undefined) continue;
      const origin = originOf(spec, spec.key, options, file);
      settings.set(spec.key, { key: spec.key, value: valueOf(spec, options), origin });
    }
  }
  const { file } = await loadSources(SERVE, { config: flags["config"] }, from);
  return [...settings.values(), ...profileSettings(file)];
}

/** Of each profile; what it has of the server's own has no value here. */
function* profileSettings(file: ConfigFile | undefined): Generator<Setting> {
  const prefix = `${PROFILE_TABLE}.`;
  const keys = Object.keys(file?.values ?? {}).filter((key) => key.startsWith(prefix));
  const named = keys.map((key) => key.slice(prefix.length, key.lastIndexOf(".")));
  for (const name of new Set([...named, DEFAULT_PROFILE_NAME])) {
    const specs = profileSpecs(name).map((spec) => ({ ...spec, name: spec.key ?? spec.name }));
    const options = new Options(specs, {}, {}, file?.values ?? {});
    for (const spec of specs) {
      const isSaid = options.list(spec.name).length > 0 || options.origin(spec.name) === "file";
      const value = isSaid ? valueOf(spec, options) : null;
      yield { key: spec.name, value, origin: originOf(spec, spec.name, options, file) };
    }
  }
}

function valueOf(spec: OptionSpec, options: Options): Setting["value"] {
  const { kind, name } = spec;
  if (spec.list) return options.list(name);
  const text = options.maybeText(name);
  switch (kind) {
    case "port":
    case "count":
      return text === undefined ? null : options.integer(name);
    case "flag":
      return options.flag(name);
    case "duration":
      return text ?? (mayBeNone(spec) ? "none" : null);
    case "address":
    case "size":
    case "choice":
    case "text":
      return text ?? null;
    default:
      return kind satisfies never;
  }
}

function originOf(
  spec: OptionSpec,
  key: string,
  options: Options,
  file: ConfigFile | undefined,
): string {
  const origin = options.origin(spec.name);
  if (origin === "environment") return `environment ${spec.env}`;
  const line = origin === "file" ? file?.maybeLine(key) : undefined;
  // An empty table is a profile, too, and stands for its first key.
  if (origin === "file") return line === undefined ? "default" : `file ${file?.path}:${line}`;
  return origin;
}

/** Can itself be a configuration file. */
function asToml(settings: readonly Setting[], withOrigin: boolean): string {
  const rows = settings.map(({ key, value, origin }) => ({
    text: value === null ? `# ${key} =` : `${key} = ${tomlOf(value)}`,
    origin,
  }));
  const width = Math.max(...rows.map(({ text }) => text.length));
  return rows.map(({ text, origin }) => {
    return withOrigin ? `${text.padEnd(width)}  # ${origin}\n` : `${text}\n`;
  }).join("");
}

/** JSON's words are TOML's, but for DEL. */
function tomlOf(value: Exclude<Setting["value"], null>): string {
  if (typeof value === "object") return `[${value.map(tomlOf).join(", ")}]`;
  return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
}

function asJson(settings: readonly Setting[], withOrigin: boolean): string {
  const entries = settings.map(({ key, value, origin }) => {
    return [key, withOrigin ? { value, origin } : value];
  });
  return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
}
