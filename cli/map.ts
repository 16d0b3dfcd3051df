/**
 * `rtool map`: a script over lines of JSON, each line a job of its own, its value a line of JSON.
 */

import { RtoolError } from "../core/errors.ts";
import { consoleSize } from "./console_size.ts";
import type { CommandEnd, Context } from "./context.ts";
import { writeToTerminal } from "./follow.ts";
import type { Finished } from "./map_finished.ts";
import type { MapInput, MapItem } from "./map_input.ts";
import { LinesAsFinished, LinesInOrder, type ResultLines } from "./map_order.ts";
import { JOBS_AT_ONCE_MAX, type MapPlan, readPlan } from "./map_plan.ts";
import { linePrints, NO_PRINTS, type Prints } from "./map_prints.ts";
import { connectToPlace, MapName } from "./map_queue.ts";
import { MapProgress } from "./map_progress.ts";
import { digestOf, formatResult } from "./map_result.ts";
import { ResultsFile } from "./map_results.ts";
import { MapRun } from "./map_run.ts";
import { AWAY_MAX_MS, MapServer, type MapTarget } from "./map_server.ts";
import { Tally } from "./map_tally.ts";
import { BROKEN_PIPE_STATUS } from "./print.ts";
import { StatusLine } from "./status_line.ts";
import { StopKeys } from "./stop_keys.ts";
import { BrokenPipeSignal, createOutput } from "./terminal.ts";

/** Runs the command. */
export async function map(context: Context): Promise<CommandEnd> {
  const { options } = context;
  const plan = await readPlan(context);
  using results = plan.out === undefined ? undefined : await ResultsFile.open(plan.out, {
    script: plan.digest,
    resume: options.flag("resume"),
  });
  const total = plan.input.isFile ? await checkItems(plan.input, results?.finished) : undefined;
  if (options.flag("failed")) await results?.dropFailed();
  try {
    return await new MapCommand(context, plan, results, total).run();
  } catch (error) {
    if (error instanceof BrokenPipeSignal) return { status: BROKEN_PIPE_STATUS };
    throw error;
  }
}

/** Reads all items before anything runs, and says how many there are. */
async function checkItems(input: MapInput, finished: Finished | undefined): Promise<number> {
  let count = 0;
  for await (const { index, text } of input.read()) {
    if (finished) finished.has(index, digestOf([text])); // Throws where it was another.
    count++;
  }
  checkEnd(count, finished);
  return count;
}

function checkEnd(count: number, finished: Finished | undefined): void {
  if (!finished || finished.end <= count) return;
  const last = finished.end - 1;
  throw new RtoolError(
    "usage",
    `Cannot resume: the results have item ${last}, and there are only ${count} items`,
    { hint: "resume with the input as it was, or begin anew with another -o FILE" },
  );
}

/** One run of the command. */
class MapCommand {
  readonly #context: Context;
  readonly #plan: MapPlan;
  readonly #results: ResultsFile | undefined;
  readonly #total: number | undefined;
  readonly #tally = new Tally();
  readonly #stop = new AbortController();
  readonly #startedAt = performance.now();
  readonly #progress: MapProgress;
  readonly #lines: ResultLines;
  /** What the items' jobs are called in a queue. */
  readonly #name: MapName | undefined;
  #run: MapRun | undefined;

  constructor(
    context: Context,
    plan: MapPlan,
    results: ResultsFile | undefined,
    total: number | undefined,
  ) {
    this.#context = context;
    this.#plan = plan;
    this.#results = results;
    this.#total = total;
    this.#tally.earlierFailed = results?.finished.failed ?? 0;
    this.#tally.earlier = results?.finished.count ?? 0;
    const { options } = context;
    const mayInherit = options.flag("resume") && !options.flag("failed");
    this.#name = plan.queue && MapName.open(plan.out, mayInherit);
    this.#progress = this.#createProgress();
    this.#lines = this.#createLines();
  }

