/**
 * One R and the jobs it has been given, in order.
 *
 * Turns jobs into lines, and what R writes into events. Must not know sessions or doors.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Receipt } from "../core/job.ts";
import type { Commands } from "./commands.ts";
import { EngineJob, randomHex } from "./job.ts";
import { endAll } from "./end_all.ts";
import { crashOutcome, type Ending, endOutcome, LOST_PLACE } from "./ending.ts";
import { JobWatch } from "./job_watch.ts";
import { JobInput } from "./job_input.ts";
import { bring } from "./job_uploads.ts";
import type { RProcess } from "./process.ts";
import { awaitStart, type Expected, prepare, startFailure, StopLadder, warmUp } from "./ladder.ts";
import { step, type WorkerEvent, type WorkerState } from "./states.ts";
import { Roll } from "./roll.ts";
import { type Mark, WorkerStream } from "./stream.ts";
import type { WorkerListener, WorkerOptions } from "./worker_types.ts";

/** A started R that runs jobs one after the other. */
export class Worker {
  /** R's version, once ready. */
  rVersion = "";
  listener: WorkerListener | undefined;
  readonly commands: Commands;
  readonly process: RProcess;
  readonly #options: WorkerOptions;
  readonly #roll: Roll;
  readonly #streams: readonly [WorkerStream, WorkerStream];
  readonly #ladder: StopLadder;
  readonly #watch: JobWatch;
  readonly #input: JobInput;
  readonly #ended: Promise<void>;
  readonly #greeting: Expected | undefined;
  #state: WorkerState = "starting";
  #leaving: string | undefined;
  #killed: "lost its place" | "ignored a stop" | undefined;
  #browsing = false;

