/**
 * `rtool cancel`: stops a job, whoever waits for it.
 */

import { connectToJobs } from "./connection.ts";
import type { CommandEnd, Context } from "./context.ts";
import { findJobId, jobOperand } from "./job_id.ts";
import { printText } from "./print.ts";

/** Runs the command. */
export async function cancel(context: Context): Promise<CommandEnd> {
  const given = jobOperand(context, "cancel");
  await using client = await connectToJobs(context);
  const job = await findJobId(client, given);
  return await printText(`${await client.control({ kind: "cancel", job })}\n`);
}
