/**
 * The command table's part for `map`.
 */

import { type CommandSpec, CONFIG, CONNECTION, HELP, QUIET } from "./command.ts";
import { QUEUED } from "./table_cluster.ts";
import { SEND, VALUE_OPTIONS } from "./table_send.ts";

/** Options `map` has as `send` has them; each item gets what they say. */
const SHARED = [
  ...["eval", "script", "timeout", "cpu", "memory", "output", "processes"],
  ...["set", "data", "encoding", "env"],
];

const SHARING = "Let the hosts of this queue share the items, each in a clean R";

/** How values are written. */
const SHAPE = ["unbox", "frames"];

/** `rtool map`. */
export const MAP: CommandSpec = {
  name: "map",
  operands: "SCRIPT --over FILE.ndjson [ARGS...] [-- ARGS...]",
  summary: "Run a script once for each line of JSON, many at once",
  options: [
    {
      name: "over",
      kind: "text",
      value: "FILE",
      help: "Lines of JSON, one for each item; each job has its own as .item; - reads stdin",
    },
    {
      name: "jobs-at-once",
      short: "j",
      kind: "count",
      value: "N",
      help: "Items at the server at once; as many as it runs by default",
    },
    { name: "as-finished", kind: "flag", help: "Results as they come, not in the order of items" },
    {
      name: "out",
      short: "o",
      kind: "text",
      value: "FILE",
      help: "Append each result to FILE as it comes; put into order at the end",
    },
    { name: "resume", kind: "flag", help: "Go on with -o FILE: run what has no result there" },
    { name: "failed", kind: "flag", help: "With --resume: also run again what failed" },
    {
      name: "retry",
      kind: "count",
      value: "N",
      help: "Run an item that is lost up to N times more; other failures never",
    },
    { name: "show-output", kind: "flag", help: "Show on stderr what the items print" },
    ...VALUE_OPTIONS.filter(({ name }) => SHAPE.includes(name)),
    ...QUEUED.map((spec) => spec.name === "queue" ? { ...spec, help: SHARING } : spec),
    ...CONNECTION,
    ...SEND.options.filter(({ name }) => SHARED.includes(name)),
    CONFIG,
    QUIET,
    HELP,
  ],
  notes: [
    "Each item is a job in a clean R of its own. Its result is a line of JSON:",
    '{"index":0,"outcome":"ok","value":[1]}, or with "message" in place of "value".',
    "Ctrl-C cancels what runs and keeps what has finished; --resume goes on.",
    "Exit status: 0 every item is ok, 1 some failed, 130 interrupted, 65 a line is no JSON,",
    "66 unreadable input, 69 cannot connect, 76 connection lost, 77 not allowed, 64 bad usage.",
  ],
};
