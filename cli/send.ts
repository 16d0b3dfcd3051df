/**
 * `rtool send`: code to a server, output back, exit status as Rscript's.
 */

import type { ClientJob } from "../client_stream.ts";
import { EXIT_STATUS, RtoolError, toRtoolError } from "../core/errors.ts";
import type { JobLimits, JobRequest } from "../core/job.ts";
import { maybeMachineId } from "../core/machine.ts";
import type { Options } from "../core/options.ts";
import { connectToJobs } from "./connection.ts";
import type { CommandEnd, Context } from "./context.ts";
import { type Audience, conclude, createAudience, follow, showing, tellNote } from "./follow.ts";
import { readBrought } from "./brought.ts";
import { openOutlets } from "./outlets.ts";
import { tellLostPlots } from "./plot_files.ts";
import { printJson, printText } from "./print.ts";
import { readSource, type Source } from "./source.ts";
import { readQueue, readSession } from "./queued.ts";
import { readMode, readWants } from "./wants.ts";
import { StopKeys } from "./stop_keys.ts";

/** Options the rpy2 wire has no words for. */
const NATIVE_ONLY = [
  ...["fresh", "cpu", "memory", "output", "processes", "detach", "key"],
  ...["value", "out", "unbox", "set", "data", "put", "get", "plots"],
  ...["echo", "lines", "ndjson", "token-file"],
  ...["queue", "require", "at-most-once", "nats"],
];

/** Runs the command. */
export async function send(context: Context): Promise<CommandEnd> {
  const source = await readSource(context);
  if (!source) {
    context.say("nothing to send: name a FILE, use -e EXPR, or pipe code in (rtool send --help)");
    return { status: 64 };
  }
  const wire = context.options.text("wire");
  if (wire === "rpy2") {
    refuseNativeOptions(context.options);
    return await (await import("./send_rpy2.ts")).sendRpy2(context, source);
  }
  if (wire !== "native") {
    throw new RtoolError("usage", `Unknown wire '${wire}': it is native or rpy2`);
  }
  const audience = createAudience(context, readMode(context.options, source.name).lines);
  return await showing(audience, () => sendNative(context, source, audience));
}

function refuseNativeOptions(options: Options): void {
  const given = NATIVE_ONLY.find((name) => options.origin(name) === "flag");
  if (given === undefined) return;
  throw new RtoolError("usage", `The rpy2 wire has no --${given}: it takes code and no more`);
}

async function sendNative(
  context: Context,
  source: Source,
  audience: Audience,
): Promise<CommandEnd> {
  const pairs = context.options.list("get");
  if (pairs.length > 0 && context.options.flag("detach")) {
    throw new RtoolError(
      "usage",
      "Nobody is there to --get files when a job is sent with --detach",
    );
  }
  const outlets = openOutlets(context.options, audience, pairs);
  const brought = await readBrought(context.options);
  await using client = await connectToJobs(context);
  const request = { ...await buildRequest(context, source, audience), uploads: brought.uploads };
  const job = client.submit(request, brought.contents);
  using stop = new StopKeys(job, audience.say);
  if (request.detach) return await printId(job, audience);
  const end = await follow(job, outlets.audience).catch((error) => {
    throw request.key === undefined ? error : sayHowToGoOn(error, request.key);
  });
  const status = await conclude(end, audience);
  tellLostPlots(context.options, audience, end.receipt);
  if (status === 0 && !outlets.check()) return { status: EXIT_STATUS.unreadable_input };
  return end.outcome.kind === "cancelled" && stop.signal ? { signal: stop.signal } : { status };
}

/** The id of a detached job: all that comes of it here. */
async function printId(job: ClientJob, audience: Audience): Promise<CommandEnd> {
  for await (const event of job.events) {
    await audience.lines?.write(event);
    if (event.kind === "accepted") {
      tellNote(event, audience);
      if (audience.lines) return { status: 0 };
      return await (audience.document
        ? printJson({ job: event.job })
        : printText(`${event.job}\n`));
    }
    if (event.kind === "end") return { status: await conclude(event, audience) };
  }
  throw new RtoolError("connection_lost", "The connection ended before the job was accepted");
}

function sayHowToGoOn(error: unknown, key: string): RtoolError {
  const failure = toRtoolError(error);
  if (failure.code !== "connection_lost") return failure;
  return new RtoolError(failure.code, failure.message, {
    cause: failure,
    hint: `send it again with --key ${key}: what has begun is not run a second time`,
  });
}

async function buildRequest(
  context: Context,
  source: Source,
  audience: Audience,
): Promise<JobRequest> {
  const { options } = context;
  const detach = options.flag("detach");
  const queue = readQueue(options);
  const forwards = source.stdinIsFree && !options.flag("no-input") && !detach && !queue;
  return {
    code: source.code,
    session: readSession(options, queue !== undefined),
    queue,
    args: source.args,
    cwd: Deno.cwd(),
    machine: maybeMachineId(),
    env: readEnvironment(options.list("env"), context.env),
    width: terminalWidth(),
    timeoutMs: options.maybeMs("timeout"),
    limits: readLimits(options),
    detach,
    key: options.maybeText("key"),
    progress: (audience.waiting ?? audience.lines) !== undefined,
    within: context.env("RTOOL_WORKER"),
    input: forwards && await hasInput() ? Deno.stdin.readable : undefined,
    wants: readWants(options),
    mode: readMode(options, source.name),
    uploads: [],
    call: undefined,
  };
}

/** The bounds the options ask for. */
export function readLimits(options: Options): JobLimits {
  const cpuMs = options.maybeMs("cpu");
  return {
    ...(cpuMs === undefined ? {} : { cpuMs }),
    ...(options.maybeText("memory") === undefined ? {} : { memoryBytes: options.bytes("memory") }),
    ...(options.maybeText("output") === undefined ? {} : { outputBytes: options.bytes("output") }),
    ...(options.maybeText("processes") === undefined
      ? {}
      : { processes: options.integer("processes") }),
  };
}

/** A terminal is not forwarded, so that a script never swallows what is typed ahead. */
async function hasInput(): Promise<boolean> {
  if (Deno.stdin.isTerminal()) return false;
  const info = await Deno.stat("/dev/stdin").catch(() => undefined);
  return info !== undefined && !info.isCharDevice; // /dev/null has nothing to forward.
}

/** The variables of --env; a name alone takes its value from our own environment. */
export function readEnvironment(
  given: readonly string[],
  env: Context["env"],
): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const each of given) {
    const at = each.indexOf("=");
    const name = at < 0 ? each : each.slice(0, at);
    const value = at < 0 ? env(name) : each.slice(at + 1);
    if (value === undefined) {
      throw new RtoolError("usage", `Environment variable ${name} is not set`, {
        hint: `give it a value: --env ${name}=VALUE`,
      });
    }
    variables[name] = value;
  }
  return variables;
}

function terminalWidth(): number | undefined {
  if (!Deno.stdout.isTerminal()) return undefined;
  try {
    const { columns } = Deno.consoleSize();
    return columns >= 10 && columns <= 10000 ? columns : undefined;
  } catch {
    return undefined;
  }
}
