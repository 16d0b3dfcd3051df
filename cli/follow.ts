/**
 * A job's events to the user: output as it comes, then what R has not said itself about the end.
 *
 * Shared by `send` and `attach`.
 */

import type { ClientEvent, ClientJob } from "../client_stream.ts";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import { type Condition, EMPTY_RECEIPT, type Outcome, type Receipt } from "../core/job.ts";
import { exitStatus, maybeAdvice, outcomeText } from "../core/outcome.ts";
import { consoleSize } from "./console_size.ts";
import type { CommandEnd, Context } from "./context.ts";
import { createDocument, type Document } from "./document.ts";
import { EventLines } from "./event_lines.ts";
import type { ItemSink } from "./item_sink.ts";
import { BROKEN_PIPE_STATUS } from "./print.ts";
import { BrokenPipeSignal, createOutput, type Output } from "./terminal.ts";
import { WaitingLine } from "./waiting_line.ts";

/** How a job ended. */
export type Ended = Extract<ClientEvent, { kind: "end" }>;

/** Where a job's events go. */
export interface Audience {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Collects instead of printing, with --json. */
  readonly document: Document | undefined;
  /** Writes each event as a line instead of its output, with --ndjson. */
  readonly lines: EventLines | undefined;
  /** With --lines, the name the script has in source references. */
  readonly script: string | undefined;
  /** Where a terminal shows what is waited for. */
  readonly waiting: WaitingLine | undefined;
  readonly quiet: boolean;
  /** Where items go; without one they are let go by. */
  readonly items?: ItemSink;
  /** Shows what R asks. */
  readonly prompt?: (text: string) => Promise<void>;
  /** Writes a line of rtool's own. */
  say(line: string): void;
}

/** What is in the lines already. */
const NOWHERE = {
  stdout: { write: () => Promise.resolve() },
  stderr: { write: () => Promise.resolve() },
};

/** The audience the options and the terminal ask for. */
export function createAudience({ options, say }: Context, script?: string): Audience {
  if (options.maybeFlag("json") && options.maybeFlag("ndjson")) {
    throw new RtoolError("usage", "--json and --ndjson exclude each other", {
      hint: "--json is one document at the end, --ndjson a line for each event as it happens",
    });
  }
  const document = options.maybeFlag("json") ? createDocument() : undefined;
  const lines = options.maybeFlag("ndjson")
    ? new EventLines(createOutput(Deno.stdout, Deno.stdout.isTerminal()))
    : undefined;
  const collects = document ?? (lines && NOWHERE);
  const quiet = options.flag("quiet");
  const raw = options.maybeFlag("raw");
  const shows = !collects && !quiet && Deno.stderr.isTerminal();
  const waiting = shows ? new WaitingLine(writeToTerminal, consoleSize().columns) : undefined;
  return {
    stdout: collects?.stdout ?? createOutput(Deno.stdout, !raw && Deno.stdout.isTerminal()),
    stderr: collects?.stderr ?? createOutput(Deno.stderr, !raw && Deno.stderr.isTerminal()),
    document,
    lines,
    script,
    waiting,
    quiet: quiet || lines !== undefined,
    say: (line) => {
      waiting?.erase();
      say(line);
    },
  };
}

/** Passes a job's events on until its end. */
export async function follow(job: ClientJob, audience: Audience): Promise<Ended> {
  const { document, waiting } = audience;
  try {
    for await (const event of job.events) {
      if (event.kind === "waiting") waiting?.show(event);
      else waiting?.erase();
      await audience.lines?.write(event);
      switch (event.kind) {
        case "stdout":
        case "stderr":
          await audience[event.kind].write(event.bytes);
          break;
        case "accepted":
          document?.accepted(event.job);
          tellNote(event, audience);
          break;
        case "waiting":
          break;
        case "started":
          tellNote(event, audience);
          break;
        case "condition":
          document?.condition(event.condition);
          break;
        case "item":
          await audience.items?.begin(event.item);
          break;
        case "item_bytes":
          await audience.items?.take(event.bytes);
          break;
        case "item_end":
          await audience.items?.end(event.problem);
          break;
        case "prompt":
          await audience.prompt?.(event.text);
          break;
        case "end":
          return event;
        default:
          event satisfies never;
      }
    }
  } finally {
    waiting?.erase();
  }
  throw new RtoolError("connection_lost", "The connection ended before the job did");
}

/** Tells what the queue says of a job, if it says something. */
export function tellNote(
  { note }: { readonly note?: string | undefined },
  audience: Audience,
): void {
  if (note && !audience.quiet) audience.say(note);
}

/** Tells the end, and what the process is to exit with. */
export async function conclude({ outcome, receipt }: Ended, audience: Audience): Promise<number> {
  if (audience.document) await writeDocument(audience.document.end(outcome, receipt));
  else if (!audience.lines) await explain(outcome, receipt, audience);
  return exitStatus(outcome);
}

/** Runs what shows a job; with --json its failure is a document too, with --ndjson a line. */
export async function showing(
  { document, lines }: Audience,
  show: () => Promise<CommandEnd>,
): Promise<CommandEnd> {
  try {
    return await show();
  } catch (error) {
    if (error instanceof BrokenPipeSignal) return { status: BROKEN_PIPE_STATUS };
    if ((!document && !lines) || lines?.ended) throw error;
    const { code, message } = toRtoolError(error);
    const outcome: Outcome = code === "connection_lost"
      ? { kind: "lost", message }
      : { kind: "rejected", code, message };
    await lines?.end(outcome, EMPTY_RECEIPT);
    if (document) await writeDocument(document.end(outcome, EMPTY_RECEIPT));
    return { status: exitStatus(outcome) };
  }
}

function writeDocument(text: string): Promise<void> {
  return writeText(createOutput(Deno.stdout, false), text);
}

function writeText(output: Output, text: string): Promise<void> {
  return output.write(new TextEncoder().encode(text));
}

/** What R has not said itself about the end. */
async function explain(outcome: Outcome, receipt: Receipt, audience: Audience): Promise<void> {
  switch (outcome.kind) {
    case "ok":
    case "quit":
      return;
    case "error":
      // Rscript's last line; R has printed it itself when it halted.
      if (!outcome.halted) await writeText(audience.stderr, "Execution halted\n");
      if (audience.script !== undefined) await showPlace(outcome.error, audience.script, audience);
      return;
    case "rejected":
      throw new RtoolError(outcome.code, outcome.message);
    case "crashed":
    case "lost":
      return audience.say(outcomeText(outcome));
    default: {
      audience.say(`${outcomeText(outcome)}${stopText(receipt)}`);
      const advice = maybeAdvice(outcome);
      if (advice !== undefined) audience.say(advice);
    }
  }
}

/** Where an error came from, and the calls to it as R's `traceback()` shows them. */
async function showPlace(error: Condition, script: string, audience: Audience): Promise<void> {
  if (error.line !== undefined) audience.say(`the error came from ${script}#${error.line}`);
  const calls = (error.traceback ?? []).map((call, index) => `${index + 1}: ${call}\n`);
  await writeText(audience.stderr, calls.reverse().join(""));
}

function stopText(receipt: Receipt): string {
  if (receipt.rung === "interrupt" && receipt.sessionSurvived) {
    return "; R gave in to the interrupt, its session is kept";
  }
  if (receipt.rung === "interrupt") return "; R gave in to the interrupt and ended";
  return receipt.rung === "kill" ? "; R ignored the interrupt and was killed" : "";
}

/** Writes beside the output, where a terminal shows it. */
export function writeToTerminal(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // The terminal has gone: there is nobody to tell.
  }
}