  async run(): Promise<CommandEnd> {
    let fault: unknown;
    using stop = new StopKeys({ cancel: () => this.#stop.abort() }, (line) => this.#say(line));
    {
      using _shown = this.#progress;
      fault = await this.#runItems().then(() => undefined, (error: unknown) => error);
      if (fault instanceof BrokenPipeSignal) throw fault;
      await this.#lines.release();
      this.#results?.flush();
    }
    const isComplete = fault === undefined && stop.signal === undefined;
    // After any other fault some may still be there, to be followed by the next run.
    if (fault === undefined) this.#name?.forget();
    if (isComplete && !this.#context.options.flag("as-finished")) await this.#results?.order();
    if (isComplete || stop.signal || this.#tally.hasBegun) this.#report(isComplete);
    if (stop.signal) return { signal: stop.signal };
    if (fault !== undefined) throw fault;
    return { status: this.#tally.hasFailures ? 1 : 0 };
  }

  /** Connects only if there is something to run. */
  async #runItems(): Promise<void> {
    if (this.#total === this.#tally.earlier) return;
    const { context, signal } = { context: this.#context, signal: this.#stop.signal };
    const connect = () => connectToPlace(context);
    await using server = new MapServer(connect, (line) => this.#say(line), signal);
    this.#run = await this.#createRun(server);
    await this.#run.run(this.#pending());
  }

  async #createRun(target: MapTarget): Promise<MapRun> {
    const { build, shape, retries, atOnce } = this.#plan;
    const shows = this.#context.options.flag("show-output");
    return new MapRun({
      target,
      atOnce: atOnce ?? Math.min(await target.jobsAtOnce(), JOBS_AT_ONCE_MAX),
      retries,
      shape,
      build: async (item, attempt) => {
        const { request, contents } = await build(item);
        const what = digestOf([this.#plan.digest, item.text]);
        const key = this.#name?.keyOf(item.index, attempt, what);
        return { request: { ...request, key }, contents };
      },
      queued: this.#name && { runsBefore: this.#name.runsBefore, awayMaxMs: AWAY_MAX_MS },
      prints: (index) => shows ? this.#prints(index) : NO_PRINTS,
      room: (index, signal) => this.#lines.room(index, signal),
      take: async (item, end) => {
        this.#tally.add(item.index, end);
        await this.#lines.add(item.index, formatResult(item.index, end, this.#digests(item)));
        this.#progress.update();
      },
      sendAgain: () => void this.#tally.sentAgain++,
    }, this.#stop.signal);
  }

  /** The items that have no result yet. */
  async *#pending(): AsyncGenerator<MapItem> {
    const finished = this.#results?.finished;
    let count = 0;
    for await (const item of this.#plan.input.read()) {
      count++;
      if (!finished?.has(item.index, digestOf([item.text]))) yield item;
    }
    checkEnd(count, finished);
  }

  #digests({ text }: MapItem): { script: string; item: string } | undefined {
    if (!this.#results) return undefined; // What is not in a file cannot be resumed.
    return { script: this.#plan.digest, item: digestOf([text]) };
  }

  #createLines(): ResultLines {
    const results = this.#results;
    if (results) return new LinesAsFinished((line) => results.append(line));
    const isTerminal = Deno.stdout.isTerminal();
    const output = createOutput(Deno.stdout, isTerminal);
    const write = (line: Uint8Array) =>
      isTerminal ? this.#progress.above(() => output.write(line)) : output.write(line);
    const asFinished = this.#context.options.flag("as-finished");
    return asFinished ? new LinesAsFinished(write) : new LinesInOrder(write);
  }

  #createProgress(): MapProgress {
    const shows = Deno.stderr.isTerminal() && !this.#context.options.flag("quiet");
    const line = shows ? new StatusLine(writeToTerminal, consoleSize().columns) : undefined;
    return new MapProgress(line, () => ({
      done: this.#tally.done,
      doneNow: this.#tally.ok + this.#tally.failed,
      failed: this.#tally.failed + this.#tally.earlierFailed,
      running: this.#run?.running ?? 0,
      total: this.#total,
    }));
  }

  #prints(index: number): Prints {
    const output = createOutput(Deno.stderr, Deno.stderr.isTerminal());
    return linePrints(index, (line) => this.#progress.above(() => output.write(line)));
  }

  #say(line: string): void {
    void this.#progress.above(() => this.#context.say(line)); // Writes at once.
  }

  /** What became of it all; of a quiet map only what went wrong. */
  #report(isComplete: boolean): void {
    const { options, say } = this.#context;
    for (const line of this.#tally.failureLines()) say(line);
    if (!options.flag("quiet")) say(this.#tally.summary(performance.now() - this.#startedAt));
    if (isComplete || options.flag("quiet")) return;
    say(
      this.#plan.out === undefined
        ? "not all items have a result; with -o FILE a map can be gone on with: --resume"
        : "not all items have a result; run it again with --resume to go on",
    );
  }
}
