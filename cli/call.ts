/**
 * `rtool call`: one function of R's, arguments as data, its value as the output.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import { bareRequest, type JobRequest } from "../core/job.ts";
import { exitStatus } from "../core/outcome.ts";
import type { Options } from "../core/options.ts";
import { bringArguments, type Brought, type NamedValue, readValues } from "./brought.ts";
import { connectToJobs } from "./connection.ts";
import type { CommandEnd, Context } from "./context.ts";
import { conclude, createAudience, follow, showing } from "./follow.ts";
import { openOutlets } from "./outlets.ts";
import { tellLostPlots } from "./plot_files.ts";
import { readStdin } from "./source.ts";
import { StopKeys } from "./stop_keys.ts";
import { refuseOperands } from "./subcommand.ts";
import { readQueue, readSession } from "./queued.ts";
import { readPlots } from "./wants.ts";

/** Runs the command. */
export async function call(context: Context): Promise<CommandEnd> {
  const { options, operands } = context;
  if (options.maybeText("check") !== undefined) {
    return await (await import("./check_registry.ts")).checkRegistryFile(context);
  }
  if (options.flag("list") || options.flag("schema")) {
    return await (await import("./call_list.ts")).callList(context);
  }
  const [name] = operands;
  if (name === undefined) {
    throw new RtoolError("usage", "Which function?", {
      hint: `for instance: rtool call stats::quantile --args '{"x": [1, 2, 3]}'`,
    });
  }
  refuseOperands(context, "call", 1);
  const brought = await readArguments(options);
  const audience = createAudience(context);
  return await showing(audience, async () => {
    const outlets = openOutlets(options, audience, []);
    await using client = await connectToJobs(context);
    const job = client.submit(callRequest(name, options, brought), brought.contents);
    using stop = new StopKeys(job, audience.say);
    const end = await follow(job, outlets.audience);
    tellLostPlots(options, audience, end.receipt);
    if (end.outcome.kind === "cancelled" && stop.signal) return { signal: stop.signal };
    // R has said what was wrong; it is no script that halts.
    if (end.outcome.kind === "error") return { status: exitStatus(end.outcome) };
    return { status: await conclude(end, audience) };
  });
}

function callRequest(name: string, options: Options, { uploads }: Brought): JobRequest {
  const queue = readQueue(options);
  return {
    ...bareRequest("", readSession(options, queue !== undefined)),
    queue,
    call: name,
    cwd: Deno.cwd(),
    timeoutMs: options.maybeMs("timeout"),
    wants: { value: true, plots: readPlots(options), files: [] },
    uploads,
  };
}

/** Those of --args, then those of --set and --data by their names. */
async function readArguments(options: Options): Promise<Brought> {
  const given = options.text("args");
  const text = given === "-" ? new TextDecoder().decode(await readStdin()) : given;
  return await bringArguments([...await parseArguments(text), ...await readValues(options)]);
}

async function parseArguments(text: string): Promise<readonly NamedValue[]> {
  const { jsonToValue } = await import("../rdata/json_read.ts");
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return parsed.map((each) => ["", jsonToValue(each)]);
    if (typeof parsed === "object" && parsed !== null) {
      return Object.entries(parsed).map(([name, each]) => [name, jsonToValue(each)]);
    }
    throw new RtoolError("bad_value", "it is neither an object nor an array");
  } catch (cause) {
    const { message } = toRtoolError(cause);
    throw new RtoolError("usage", `Cannot read the JSON of --args: ${message}`, {
      cause,
      hint: `an object by name, or an array in order: --args '{"x": [1, 2], "n": 3}'`,
    });
  }
}
