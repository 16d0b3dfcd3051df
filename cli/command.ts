/**
 * What a command is, and the options that several commands have. cli/table.ts lists the commands.
 */

import type { OptionSpec } from "../core/options.ts";

/** One command as the user sees it. */
export interface CommandSpec {
  readonly name: string;
  readonly operands: string;
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  /** Lines below the options. */
  readonly notes: readonly string[];
}

/** `--help`, of every command. */
export const HELP: OptionSpec = { name: "help", short: "h", kind: "flag", help: "Show this help" };

/** `--config`, of what reads the file. */
export const CONFIG: OptionSpec = {
  name: "config",
  kind: "text",
  value: "FILE",
  help: "Configuration file (default: rtool/config.toml in $XDG_CONFIG_HOME)",
  env: "RTOOL_CONFIG",
};

/** `--hostname`; `serve` words it its own way. */
export const HOSTNAME: OptionSpec = {
  name: "hostname",
  kind: "text",
  value: "NAME",
  help: "Address of the server",
  env: "RTOOL_HOSTNAME",
  key: "hostname",
  fallback: "127.0.0.1",
};

/** `--port`; `serve` words it its own way. */
export const PORT: OptionSpec = {
  name: "port",
  short: "p",
  kind: "port",
  value: "PORT",
  help: "Port of the server",
  env: "RTOOL_PORT",
  key: "port",
  fallback: "9090",
};

/** `--token-file`, of every client. A token itself is no option: whoever runs ps would see it. */
export const TOKEN_FILE: OptionSpec = {
  name: "token-file",
  kind: "text",
  value: "FILE",
  help: "File that holds the token to show the server; or RTOOL_TOKEN holds it",
  env: "RTOOL_TOKEN_FILE",
};

/** `--tokens`, of the server and of what makes tokens. */
export const TOKENS: OptionSpec = {
  name: "tokens",
  kind: "text",
  value: "FILE",
  help: "Token file (default: rtool/tokens.json in $XDG_CONFIG_HOME)",
  key: "serve.tokens",
};

/** `--session`, of what runs code. */
export const SESSION: OptionSpec = {
  name: "session",
  short: "s",
  kind: "text",
  value: "NAME",
  help: "Session to run in; variables stay there",
  env: "RTOOL_SESSION",
  key: "send.session",
  fallback: "main",
};

/** `--ndjson`. */
export const NDJSON: OptionSpec = {
  name: "ndjson",
  kind: "flag",
  help: "Print every event as a line of JSON, as it happens",
};

/** `--quiet`. */
export const QUIET: OptionSpec = {
  name: "quiet",
  short: "q",
  kind: "flag",
  help: "Say nothing but errors on stderr; output of R is not affected",
};
