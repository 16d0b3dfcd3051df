/**
 * An R that is never given a job: it is forked, and its children are the workers.
 *
 * It has loaded what the sessions need once; they share it copy-on-write. A worker that has ended
 * stays a zombie until its exit status has been read under /proc: only then its parent is told to
 * let go of it. Linux only; the pipes are opened through /proc too.
 */

import { RtoolError } from "../core/errors.ts";
import { settlesWithin } from "../core/time.ts";
import { Commands } from "./commands.ts";
import { randomHex } from "./job.ts";
import { type RExit, RProcess, type StartedR } from "./process.ts";
import { FileWatch } from "./file_watch.ts";
import { decodeWaitStatus, maybeStat, sendSignal } from "./process_table.ts";
import { spawnHolder } from "./spawn.ts";
import type { Sweeper } from "./sweeper.ts";
import { Worker } from "./worker.ts";
import { makeWorkerDirs } from "./worker_dirs.ts";
import type { WorkerOptions } from "./worker_types.ts";

/** How often a forked R is looked at without a reason, in milliseconds. */
const LOOK_MS = 250;

/** How long the ended wait for others, to be reaped together, in milliseconds. */
const REAP_MS = 100;

/** Whether this system can do it. */
export function canFork(): boolean {
  return Deno.build.os === "linux" && maybeStat(Deno.pid) !== undefined;
}

/** An R started from nothing. */
export function spawnWorker(options: WorkerOptions, sweeper: Sweeper, keepsTree = true): Worker {
  const how = { ...options, keepsTree };
  const process = RProcess.spawn(randomHex(), options.stateDir, how, sweeper);
  return new Worker(process, new Commands(`.rtool_${randomHex().slice(0, 8)}_`), options);
}

/** Forks workers, one at a time. */
export class ForkServer {
  readonly #template: Worker;
  readonly #options: WorkerOptions;
  readonly #sweeper: Sweeper;
  #line: Promise<unknown> = Promise.resolve();
  readonly #ended: number[] = [];
  #packages = new FileWatch([]);
  #reap: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  private constructor(template: Worker, options: WorkerOptions, sweeper: Sweeper) {
    this.#template = template;
    this.#options = options;
    this.#sweeper = sweeper;
    sweeper.watch(template.process.id, template.process.pid);
  }

  /** Starts R and loads what is to be shared. */
  static async start(options: WorkerOptions, sweeper: Sweeper): Promise<ForkServer> {
    const env = { ...SINGLE_THREADED, ...LARGE_PAGES, ...options.env };
    const template = spawnWorker({ ...options, env }, sweeper, false);
    await template.start();
    const { packages } = options.preload;
    const server = new ForkServer(template, options, sweeper);
    const files = await server.#answered((nonce) => template.commands.template(nonce, packages));
    server.#packages = new FileWatch(files.split("\n"));
    return server;
  }

  get rVersion(): string {
    return this.#template.rVersion;
  }

  get pid(): number {
    return this.#template.process.pid;
  }

  /** Whether it can fork no more. */
  get dead(): boolean {
    return this.#closed || this.#template.state !== "idle";
  }

  /** A file of a preloaded package that has changed since it was loaded; each is told once. */
  maybeChangedPackage(): string | undefined {
    return this.#packages.maybeChanged();
  }

  /** A new worker, ready. */
  fork(): Promise<Worker> {
    const forked = this.#line.then(() => this.#fork());
    this.#line = forked.catch(() => {});
    return forked;
  }

  /** Ends it; its children go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#reap);
    await this.#template[Symbol.asyncDispose]();
    this.#sweeper.unwatch(this.#template.process.id, this.pid);
  }

  async #fork(): Promise<Worker> {
    if (this.dead) throw new RtoolError("r_unavailable", "The R that is forked has ended");
    const id = randomHex();
    const { dir } = makeWorkerDirs(this.#options.stateDir, id, undefined);
    const holder = spawnHolder();
    try {
      const hello = randomHex();
      const pid = await this.#ask(holder, { id, dir, hello });
      const worker = this.#hold(holder, pid, { id, dir, hello });
      await worker.start();
      return worker;
    } catch (error) {
      await Deno.remove(dir, { recursive: true }).catch(() => {});
      throw error;
    } finally {
      // R holds the pipes now; as long as another process does, their end cannot be seen.
      sendSignal(holder.pid, "SIGKILL");
      await holder.status;
    }
  }

  /** The process id of a new R that will open the holder's pipes. */
  async #ask(holder: Deno.ChildProcess, names: Names): Promise<number> {
    const { commands } = this.#template;
    const pipes = `/proc/${holder.pid}/fd/`;
    try {
      return parsePid(await this.#answered((nonce) => commands.fork({ nonce, ...names, pipes })));
    } catch (error) {
      const { stdin, stdout, stderr } = holder;
      await Promise.all([stdin.abort(), stdout.cancel(), stderr.cancel()]).catch(() => {});
      throw error;
    }
  }

  #hold(holder: Deno.ChildProcess, pid: number, { id, dir, hello }: Names): Worker {
    const watch = this.#watch(pid);
    const { stdin, stdout, stderr } = holder;
    const { exit } = watch;
    const nudge = () => watch.nudge();
    const started: StartedR = {
      ...{ how: "fork", keepsTree: true, pid, stdin, stdout, stderr, exit, nudge },
    };
    const process = new RProcess(id, { dir, control: dir }, started, this.#sweeper);
    return new Worker(process, this.#template.commands, this.#options, hello);
  }

  #watch(pid: number): ExitWatch {
    const watch = new ExitWatch(pid);
    const { id } = this.#template.process;
    this.#sweeper.watch(id, pid);
    void watch.exit.then(() => {
      this.#sweeper.unwatch(id, pid);
      this.#reapSoon(pid);
    });
    return watch;
  }

  #reapSoon(pid: number): void {
    this.#ended.push(pid);
    if (this.#closed) return;
    this.#reap ??= setTimeout(() => {
      this.#reap = undefined;
      // In the line of the forks: R must have nothing else to read when it forks.
      this.#line = this.#line.then(() => this.#reapEnded()).catch(() => {});
    }, REAP_MS);
  }

  async #reapEnded(): Promise<void> {
    const pids = this.#ended.splice(0);
    if (this.dead || pids.length === 0) return;
    const { commands } = this.#template;
    await this.#answered((nonce) => commands.reap(nonce, pids));
  }

  /** What R answers. One that does not is of no use any more. */
  async #answered(question: (nonce: string) => string): Promise<string> {
    const answer = this.#template.ask(question);
    if (!await settlesWithin(answer, this.#options.startTimeoutMs)) {
      await this.#template[Symbol.asyncDispose]();
    }
    return await answer;
  }
}

