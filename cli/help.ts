/**
 * Help texts, made from the command table.
 */

import type { OptionSpec } from "../core/options.ts";
import type { CommandSpec } from "./command.ts";
import { COMMANDS } from "./table.ts";

/** What `rtool --help` prints. */
export function programHelp(): string {
  const rows = COMMANDS.map((command) => [command.name, command.summary] as const);
  return [
    "rtool: R as a service in one file",
    "",
    "Usage: rtool COMMAND [OPTIONS]",
    "",
    ...columns(rows),
    "",
    "rtool COMMAND --help tells more; rtool --version tells the version.",
    "",
  ].join("\n");
}

/** What `rtool COMMAND --help` prints. */
export function commandHelp(command: CommandSpec): string {
  return [
    command.summary,
    "",
    `Usage: rtool ${command.name} [OPTIONS] ${command.operands}`.trimEnd(),
    "",
    ...columns(command.options.map((spec) => [flags(spec), describe(spec)] as const)),
    ...(command.notes.length > 0 ? ["", ...command.notes] : []),
    "",
  ].join("\n");
}

function flags(spec: OptionSpec): string {
  const short = spec.short ? `-${spec.short}, ` : "    ";
  return `${short}--${spec.name}${spec.value ? ` ${spec.value}` : ""}`;
}

function describe(spec: OptionSpec): string {
  const fallback = spec.fallback ?? spec.automatic?.words;
  const extras = [
    ...(fallback !== undefined ? [`default: ${fallback}`] : []),
    ...(spec.env ? [spec.env] : []),
  ];
  return extras.length > 0 ? `${spec.help} [${extras.join("; ")}]` : spec.help;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
