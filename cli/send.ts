/**
 * `rtool send`: code to a server, output back, exit status as Rscript's.
 */

import { Client } from "../client.ts";
import type { ClientEvent, ClientJob } from "../client_stream.ts";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import { EMPTY_RECEIPT } from "../core/job.ts";
import type { JobRequest, Outcome, Receipt } from "../core/job.ts";
import { maybeMachineId } from "../core/machine.ts";
import { exitStatus, outcomeText } from "../core/outcome.ts";
import { SOFTWARE } from "../core/version.ts";
import type { CommandEnd, Context } from "./context.ts";
import { createDocument, type Document } from "./document.ts";
import { readSource, type Source } from "./source.ts";
import { BrokenPipeSignal, createOutput, type Output } from "./terminal.ts";

/** Dialling and greeting together may take this. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Exit status of a process that wrote into a closed pipe: 128 + SIGPIPE. */
const BROKEN_PIPE_STATUS = 141;

type StreamName = "stdout" | "stderr";
type Ended = Extract<ClientEvent, { kind: "end" }>;

/** Runs the command. */
export async function send(context: Context): Promise<CommandEnd> {
  const source = await readSource(context);
  if (!source) {
    context.say("nothing to send: name a FILE, use -e EXPR, or pipe code in (rtool send --help)");
    return { status: 64 };
  }
  const wire = context.options.text("wire");
  if (wire === "rpy2") return await (await import("./send_rpy2.ts")).sendRpy2(context, source);
  if (wire !== "native") {
    throw new RtoolError("usage", `Unknown wire '${wire}': it is native or rpy2`);
  }
  const document = context.options.flag("json") ? createDocument() : undefined;
  try {
    return await sendNative(context, source, document);
  } catch (error) {
    if (error instanceof BrokenPipeSignal) return { status: BROKEN_PIPE_STATUS };
    if (!document) throw error;
    const { code, message } = toRtoolError(error);
    const outcome: Outcome = code === "connection_lost"
      ? { kind: "lost", message }
      : { kind: "rejected", code, message };
    await writeDocument(document.end(outcome, EMPTY_RECEIPT));
    return { status: exitStatus(outcome) };
  }
}

async function sendNative(
  context: Context,
  source: Source,
  document: Document | undefined,
): Promise<CommandEnd> {
  const { options } = context;
  await using client = await Client.connect({
    hostname: options.text("hostname"),
    port: options.integer("port"),
    timeoutMs: CONNECT_TIMEOUT_MS,
    software: SOFTWARE,
  });
  const job = client.submit(await buildRequest(context, source));
  using stop = new StopKeys(job, context.say);
  const outputs = document ?? createOutputs(options.flag("raw"));
  const end = await follow(job, outputs, context, document);
  if (document) {
    await writeDocument(document.end(end.outcome, end.receipt));
  } else {
    await explain(end.outcome, end.receipt, context, outputs.stderr);
  }
  if (end.outcome.kind === "cancelled" && stop.signal) return { signal: stop.signal };
  return { status: exitStatus(end.outcome) };
}

async function follow(
  job: ClientJob,
  outputs: Record<StreamName, Output>,
  context: Context,
  document: Document | undefined,
): Promise<Ended> {
  for await (const event of job.events) {
    switch (event.kind) {
      case "stdout":
      case "stderr":
        await outputs[event.kind].write(event.bytes);
        break;
      case "accepted":
        document?.accepted(event.job);
        break;
      case "started":
        if (event.note && !context.options.flag("quiet")) context.say(event.note);
        break;
      case "condition":
        document?.condition(event.condition);
        break;
      case "end":
        return event;
      default:
        event satisfies never;
    }
  }
  throw new RtoolError("connection_lost", "The connection ended before the job did");
}

async function buildRequest(context: Context, source: Source): Promise<JobRequest> {
  const { options } = context;
  return {
    code: source.code,
    session: options.text("session"),
    args: source.args,
    cwd: Deno.cwd(),
    machine: maybeMachineId(),
    env: readEnvironment(options.list("env"), context.env),
    width: terminalWidth(),
    timeoutMs: options.maybeMs("timeout"),
    within: context.env("RTOOL_WORKER"),
    input: source.stdinIsFree && !options.flag("no-input") && await hasInput()
      ? Deno.stdin.readable
      : undefined,
  };
}

/** A terminal is not forwarded, so that a script never swallows what is typed ahead. */
async function hasInput(): Promise<boolean> {
  if (Deno.stdin.isTerminal()) return false;
  const info = await Deno.stat("/dev/stdin").catch(() => undefined);
  return info !== undefined && !info.isCharDevice; // /dev/null has nothing to forward.
}

function readEnvironment(
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

function createOutputs(raw: boolean): Record<StreamName, Output> {
  return {
    stdout: createOutput(Deno.stdout, !raw && Deno.stdout.isTerminal()),
    stderr: createOutput(Deno.stderr, !raw && Deno.stderr.isTerminal()),
  };
}

async function writeDocument(text: string): Promise<void> {
  await createOutput(Deno.stdout, false).write(new TextEncoder().encode(text));
}

/** What R has not said itself about the end. */
async function explain(
  outcome: Outcome,
  receipt: Receipt,
  context: Context,
  stderr: Output,
): Promise<void> {
  switch (outcome.kind) {
    case "ok":
    case "quit":
      return;
    case "error":
      // Rscript's last line; R has printed it itself when it halted.
      if (!outcome.halted) await stderr.write(new TextEncoder().encode("Execution halted\n"));
      return;
    case "rejected":
      throw new RtoolError(outcome.code, outcome.message);
    case "crashed":
    case "lost":
      return context.say(outcomeText(outcome));
    default:
      context.say(`${outcomeText(outcome)}${stopText(receipt)}`);
  }
}

function stopText(receipt: Receipt): string {
  if (receipt.rung === "interrupt" && receipt.sessionSurvived) {
    return "; R gave in to the interrupt, its session is kept";
  }
  if (receipt.rung === "interrupt") return "; R gave in to the interrupt and ended";
  return receipt.rung === "kill" ? "; R ignored the interrupt and was killed" : "";
}

/** Ctrl-C cancels the remote job; a second one leaves at once. */
class StopKeys {
  /** The signal that came. */
  signal: Deno.Signal | undefined;
  readonly #listeners: [Deno.Signal, () => void][] = [];

  constructor(job: ClientJob, say: (line: string) => void) {
    const signals: Deno.Signal[] = Deno.build.os === "windows"
      ? ["SIGINT"]
      : ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) {
      const listener = () => {
        if (this.signal) {
          this[Symbol.dispose]();
          Deno.kill(Deno.pid, signal);
          return;
        }
        this.signal = signal;
        job.cancel();
        say(signal === "SIGINT" ? "cancelling; Ctrl-C again leaves at once" : "cancelling");
      };
      Deno.addSignalListener(signal, listener);
      this.#listeners.push([signal, listener]);
    }
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
