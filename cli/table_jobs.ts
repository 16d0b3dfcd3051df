/**
 * The command table's part for what is there already: jobs and sessions, to look at and to stop.
 */

import type { OptionSpec } from "../core/options.ts";
import { type CommandSpec, CONFIG, CONNECTION, HELP, NDJSON, QUIET } from "./command.ts";
import { QUEUE, STRAIGHT } from "./table_cluster.ts";
import { PLOT_OPTIONS, VALUE_OPTIONS } from "./table_send.ts";

const JSON_OUTPUT: OptionSpec = { name: "json", kind: "flag", help: "Print one JSON document" };

const ID_NOTE = "ID may be shortened to its first 6 digits or more, as long as one job is meant.";

/** `rtool attach`. */
export const ATTACH: CommandSpec = {
  name: "attach",
  operands: "ID",
  summary: "Show the output of a detached job from its start, and follow it",
  options: [
    {
      name: "after",
      kind: "count",
      value: "N",
      help: "Leave out the first N events (docs/PROTOCOL.md)",
    },
    { name: "json", kind: "flag", help: "Print one JSON document at the end" },
    NDJSON,
    ...VALUE_OPTIONS,
    ...PLOT_OPTIONS,
    { name: "raw", kind: "flag", help: "Do not escape control sequences on a terminal" },
    ...CONNECTION,
    QUEUE,
    ...STRAIGHT,
    CONFIG,
    QUIET,
    HELP,
  ],
  notes: [
    ID_NOTE,
    "A value or plots come if the job was sent with --value or --plots.",
    "Ctrl-C leaves the job running; rtool cancel stops it. Exit status: the job's, as of send.",
  ],
};

/** `rtool jobs`. */
export const JOBS: CommandSpec = {
  name: "jobs",
  operands: "",
  summary: "List the jobs that run and wait",
  options: [
    { name: "all", short: "a", kind: "flag", help: "Also those that have ended and are kept" },
    JSON_OUTPUT,
    ...CONNECTION,
    QUEUE,
    ...STRAIGHT,
    CONFIG,
    HELP,
  ],
  notes: [],
};

/** `rtool cancel`. */
export const CANCEL: CommandSpec = {
  name: "cancel",
  operands: "ID",
  summary: "Stop a job",
  options: [...CONNECTION, QUEUE, ...STRAIGHT, CONFIG, HELP],
  notes: [ID_NOTE],
};

/** `rtool sessions`. */
export const SESSIONS: CommandSpec = {
  name: "sessions",
  operands: "[list | kill NAME | interrupt NAME | reset NAME | recycle]",
  summary: "List the sessions, or do something to one",
  options: [JSON_OUTPUT, ...CONNECTION, QUEUE, ...STRAIGHT, CONFIG, HELP],
  notes: [
    "kill       end the session's R and what it has started; its jobs are cancelled",
    "interrupt  stop the job the session is at; its variables stay",
    "reset      give the session's next job a clean R",
    "recycle    start the R that new sessions come from anew, for packages that have changed",
    "NAME may also be the id of a session, as the list shows it. With --nats and --queue: of all",
    "hosts of the queue; kill also lets go of a session whose host does not answer.",
  ],
};

/** `rtool top`. */
export const TOP: CommandSpec = {
  name: "top",
  operands: "",
  summary: "Watch the sessions and what they use",
  options: [JSON_OUTPUT, ...CONNECTION, CONFIG, HELP],
  notes: ["On a terminal until q or Ctrl-C; else, and with --json, once."],
};
