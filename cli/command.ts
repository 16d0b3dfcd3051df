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

/** TLS, of every client; of these words `serve` has its own. */
export const TLS: readonly OptionSpec[] = [
  {
    name: "tls",
    kind: "flag",
    help: "Speak TLS; implied by the three below",
    env: "RTOOL_TLS",
    key: "client.tls",
  },
  tlsFile("ca", "Who signs servers' certificates (default: rtool/tls/ca.pem, if it is there)"),
  tlsFile("cert", "Certificate to show the server, in place of a token"),
  tlsFile("key", "Its private key (default: FILE.key beside FILE.pem)"),
];

/** The server, and who we are: of every client. */
export const CONNECTION: readonly OptionSpec[] = [HOSTNAME, PORT, TOKEN_FILE, ...TLS];

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

function tlsFile(what: string, help: string): OptionSpec {
  return {
    name: `tls-${what}`,
    kind: "text",
    value: "FILE",
    help,
    env: `RTOOL_TLS_${what.toUpperCase()}`,
    key: `client.tls_${what}`,
  };
}
