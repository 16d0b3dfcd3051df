/**
 * The command table: every command, operand and option once. Help and parsing are made from it.
 */

import { type CommandSpec, CONFIG, CONNECTION, HELP } from "./command.ts";
import { ATTACH, CANCEL, JOBS, SESSIONS, TOP } from "./table_jobs.ts";
import { CLUSTER, DEAD } from "./table_cluster.ts";
import { CALL } from "./table_call.ts";
import { MAP } from "./table_map.ts";
import { REPL } from "./table_repl.ts";
import { SEND } from "./table_send.ts";
import { SERVE } from "./table_serve.ts";
import { TLS_COMMAND } from "./table_tls.ts";
import { TOKEN } from "./table_token.ts";

const PING: CommandSpec = {
  name: "ping",
  operands: "",
  summary: "Ask a server for a sign of life",
  options: [...CONNECTION, CONFIG, HELP],
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

const DOCTOR: CommandSpec = {
  name: "doctor",
  operands: "",
  summary: "Check whether serve would work here, and what is missing",
  options: [
    { name: "json", kind: "flag", help: "Print one JSON document" },
    ...SERVE.options,
  ],
  notes: [
    "It takes the options of `rtool serve`, and says whether that would work with them.",
    "Exit status: 0 when `rtool serve` would work as configured, else 1, with the reason first.",
    "What is missing and optional does not count.",
    "An R is confined and tries to get out, whether or not the server is to confine R.",
  ],
};

/** Every command, in the order the help shows them. */
export const COMMANDS: readonly CommandSpec[] = [
  SERVE,
  SEND,
  CALL,
  MAP,
  REPL,
  ATTACH,
  JOBS,
  CANCEL,
  SESSIONS,
  TOP,
  PING,
  TOKEN,
  CLUSTER,
  DEAD,
  TLS_COMMAND,
  CONFIGURE,
  DOCTOR,
];

/** Finds a command by its name, or `undefined`. */
export function maybeCommand(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}
