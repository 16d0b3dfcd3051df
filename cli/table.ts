/**
 * The command table: every command, operand and option once. Help and parsing are made from it.
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

const HELP: OptionSpec = { name: "help", short: "h", kind: "flag", help: "Show this help" };

const CONFIG: OptionSpec = {
  name: "config",
  kind: "text",
  value: "FILE",
  help: "Configuration file (default: rtool/config.toml in $XDG_CONFIG_HOME)",
  env: "RTOOL_CONFIG",
};

const HOSTNAME: OptionSpec = {
  name: "hostname",
  kind: "text",
  value: "NAME",
  help: "Address of the server",
  env: "RTOOL_HOSTNAME",
  key: "hostname",
  fallback: "127.0.0.1",
};

const PORT: OptionSpec = {
  name: "port",
  short: "p",
  kind: "port",
  value: "PORT",
  help: "Port of the server",
  env: "RTOOL_PORT",
  key: "port",
  fallback: "9090",
};

const QUIET: OptionSpec = {
  name: "quiet",
  short: "q",
  kind: "flag",
  help: "Say nothing but errors on stderr; output of R is not affected",
};

const SERVE: CommandSpec = {
  name: "serve",
  operands: "",
  summary: "Serve R on this machine",
  options: [
    { ...HOSTNAME, help: "Address to listen on" },
    { ...PORT, help: "Port to listen on; 0 picks a free one" },
    CONFIG,
    option("r", "text", "COMMAND", "Command that runs R", "R"),
    option("jobs-max", "count", "N", "Sessions that may evaluate at once", undefined),
    option("queue-max", "count", "N", "Jobs that may wait", "256"),
    option("sessions-max", "count", "N", "Sessions that may have an R", "64"),
    option("connections-max", "count", "N", "Open connections", "1024"),
    option("code-max", "size", "SIZE", "Code of one job", "16MiB"),
    option("output-max", "size", "SIZE", "Output of one job", "64MiB"),
    option("session-idle", "duration", "TIME", "An unused session's R ends after this", "1h"),
    option("stop-grace", "duration", "TIME", "An interrupted job is killed after this", "2s"),
    option("drain", "duration", "TIME", "Running jobs may take this at shutdown", "30s"),
    {
      name: "insecure",
      kind: "flag",
      help: "Serve any user and any address: whoever connects can run anything as you",
      key: "serve.insecure",
    },
    QUIET,
    HELP,
  ],
  notes: [
    "Serves only the user who started it, on this machine, unless --insecure says otherwise.",
    "SIGTERM or SIGINT: no new jobs, running ones may finish, then exit 0.",
  ],
};

const SEND: CommandSpec = {
  name: "send",
  operands: "[FILE | -] [ARGS...] [-- ARGS...]",
  summary: "Send R code to a server, and behave like Rscript",
  options: [
    {
      name: "eval",
      short: "e",
      kind: "text",
      value: "EXPR",
      help: "Evaluate EXPR instead of a file; may be repeated",
      repeat: true,
    },
    {
      name: "script",
      kind: "text",
      value: "FILE",
      help: "Send FILE; all that follows is for the script (for #! lines)",
    },
    HOSTNAME,
    PORT,
    {
      name: "session",
      short: "s",
      kind: "text",
      value: "NAME",
      help: "Session to run in; variables stay there",
      env: "RTOOL_SESSION",
      key: "send.session",
      fallback: "main",
    },
    {
      name: "timeout",
      short: "t",
      kind: "duration",
      value: "TIME",
      help: "Stop after this, waiting included (30s, 5m); none by default",
      env: "RTOOL_TIMEOUT",
      key: "send.timeout",
    },
    {
      name: "encoding",
      kind: "text",
      value: "NAME",
      help: "Encoding of the code",
      key: "send.encoding",
      fallback: "UTF-8",
    },
    {
      name: "env",
      kind: "text",
      value: "NAME[=VALUE]",
      help: "Set an environment variable for the job; may be repeated",
      repeat: true,
    },
    {
      name: "wire",
      kind: "text",
      value: "native|rpy2",
      help: "Wire to speak; rpy2 is that of the server in rpy2's manual",
      fallback: "native",
    },
    {
      name: "no-input",
      short: "n",
      kind: "flag",
      help: "Leave stdin alone (in a loop that reads it, as with ssh -n)",
    },
    {
      name: "json",
      kind: "flag",
      help: "Print one JSON document at the end instead of the output",
    },
    { name: "raw", kind: "flag", help: "Do not escape control sequences on a terminal" },
    CONFIG,
    QUIET,
    HELP,
  ],
  notes: [
    "Without FILE and -e the code is read from stdin; with FILE, stdin is the script's.",
    "Exit status: 0 evaluated, 1 R error, n quit(status = n), 124 time limit, 128+n R died of",
    "signal n, 69 cannot connect, 75 busy, 76 connection lost, 77 not allowed, 64 bad usage.",
  ],
};

const PING: CommandSpec = {
  name: "ping",
  operands: "",
  summary: "Ask a server for a sign of life",
  options: [HOSTNAME, PORT, CONFIG, HELP],
  notes: [],
};

/** Every command, in the order the help shows them. */
export const COMMANDS: readonly CommandSpec[] = [SERVE, SEND, PING];

/** Finds a command by its name, or `undefined`. */
export function maybeCommand(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}

/** An option of `serve` whose key in the file is its name. */
function option(
  name: string,
  kind: OptionSpec["kind"],
  value: string,
  help: string,
  fallback: string | undefined,
): OptionSpec {
  const key = `serve.${name.replaceAll("-", "_")}`;
  return { name, kind, value, help, key, ...(fallback === undefined ? {} : { fallback }) };
}
