/**
 * `rtool top`: the sessions and what they use, live on a terminal, once on a pipe.
 */

import type { Client } from "../client.ts";
import { settlesWithin } from "../core/time.ts";
import { reportFields } from "../messages_report.ts";
import { connect } from "./connection.ts";
import { consoleSize } from "./console_size.ts";
import type { CommandEnd, Context } from "./context.ts";
import { LiveTerminal } from "./live_terminal.ts";
import { printJson, printText } from "./print.ts";
import { reportLine, sessionsTable } from "./report_tables.ts";
import { refuseOperands } from "./subcommand.ts";
import { TopScreen } from "./top_screen.ts";

/** How often the screen is redrawn, in milliseconds. */
const REDRAW_MS = 1000;

/** Runs the command. */
export async function top(context: Context): Promise<CommandEnd> {
  refuseOperands(context, "top");
  await using client = await connect(context);
  const report = await client.report();
  if (context.options.flag("json")) return await printJson(reportFields(report));
  if (Deno.stdout.isTerminal()) return await watch(client);
  return await printText(`${reportLine(report)}\n\n${sessionsTable(report.sessions)}`);
}

async function watch(client: Client): Promise<CommandEnd> {
  using terminal = new LiveTerminal();
  const screen = new TopScreen();
  for (let isLeft = false; !isLeft;) {
    const report = await Promise.race([client.report(), terminal.left]);
    if (!report) break;
    const { columns, rows } = consoleSize();
    terminal.draw(screen.lines(report, columns, rows));
    isLeft = await settlesWithin(terminal.left, REDRAW_MS);
  }
  return { status: 0 };
}