  /** A forked R names itself `hello` when it is ready; without one R is still to be told how. */
  constructor(process: RProcess, commands: Commands, options: WorkerOptions, hello?: string) {
    this.process = process;
    this.commands = commands;
    this.#options = options;
    this.#input = new JobInput(process.inputPath);
    const onBroken = () => this.#losePlace();
    const open = (name: "stdout" | "stderr") =>
      new WorkerStream(name, process[name], (mark) => this.#mark(mark), onBroken);
    this.#streams = [open("stdout"), open("stderr")];
    this.#roll = new Roll(this.#streams);
    if (hello !== undefined) this.#greeting = this.#roll.expect(undefined, hello);
    this.#watch = new JobWatch(process, this.#streams, options, onBroken);
    const ask = () => this.#sync().answered.promise;
    this.#ladder = new StopLadder(process, this.#roll, options.stopGraceMs, ask);
    this.#ended = this.#watchEnd();
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Whether `assign` may be called with this job now. */
  canTake(job: EngineJob): boolean {
    if (this.#state === "idle") return true;
    if (this.#state !== "busy" || this.#input.isOpen || !job.isSmall) return false;
    return this.#roll.mayGrow();
  }

  /** Resolves when R has answered for the first time; rejects with what it said if it does not. */
  async start(): Promise<void> {
    const ready = this.#greeting
      ? this.#greeting.answered.promise.then(() =>
        warmUp(this.#roll, this.process, this.commands, 1)
      )
      : prepare(this.process.id, this.#roll, this.process, this.commands, this.#options.preload);
    try {
      await awaitStart(ready, this.#ended, this.#options.startTimeoutMs);
    } catch (error) {
      await this[Symbol.asyncDispose]();
      const said = this.#streams[1].tail.trim();
      throw startFailure(said || toRtoolError(error).message);
    }
    this.#step("ready");
  }

  /** Puts a question to an idle R; its answer, which it gives when it has done all before it. */
  async ask(question: (nonce: string) => string): Promise<string> {
    const asked = this.#roll.expect(undefined, randomHex());
    this.process.write(question(asked.nonce));
    await asked.answered.promise;
    return asked.ending?.payload ?? "";
  }

  /** Gives R a job. Its events follow; `note` goes with the first. */
  assign(job: EngineJob, how: NonNullable<Receipt["start"]>, note?: string): void {
    const ahead = this.#state === "busy";
    if (!ahead) this.#step("assign");
    job.attempt(() => this.#ladder.climbing);
    job.onStop = () => this.#stop(job);
    this.#roll.expect(job, job.nonce);
    if (job.request.input) {
      void this.#assignWithInput(job, job.request.input, how, note); // Never rejects.
      return;
    }
    if (!ahead) job.start(how, note);
    this.#submit(job, ahead);
  }

  async #assignWithInput(
    job: EngineJob,
    input: AsyncIterable<Uint8Array>,
    how: NonNullable<Receipt["start"]>,
    note: string | undefined,
  ): Promise<void> {
    await this.#input.open();
    job.start(how, note);
    this.#input.pump(input);
    this.#submit(job, false);
  }

  #submit(job: EngineJob, ahead: boolean): void {
    const { request, plotsMax } = job;
    const { dir, user, confined } = this.process;
    const brought = bring(request.uploads, dir, user);
    // A sandbox does not show where the client is.
    const cwd = confined ? undefined : request.cwd;
    const settings = { ...request, cwd, last: request.session === undefined, brought, plotsMax };
    this.process.write(this.commands.job(job.nonce, request.code, settings, ahead));
    this.#watch.start(() => this.#roll.first?.job);
    if (job.stopReason && this.#roll.first?.job === job) this.#stop(job);
  }

  /** Ends R and all its children, and takes its directory away. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== "dead") this.#step("close");
    await this.process.killTree();
    await Promise.all([this.#ended, this.#ladder.empty()]);
  }

  #step(event: WorkerEvent): void {
    this.#state = step(this.#state, event);
  }

  #mark({ stream, nonce, mark, payload }: Mark): void {
    this.#watch.progress();
    const expected = this.#roll.find(nonce);
    if (expected?.job?.takes(mark, payload)) return;
    switch (mark) {
      case "N":
        return this.process.write(this.commands.more(Number(payload)));
      case "T":
        return this.process.write(this.commands.tail(payload));
      case "B":
        return this.#leaveBrowser();
      case "L":
        this.#leaving = payload;
        return;
    }
    if (!expected) throw new RtoolError("bad_frame", `R answered a question nobody asked: ${mark}`);
    if (stream === "stdout") expected.ending = { mark, payload };
    for (const each of this.#streams) if (each.name === stream) each.advance(nonce);
    if (--expected.streamsLeft === 0) this.#complete(expected);
  }

  #complete(expected: Expected): void {
    for (const { job } of this.#roll.take(expected)) {
      // A begin that an interrupt hit before it did anything has no answer of its own. A job that
      // was begun and has none has broken R's marks, and is not run again.
      if (job && !job.started) this.listener?.held(job);
      if (!job?.started) continue;
      job.settle(LOST_PLACE, { sessionSurvived: false });
      this.#losePlace();
    }
    const { job, ending } = expected;
    expected.answered.resolve();
    if (this.#roll.first) this.#roll.first.mayHaveBegun = true;
    if (!ending) return;
    if (ending.mark === "R") this.rVersion = String(JSON.parse(ending.payload).r);
    if (!job) return this.#stopFirst();
    if (ending.mark === "H") this.listener?.held(job);
    else this.#settle(job, ending);
    if (!this.#ladder.climbing) void this.#next(); // Never rejects.
  }

  #settle(job: EngineJob, ending: Ending): void {
    job.hasBegun();
    const { outcome, used } = endOutcome(ending);
    this.#browsing = false;
    job.onStop = undefined;
    // The stop may take hold between two expressions, before R is interrupted.
    const held = outcome.kind === "error" && outcome.error.kind === "interrupt";
    const stopping = this.#ladder.signalled || (this.#ladder.climbing && held);
    const stopped = stopping ? job.stopReason : undefined;
    const limited = this.#watch.maybeWriteLost(job) ?? job.maybeLimit(outcome);
    job.settle(stopped ?? limited ?? outcome, {
      ...used,
      rung: stopped ? "interrupt" : "none",
      peakMemoryBytes: this.process.maybePeakMemory(),
    });
  }

  /** After a job: the next one already lies in R's pipe, or the worker is idle. */
  async #next(): Promise<void> {
    if (this.#input.wasUsed && await this.#input.close()) {
      // Waited for: what R still empties would otherwise be the input of the next job.
      await this.ask((nonce) => this.commands.drainInput(nonce)).catch(() => {}); // R has gone.
    }
    const next = this.#roll.first?.job;
    if (next) {
      if (!this.#ladder.holding) next.hasBegun();
      this.#stopFirst();
    } else if (this.#state === "busy" || this.#state === "interrupting") {
      this.#watch.stop();
      this.#step("done");
    }
    this.listener?.ready();
  }

  #leaveBrowser(): void {
    if (this.#browsing) return;
    this.#browsing = true;
    this.process.write(this.commands.leaveBrowser());
    this.#sync();
  }

  #sync(): Expected {
    const sync = this.#roll.expect(undefined, randomHex());
    this.process.write(this.commands.sync(sync.nonce));
    return sync;
  }

  /** The job that is R's current one now may have been asked to stop before. */
  #stopFirst(): void {
    const first = this.#roll.first?.job;
    if (first?.stopReason) this.#stop(first);
  }

  #stop(job: EngineJob): void {
    const first = this.#roll.first;
    if (first?.job !== job) return this.#withdraw(job);
    if (first.ending || !job.started) return; // R has ended it before we could ask.
    if (this.#ladder.climbing || this.#state !== "busy") return;
    this.#step("interrupt");
    void this.#climb(first); // Never rejects.
  }

  /** A job that lies in R's pipe behind others: R will not begin it, and nobody waits for that. */
  #withdraw(job: EngineJob): void {
    if (!job.stopReason || !this.#roll.has(job)) return;
    job.settle(job.stopReason, {});
    if (this.#state !== "busy" || this.#ladder.holding) return;
    void this.#ladder.holdBack().then(() => this.listener?.ready());
  }

  async #climb(first: Expected): Promise<void> {
    const interrupted = this.#ladder.climb(first);
    // R heeds no signal while it reads: the end of its input lets it go on.
    void this.#input.stop();
    if (await interrupted) return await this.#next();
    this.#killed = "ignored a stop";
    await this.process.killTree();
    await this.#ended;
    this.#ladder.killed();
  }

  /** R waits for a command although a job is open: its marks or its lines were lost. */
  #losePlace(): void {
    this.#killed = "lost its place";
    void this.process.killTree(); // `#ended` goes on from there.
  }

  async #watchEnd(): Promise<void> {
    for (const stream of this.#streams) void stream.ended.then(() => this.process.hintEnd());
    const exit = await this.process.exit;
    // What R has written is in the pipes; a child it left behind may hold them open for ever.
    await Promise.all(this.#streams.map((stream) => stream.finished(50)));
    await this.process.killTree();
    const wasStarting = this.#state === "starting";
    this.#step("exit");
    this.#watch.stop();
    await this.#input.stop();
    this.#settleParting();
    const crash = crashOutcome(exit, this.#leaving, this.#streams[1].tail, this.#killed);
    if (!wasStarting) this.listener?.gone(crash.why);
    const how = { exit, crash, wasStarting, signalled: this.#ladder.signalled };
    endAll(this.#roll.clear(), how, (job) => this.listener?.held(job));
    await this.process.removeDir();
  }

  /** The last job of an R that ended with it has told its end in R's last words. */
  #settleParting(): void {
    const job = this.#roll.first?.job;
    if (job && this.#leaving?.startsWith("end ")) {
      this.#settle(job, { mark: "E", payload: this.#leaving.slice(4) });
    }
  }
}
