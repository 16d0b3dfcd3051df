/**
 * `rtool call --list`: what may be called there, for people, as JSON, or as JSON Schema.
 */

import type { CallableFunction } from "../core/callable.ts";
import { RtoolError } from "../core/errors.ts";
import { callablesFields } from "../messages_functions.ts";
import { connect } from "./connection.ts";
import type { CommandEnd, Context } from "./context.ts";
import { printJson, printText } from "./print.ts";
import { refuseOperands } from "./subcommand.ts";
import { textTable } from "./text_table.ts";

const ANY = "Any function may be called, and any code run: rtool call, rtool send\n";
const NONE = "No function may be called\n";

/** Runs the command; an operand names the one function to be shown. */
export async function callList(context: Context): Promise<CommandEnd> {
  const { options, operands: [name] } = context;
  refuseOperands(context, "call", 1);
  await using client = await connect(context);
  const { any, functions } = await client.functions();
  const shown = name === undefined ? functions : functions.filter((each) => each.name === name);
  if (name !== undefined && shown.length === 0 && !any) {
    throw new RtoolError("not_allowed", `You may not call ${JSON.stringify(name.slice(0, 80))}`, {
      hint: "see: rtool call --list",
    });
  }
  if (options.flag("schema")) {
    return await printJson(Object.fromEntries(shown.map((each) => [each.name, each.schema])));
  }
  if (options.flag("json")) return await printJson(callablesFields({ any, functions: shown }));
  if (any) return await printText(ANY);
  return await printText(shown.length === 0 ? NONE : shown.map(functionText).join("\n"));
}

/** A function and its arguments, one a line. */
function functionText({ name, summary, arguments: taken }: CallableFunction): string {
  const head = summary === "" ? name : `${name}: ${summary}`;
  if (taken.length === 0) return `${head}\n  no arguments\n`;
  const rows = taken.map((each) => [
    `  ${each.name}`,
    each.optional ? "may be left out" : "",
    each.summary === "" ? each.wanted : `${each.wanted}: ${each.summary}`,
  ]);
  return `${head}\n${rowsOf(rows)}`;
}

/** The table without its head. */
function rowsOf(rows: readonly (readonly string[])[]): string {
  const table = textTable([{ title: "" }, { title: "" }, { title: "" }], rows);
  return table.slice(table.indexOf("\n") + 1);
}
