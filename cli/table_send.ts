/**
 * The command table's part for `send`.
 */

import type { OptionSpec } from "../core/options.ts";
import { type CommandSpec, CONFIG, CONNECTION, HELP, NDJSON, QUIET, SESSION } from "./command.ts";
import { QUEUED } from "./table_cluster.ts";

/** Formats of `--value`. */
export const VALUE_FORMATS = ["json", "ndjson", "csv", "rds", "arrow", "text"] as const;

/** Options about the value of a job; `call` has them too. */
export const VALUE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "value",
    kind: "choice",
    choices: VALUE_FORMATS,
    value: "FORMAT",
    help: `Only the last value, as ${VALUE_FORMATS.join(", ")}`,
  },
  { name: "out", short: "o", kind: "text", value: "FILE", help: "Write the value to FILE" },
  { name: "unbox", kind: "flag", help: "Vectors of length 1 are no arrays in JSON" },
  {
    name: "frames",
    kind: "choice",
    choices: ["rows", "columns"],
    value: "rows|columns",
    help: "How data frames stand in JSON",
    fallback: "rows",
  },
];

/** What comes with a job. */
const BROUGHT: readonly OptionSpec[] = [
  several("set", "NAME=JSON", "Bind a value before the code runs; may be repeated"),
  several("data", "NAME=FILE", "Bind what FILE holds (.csv, .json, .rds, .arrow); may be repeated"),
  several("put", "LOCAL[:REMOTE]", "Copy a file into the session's directory, and run there"),
  several("get", "REMOTE[:LOCAL]", "Copy a file out of the session's directory, and run there"),
];

/** What becomes of plots. */
export const PLOT_OPTIONS: readonly OptionSpec[] = [
  { name: "plots", kind: "text", value: "DIR", help: "Keep plots in DIR, which is made" },
  {
    name: "plot-size",
    kind: "text",
    value: "WxH",
    help: "Size of plots in inches; a comma separates several",
    fallback: "7x5",
    list: true,
    repeat: true,
  },
  {
    name: "plot-dpi",
    kind: "count",
    value: "N",
    help: "Pixels per inch of PNG plots",
    fallback: "144",
  },
  {
    name: "plot-format",
    kind: "text",
    value: "png|svg",
    help: "Format of plots; a comma separates several",
    fallback: "png",
    list: true,
    repeat: true,
  },
];

const SHOWN: readonly OptionSpec[] = [
  { name: "echo", kind: "flag", help: "Print the source with the output, as R < FILE does" },
  { name: "lines", kind: "flag", help: "Say file and line of each call when the code fails" },
  NDJSON,
];

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
    ...CONNECTION,
    SESSION,
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
    ...QUEUED,
    ...VALUE_OPTIONS,
    ...BROUGHT,
    ...PLOT_OPTIONS,
    ...SHOWN,
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

function several(name: string, value: string, help: string): OptionSpec {
  return { name, kind: "text", value, help, repeat: true };
}
