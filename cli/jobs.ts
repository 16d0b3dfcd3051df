/**
 * `rtool jobs`: what runs, what waits, and what has ended and is kept.
 */

import { jobFields } from "../messages_report.ts";
import { connectToJobs } from "./connection.ts";
import type { CommandEnd, Context } from "./context.ts";
import { printJson, printText } from "./print.ts";
import { jobsTable } from "./report_tables.ts";
import { refuseOperands } from "./subcommand.ts";

/** Runs the command. */
export async function jobs(context: Context): Promise<CommandEnd> {
  refuseOperands(context, "jobs");
  await using client = await connectToJobs(context);
  const all = context.options.flag("all");
  const report = await client.report();
  const shown = report.jobs.filter(({ state }) => all || state !== "ended");
  if (context.options.flag("json")) return await printJson(shown.map(jobFields));
  return await printText(jobsTable(shown));
}