/** What tells one fork from another. */
interface Names {
  readonly id: string;
  readonly dir: string;
  readonly hello: string;
}

/** Threads do not survive a fork: libraries that would start some must not. */
const SINGLE_THREADED = { OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };

/** The fewer pages there are, the sooner they are shared: glibc's malloc asks for large ones. */
const LARGE_PAGES = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };

function parsePid(text: string): number {
  const pid = Number(text);
  if (Number.isInteger(pid) && pid > 1) return pid;
  throw new RtoolError("r_unavailable", `R cannot be forked: ${text.slice(0, 200)}`);
}

/** Notices the end of a process that is not our child. */
class ExitWatch {
  readonly exit: Promise<RExit>;
  readonly #pid: number;
  readonly #startedAt: number | undefined;
  readonly #done = Promise.withResolvers<RExit>();
  #ended = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(pid: number) {
    this.#pid = pid;
    this.#startedAt = maybeStat(pid)?.startedAt;
    this.exit = this.#done.promise;
    this.#lookIn(LOOK_MS);
  }

  /** Looks at once, and again soon, until the process has ended. */
  nudge(): void {
    this.look();
    this.#lookIn(1);
  }

  /** Looks now. */
  look(): void {
    if (this.#ended) return;
    const stat = maybeStat(this.#pid);
    // A process of another start time has got the id of ours.
    const isOurs = stat !== undefined && stat.startedAt === this.#startedAt;
    if (isOurs && stat.state !== "Z") return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#done.resolve(isOurs ? decodeWaitStatus(stat.waitStatus) : { code: null, signal: null });
  }

  #lookIn(ms: number): void {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.look();
      this.#lookIn(Math.min(LOOK_MS, ms * 1.5));
    }, ms);
  }
}
