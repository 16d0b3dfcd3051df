/**
 * The command table: every command, operand and option once. Help and parsing are made from it.
 */

import { type CommandSpec, CONFIG, HELP, HOSTNAME, PORT, QUIET } from "./command.ts";
import { ATTACH, CANCEL, JOBS, SESSIONS, TOP } from "./table_jobs.ts";
import { SERVE } from "./table_serve.ts";

/** `rtool send`. */
export const SEND: CommandSpec = {
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
    { name: "fresh", kind: "flag", help: "Run in a clean R of its own, whatever --session says" },
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
      name: "cpu",
      kind: "duration",
      value: "TIME",
      help: "Stop when R and what it starts have used so much processor time",
    },
    {
      name: "memory",
      kind: "size",
      value: "SIZE",
      help: "Stop when R and what it starts take more memory",
    },
    { name: "output", kind: "size", value: "SIZE", help: "Stop when R has printed more" },
    { name: "processes", kind: "count", value: "N", help: "Stop when R has started more" },
    {
      name: "detach",
      kind: "flag",
      help: "Print the job's id and leave; see rtool attach. stdin is not forwarded",
    },
    {
      name: "key",
      kind: "text",
      value: "KEY",
      help: "Run once: sent again with KEY, the first run's output comes again",
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
      kind: "choice",
      choices: ["native", "rpy2"],
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
    "The server's own bounds hold too; no option exceeds them.",
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

/** `rtool config`. */
export const CONFIGURE: CommandSpec = {
  name: "config",
  operands: "check [FILE] | show",
  summary: "Check the configuration file, or show what holds",
  options: [
    CONFIG,
    { name: "origin", kind: "flag", help: "Show where each value comes from" },
    { name: "json", kind: "flag", help: "Show one JSON document" },
    HELP,
  ],
  notes: [
    "check: says whether FILE, or the file that would be read, can be used; 78 when it cannot.",
    "show: prints every key and its value, from the environment, the file, or by default.",
  ],
};

/** Every command, in the order the help shows them. */
export const COMMANDS: readonly CommandSpec[] = [
  SERVE,
  SEND,
  ATTACH,
  JOBS,
  CANCEL,
  SESSIONS,
  TOP,
  PING,
  CONFIGURE,
];

/** Finds a command by its name, or `undefined`. */
export function maybeCommand(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}
