/**
 * The command table's part for `call`.
 */

import { type CommandSpec, CONFIG, CONNECTION, HELP, QUIET } from "./command.ts";
import { QUEUED } from "./table_cluster.ts";
import { SEND, VALUE_OPTIONS } from "./table_send.ts";

/** Options `call` has as `send` has them. */
const SHARED = [
  ...["session", "fresh", "timeout", "data", "set"],
  ...["plots", "plot-size", "plot-dpi", "plot-format"],
];

/** `rtool call`. */
export const CALL: CommandSpec = {
  name: "call",
  operands: "[FUNCTION]",
  summary: "Call an R function with arguments that are data, and print its value",
  options: [
    {
      name: "args",
      short: "a",
      kind: "text",
      value: "JSON",
      help: "Arguments: an object by name, an array in order; - reads stdin",
      fallback: "{}",
    },
    { name: "list", kind: "flag", help: "Show what may be called, or FUNCTION's arguments" },
    { name: "json", kind: "flag", help: "With --list: print one JSON document" },
    { name: "schema", kind: "flag", help: "As --list, but a JSON Schema of the arguments" },
    {
      name: "check",
      kind: "text",
      value: "FILE",
      help: "Check a file of functions that may be called, and ask R about them",
    },
    {
      name: "r",
      kind: "text",
      value: "COMMAND",
      help: "Command that runs R, for --check",
      fallback: "R",
    },
    ...VALUE_OPTIONS.map((option) =>
      option.name === "value"
        ? { ...option, fallback: "json", help: "Format of the value" }
        : option
    ),
    ...CONNECTION,
    ...QUEUED,
    ...SEND.options.filter(({ name }) => SHARED.includes(name)),
    CONFIG,
    QUIET,
    HELP,
  ],
  notes: [
    "FUNCTION is a name the session knows, or package::name.",
    "What the function prints goes to stderr; the value is the output.",
  ],
};
