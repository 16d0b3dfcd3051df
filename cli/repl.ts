/**
 * `rtool repl`: R in a session, line by line.
 *
 * Each line is a job; one that is incomplete is sent again with the next. Knows the terminal's
 * editor only as something that is asked for lines.
 */

import type { Client } from "../client.ts";
import type { ClientJob } from "../client_stream.ts";
import { Channel } from "../core/channel.ts";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import { BATCH_MODE, NO_WANTS } from "../core/item.ts";
import { bareRequest, type JobRequest, type Outcome } from "../core/job.ts";
import { maybeMachineId } from "../core/machine.ts";
import { VERSION } from "../core/version.ts";
import { connect } from "./connection.ts";
import { consoleSize } from "./console_size.ts";
import type { CommandEnd, Context } from "./context.ts";
import { type Audience, type Ended, follow, writeToTerminal } from "./follow.ts";
import { maybeReplCommand, REPL_HELP, type ReplCommand } from "./repl_commands.ts";
import { complete } from "./repl_completion.ts";
import { Editor } from "./repl_editor.ts";
import { History, historyPath } from "./repl_history.ts";
import { endText } from "./repl_end.ts";
import { REPL_PLOT, ReplPlots } from "./repl_plots.ts";
import { Screen } from "./repl_screen.ts";
import { shown } from "./terminal.ts";
import { WaitingLine } from "./waiting_line.ts";

/** Answers to R that may wait for it, in bytes: they are sent as they are typed. */
const ANSWERS_MAX = 1 << 16;

const encoder = new TextEncoder();

/** Runs the command. */
export async function repl(context: Context): Promise<CommandEnd> {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    throw new RtoolError("usage", "rtool repl needs a terminal", {
      hint: "send code from a file or a pipe with: rtool send",
    });
  }
  if (context.operands.length > 0) {
    throw new RtoolError("usage", `Unexpected '${context.operands[0]}'`, {
      hint: "run a file with: rtool send FILE",
    });
  }
  const dir = context.options.maybeText("plots");
  const plots = dir === undefined ? undefined : new ReplPlots(dir, context.say);
  await using client = await connect(context);
  const { software, rVersion } = await client.hello;
  const path = context.options.flag("no-history") ? undefined : historyPath(context.env);
  const history = new History(path, context.say);
  using editor = new Editor();
  const talk = new Talk(context, client, editor, history, plots);
  await talk.greet(`${software}, R ${rVersion}`);
  return { status: await talk.run() };
}

/** One conversation with R. */
class Talk {
  readonly #context: Context;
  readonly #client: Client;
  readonly #editor: Editor;
  readonly #history: History;
  readonly #screen = new Screen();
  readonly #machine = maybeMachineId();
  #plots: ReplPlots | undefined;
  #session: string;

  constructor(
    context: Context,
    client: Client,
    editor: Editor,
    history: History,
    plots: ReplPlots | undefined,
  ) {
    this.#context = context;
    this.#client = client;
    this.#editor = editor;
    this.#history = history;
    this.#plots = plots;
    this.#session = context.options.text("session");
  }

  async greet(server: string): Promise<void> {
    const { options } = this.#context;
    if (options.flag("quiet")) return;
    const place = `${options.text("hostname")}:${options.text("port")}`;
    const theirs = server.startsWith(`rtool ${VERSION},`) ? server : `rtool ${VERSION}, ${server}`;
    await this.#print(`${theirs} at ${place}, session ${this.#session}; Ctrl-D leaves, :help\n`);
  }

