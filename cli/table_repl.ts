/**
 * The command table's part for `repl`.
 */

import { type CommandSpec, CONFIG, CONNECTION, HELP, QUIET, SESSION } from "./command.ts";

/** `rtool repl`. */
export const REPL: CommandSpec = {
  name: "repl",
  operands: "",
  summary: "Use R in a session from the terminal, line by line",
  options: [
    SESSION,
    { name: "plots", kind: "text", value: "DIR", help: "Keep plots in DIR, which is made" },
    { name: "no-history", kind: "flag", help: "Neither read nor keep the lines that are typed" },
    ...CONNECTION,
    CONFIG,
    QUIET,
    HELP,
  ],
  notes: [
    "Ctrl-C stops what runs, Ctrl-D leaves; :help shows more. The lines that are typed are kept in",
    "rtool/history in $XDG_STATE_HOME. Exit status: 0, or n after quit(status = n), 76 when the",
    "connection is lost. For code from a file or a pipe use rtool send.",
  ],
};
