/**
 * `rtool queue`: the jobs of a queue that were given up.
 */

import { type DeadJob, deadJobs, dropJob, retryJob } from "../cluster/dead_jobs.ts";
import { EXIT_STATUS, RtoolError, toRtoolError } from "../core/errors.ts";
import { timeText } from "../core/units.ts";
import { readClusterKey } from "./cluster_access.ts";
import type { CommandEnd, Context } from "./context.ts";
import { openQueue } from "./open_queue.ts";
import { BROKEN_PIPE_STATUS, printJson, printText } from "./print.ts";
import { findSubcommand, refuseOperands } from "./subcommand.ts";
import { textTable } from "./text_table.ts";

const WORDS = ["dead", "retry", "drop"] as const;

/** Instead of an id. */
const ALL = "all";

/** Runs the command. */
export async function queue(context: Context): Promise<CommandEnd> {
  const { operands } = context;
  const word = findSubcommand("queue", operands[0], WORDS);
  refuseOperands(context, "queue", word === "dead" ? 1 : 2);
  const given = word === "dead" ? ALL : operands[1];
  if (given === undefined) {
    throw new RtoolError("usage", `Which job is it to ${word}?`, {
      hint: `rtool queue ${word} ID, or: rtool queue ${word} ${ALL}`,
    });
  }
  await using opened = await openQueue(context);
  const jobs: DeadJob[] = [];
  for await (const job of deadJobs(opened.queue)) jobs.push(job);
  switch (word) {
    case "dead":
      return await list(jobs, context);
    case "retry": {
      const key = await readClusterKey(context);
      const trusted = new Set([key.publicKey, ...context.options.list("cluster-trust")]);
      const client = await opened.client();
      return await eachOf(chosen(jobs, given), context, async (job) => {
        return await printText(`${await retryJob(client, job, trusted)}\n`);
      });
    }
    case "drop":
      return await eachOf(chosen(jobs, given), context, async (job) => {
        await dropJob(opened.queue, job);
        return { status: 0 };
      });
    default:
      return word satisfies never;
  }
}

/** Does it with each; what fails is told, and keeps none of the others from it. */
async function eachOf(
  jobs: readonly DeadJob[],
  { say }: Context,
  act: (job: DeadJob) => Promise<CommandEnd>,
): Promise<CommandEnd> {
  let end: CommandEnd = { status: 0 };
  for (const job of jobs) {
    try {
      const done = await act(job);
      if ("status" in done && done.status === BROKEN_PIPE_STATUS) return done;
    } catch (error) {
      const { code, message } = toRtoolError(error);
      if (code === "cannot_connect") throw error;
      say(`${job.id}: ${message}`);
      end = { status: EXIT_STATUS[code] };
    }
  }
  return end;
}

/** The jobs an operand means: all, or the only one whose id begins so. */
function chosen(jobs: readonly DeadJob[], given: string): readonly DeadJob[] {
  if (given === ALL) return jobs;
  const found = jobs.filter(({ id }) => id.startsWith(given.toLowerCase()));
  if (found.length === 1) return found;
  const problem = found.length === 0 ? "no dead job has" : `${found.length} dead jobs have`;
  throw new RtoolError("unknown_job", `Cannot tell the job: ${problem} an id that begins so`, {
    hint: "see: rtool queue dead",
  });
}

async function list(jobs: readonly DeadJob[], { options }: Context): Promise<CommandEnd> {
  if (options.flag("json")) {
    return await printJson(jobs.map(({ id, principal, since }) => ({ id, principal, since })));
  }
  const columns = [{ title: "ID" }, { title: "OWNER" }, { title: "DEAD", right: true }];
  const rows = jobs.map(({ id, principal, since }) => {
    return [id, principal, timeText(Math.max(0, Date.now() - since.getTime()))];
  });
  return await printText(textTable(columns, rows));
}