  /** Until the user leaves, or R does: the exit status. */
  async run(): Promise<number> {
    let pending: string[] = [];
    for (;;) {
      const typed = await this.#editor.read({
        prompt: `${await this.#screen.takeHalf()}${pending.length === 0 ? "> " : "+ "}`,
        history: this.#history.lines,
        complete: (before) => complete(this.#client, this.#place(), before),
      });
      if (typed.kind === "end") return 0;
      if (typed.kind !== "line") {
        pending = [];
        continue;
      }
      this.#history.add(typed.text);
      const command = pending.length === 0 ? maybeReplCommand(typed.text) : undefined;
      if (command?.kind === "quit") return 0;
      if (command) {
        await this.#obey(command);
        continue;
      }
      const lines = [...pending, typed.text];
      const code = lines.join("\n");
      if (code.trim() === "") continue;
      const { outcome, receipt } = await this.#evaluate(code);
      pending = isIncomplete(outcome) ? lines : [];
      if (pending.length > 0) continue;
      const text = endText(outcome, receipt);
      if (text !== undefined) await this.#say(text);
      if (outcome.kind === "quit") return outcome.status;
    }
  }

  async #obey(command: Exclude<ReplCommand, { kind: "quit" }>): Promise<void> {
    switch (command.kind) {
      case "help":
        return await this.#print(REPL_HELP);
      case "mistake":
        return await this.#say(command.text);
      case "session":
        this.#session = command.name ?? this.#session;
        return await this.#say(`session ${this.#session}`);
      case "plots":
        this.#keepPlots(command.dir);
        return await this.#say(
          this.#plots ? `plots go to ${this.#plots.dir}` : "plots are not kept",
        );
      default:
        command satisfies never;
    }
  }

  #keepPlots(dir: string | undefined): void {
    if (dir === undefined) return;
    try {
      this.#plots = dir === "off" ? undefined : new ReplPlots(dir, this.#context.say);
    } catch (error) {
      this.#context.say(toRtoolError(error).message);
    }
  }

  async #evaluate(code: string): Promise<Ended> {
    const input = new Channel<Uint8Array>(ANSWERS_MAX, ({ length }) => length);
    const job = this.#client.submit(this.#request(code, input));
    this.#editor.onInterrupt = this.#interrupter(job);
    try {
      return await follow(job, this.#audience(job, input));
    } finally {
      this.#editor.onInterrupt = undefined;
      this.#editor.abandon();
      input.close();
    }
  }

  #request(code: string, input: Channel<Uint8Array>): JobRequest {
    const { columns } = consoleSize();
    return {
      ...bareRequest(code, undefined),
      ...this.#place(),
      width: columns >= 10 && columns <= 10_000 ? columns : undefined,
      progress: true,
      within: this.#context.env("RTOOL_WORKER"),
      input,
      wants: { ...NO_WANTS, plots: this.#plots ? [REPL_PLOT] : [] },
      mode: { ...BATCH_MODE, interactive: true },
    };
  }

  #place(): Pick<JobRequest, "session" | "cwd" | "machine"> {
    return { session: this.#session, cwd: Deno.cwd(), machine: this.#machine };
  }

  #audience(job: ClientJob, input: Channel<Uint8Array>): Audience {
    const quiet = this.#context.options.flag("quiet");
    const waiting = quiet ? undefined : new WaitingLine(writeToTerminal, consoleSize().columns);
    return {
      stdout: this.#screen.stdout,
      stderr: this.#screen.stderr,
      document: undefined,
      lines: undefined,
      script: undefined,
      waiting,
      quiet,
      ...(this.#plots ? { items: this.#plots } : {}),
      // The answer is not waited for: the job may end while the user thinks.
      prompt: async (text) => {
        const prompt = `${await this.#screen.takeHalf()}${shown(text)}`;
        void this.#answer(prompt, job, input); // Never rejects.
      },
      say: (line) => void this.#say(line), // Never rejects.
    };
  }

  /** What R asks is asked here, and not remembered. */
  async #answer(prompt: string, job: ClientJob, input: Channel<Uint8Array>): Promise<void> {
    const typed = await this.#editor.read({ prompt, history: [], complete: undefined });
    if (typed.kind === "interrupt") job.cancel();
    if (typed.kind === "end") input.push(encoder.encode("\n")); // As R takes it: no answer.
    if (typed.kind === "line") input.push(encoder.encode(`${typed.text}\n`));
  }

  #interrupter(job: ClientJob): () => void {
    let pressed = 0;
    return () => {
      job.cancel();
      if (++pressed > 1) this.#context.say("R is being stopped; it has not heeded Ctrl-C yet");
    };
  }

  async #say(line: string): Promise<void> {
    await this.#screen.endLine();
    this.#context.say(line);
  }

  async #print(text: string): Promise<void> {
    await this.#screen.stdout.write(encoder.encode(text));
  }
}

function isIncomplete(outcome: Outcome): boolean {
  return outcome.kind === "error" && outcome.error.classes[0] === "incompleteCode";
}
