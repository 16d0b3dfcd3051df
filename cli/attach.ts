/**
 * `rtool attach`: the output of a job that is there, from its start, and then as it comes.
 */

import type { JobId } from "../core/job.ts";
import { connectToJobs } from "./connection.ts";
import type { CommandEnd, Context } from "./context.ts";
import { type Audience, conclude, createAudience, follow, showing } from "./follow.ts";
import { findJobId, jobOperand } from "./job_id.ts";
import { openOutlets } from "./outlets.ts";
import type { JobPlace } from "./queue_connection.ts";
import { LeaveKey } from "./stop_keys.ts";

/** Runs the command. */
export async function attach(context: Context): Promise<CommandEnd> {
  const given = jobOperand(context, "attach");
  const after = Number(context.options.maybeText("after") ?? 0);
  const audience = createAudience(context);
  return await showing(audience, async () => {
    const outlets = openOutlets(context.options, audience, []);
    await using client = await connectToJobs(context);
    return await watch(client, await findJobId(client, given), after, outlets.audience);
  });
}

async function watch(
  client: JobPlace,
  id: JobId,
  after: number,
  audience: Audience,
): Promise<CommandEnd> {
  using leave = new LeaveKey();
  const end = await Promise.race([follow(client.attach(id, after), audience), leave.pressed]);
  if (end) return { status: await conclude(end, audience) };
  audience.say(`the job goes on; stop it with: rtool cancel ${id}`);
  return { signal: "SIGINT" };
}
