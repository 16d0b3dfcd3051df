/**
 * One R process with its pipes, its private directory and its descendants.
 *
 * Knows how R is written to, read from, signalled and ended. Must not know jobs, marks or sessions,
 * nor how its R came to be: spawn.ts and fork_server.ts know that.
 */

import {
  descendants,
  maybeOnlyChild,
  maybePeakResident,
  maybeSignal,
  maybeStat,
  processesWith,
  sendSignal,
} from "./process_table.ts";
import type { SystemUser } from "./sandbox.ts";
import { type SpawnOptions, spawnR, WORKER_VARIABLE } from "./spawn.ts";
import type { Sweeper } from "./sweeper.ts";
import { makeWorkerDirs, removeWorkerDirs, type WorkerDirs } from "./worker_dirs.ts";

/** How a process ended. */
export interface RExit {
  /** Exit status; null when it died of a signal, or when nobody could tell any more. */
  readonly code: number | null;
  readonly signal: Deno.Signal | null;
  /** The signal this status stands for, if R did not choose it: a sandbox passes on only that. */
  readonly maybeSignal?: Deno.Signal | undefined;
}

/** An R that has been started, one way or the other. */
export interface StartedR {
  readonly how: "spawn" | "fork";
  /** Whether R runs inside a sandbox; then `pid` is the sandbox's. */
  readonly confined?: boolean;
  /** Who R runs as, if that is not the server's user. */
  readonly user?: SystemUser | undefined;
  /** Whether all that descends from it ends with it. */
  readonly keepsTree: boolean;
  readonly pid: number;
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** Resolves when R has ended. */
  readonly exit: Promise<RExit>;
  /** Something hints at R's end: {@linkcode exit} should not wait for its next look. */
  readonly nudge: () => void;
}

/** How long the end of a sandbox's processes is waited for, in milliseconds. */
const EMPTY_MS = 2000;

const encoder = new TextEncoder();

/** A running R. */
export class RProcess {
  readonly id: string;
  readonly dir: string;
  /** Whether R runs inside a sandbox. */
  readonly confined: boolean;
  /** Who R runs as, if that is not the server's user. */
  readonly user: SystemUser | undefined;
  readonly how: "spawn" | "fork";
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** Resolves when R has ended. */
  readonly exit: Promise<RExit>;
  readonly #control: string;
  /** R's, or its sandbox's. */
  readonly #outer: number;
  #inner: number | undefined;
  /** The first process of R's sandbox. */
  #first: { readonly pid: number; readonly startedAt: number } | undefined;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #keepsTree: boolean;
  readonly #sweeper: Sweeper;
  readonly #nudge: () => void;
  #unwritten = "";
  #hadChildren: boolean | undefined;
  #peak: { readAt: number; bytes: number | null } = { readAt: -Infinity, bytes: null };

  constructor(id: string, dirs: WorkerDirs, started: StartedR, sweeper: Sweeper) {
    this.id = id;
    this.dir = dirs.dir;
    this.#control = dirs.control;
    this.#sweeper = sweeper;
    this.#outer = started.pid;
    this.confined = started.confined ?? false;
    this.user = started.user;
    this.how = started.how;
    this.#keepsTree = started.keepsTree;
    this.stdout = started.stdout;
    this.stderr = started.stderr;
    this.exit = started.exit;
    this.#nudge = started.nudge;
    this.#stdin = started.stdin.getWriter();
    this.#stdin.closed.catch(() => {}); // R has gone; `exit` tells.
  }

  /** Starts R from nothing. */
  static spawn(
    id: string,
    stateDir: string,
    options: SpawnOptions & { readonly keepsTree: boolean },
    sweeper: Sweeper,
  ): RProcess {
    const { keepsTree, sandbox } = options;
    const dirs = makeWorkerDirs(stateDir, id, sandbox);
    try {
      const child = spawnR(id, dirs, options);
      const exit = child.status.then(({ code, signal }) => {
        if (signal !== null) return { code: null, signal };
        return { code, signal, maybeSignal: sandbox && maybeSignal(code) };
      });
      const { pid, stdin, stdout, stderr } = child;
      const nudge = () => {}; // The system tells at once.
      const confined = sandbox !== undefined;
      const started: StartedR = {
        ...{ how: "spawn", keepsTree, pid, stdin, stdout, stderr, exit, nudge },
        ...{ confined, user: sandbox?.user },
      };
      return new RProcess(id, dirs, started, sweeper);
    } catch (error) {
      void removeWorkerDirs(dirs); // Never rejects.
      throw error;
    }
  }

  /**
   * R's process id, as the server sees it; until R has begun, its sandbox's. That has two processes
   * of its own: one outside, and the first of those inside.
   */
  get pid(): number {
    if (!this.confined) return this.#outer;
    const first = this.#inner === undefined ? this.#maybeFirst() : undefined;
    if (first !== undefined) this.#inner = maybeOnlyChild(first);
    return this.#inner ?? this.#outer;
  }

  /** All that belongs to R beside itself, however it has hidden; undefined: look for its mark. */
  maybeOthers(): readonly number[] | undefined {
    if (!this.confined) return undefined;
    const own = [this.#outer, this.#maybeFirst(), this.pid];
    return descendants(this.#outer).filter((pid) => !own.includes(pid));
  }

  /** Where whoever writes to R's standard input writes. */
  get inputPath(): string {
    return `${this.#control}/input`;
  }

  /** While this file exists, the worker starts nothing further of a job. */
  get stopFile(): string {
    return `${this.#control}/stop`;
  }

  /** While this file exists, the worker begins no job that was written ahead. */
  get holdFile(): string {
    return `${this.#control}/hold`;
  }

  /**
   * Writes to the command channel; what is written in one turn reaches R together. A write after
   * R's end is dropped, `exit` tells.
   */
  write(text: string): void {
    if (this.#unwritten === "") queueMicrotask(() => this.#flush());
    this.#unwritten += text;
  }

  #flush(): void {
    this.#stdin.write(encoder.encode(this.#unwritten)).catch(() => {});
    this.#unwritten = "";
  }

  /**
   * Interrupts R and what it runs in the foreground, as a terminal does; false when R has gone. A
   * spawned R leads a group of its own. Forked ones share their parent's: there each process is
   * asked for itself.
   */
  interrupt(): boolean {
    if (this.confined) {
      // The group is led by the first process inside, which no such signal reaches.
      const first = this.#maybeFirst();
      return first !== undefined && sendSignal(-first, "SIGINT");
    }
    if (this.how === "spawn") return sendSignal(-this.pid, "SIGINT");
    for (const pid of descendants(this.pid)) sendSignal(pid, "SIGINT");
    return sendSignal(this.pid, "SIGINT");
  }

  /**
   * Kills R and all it has started, also what has left its group, and returns when R has ended.
   * Safe to call again.
   */
  async killTree(): Promise<void> {
    if (this.confined) await this.#killInside();
    else if (this.#keepsTree) await this.#killBelow();
    sendSignal(this.#outer, "SIGKILL");
    this.#nudge();
    await this.exit;
    await this.#stdin.abort().catch(() => {});
    if (this.#keepsTree) this.#sweeper.add(this.id);
  }

  /** With the first process inside the kernel ends all others there; it goes last. */
  async #killInside(): Promise<void> {
    const first = this.#maybeFirst();
    sendSignal(this.#outer, "SIGKILL");
    if (first === undefined) return;
    sendSignal(first, "SIGKILL");
    await hasEnded(first);
  }

  /** The first process inside, for as long as it runs: it may outlive the sandbox's other. */
  #maybeFirst(): number | undefined {
    const pid = this.#first?.pid ?? maybeOnlyChild(this.#outer);
    const startedAt = pid === undefined ? undefined : maybeStat(pid)?.startedAt;
    if (pid === undefined || startedAt === undefined) return undefined;
    this.#first ??= { pid, startedAt };
    return this.#first.startedAt === startedAt ? pid : undefined;
  }

  async #killBelow(): Promise<void> {
    // Whether R ever started anything is known only while it lives.
    this.#hadChildren ??= this.how === "spawn" || mayHaveChildren(this.pid);
    const children = this.how === "spawn" ? [-this.pid] : descendants(this.pid);
    sendSignal(this.pid, "SIGKILL");
    for (const pid of children) sendSignal(pid, "SIGKILL");
    // Looking at every process of the machine costs milliseconds: only for one that had children.
    if (this.#hadChildren) await this.#killMarked();
  }

  /** A child may fork while we look: look again until a round finds nothing. */
  async #killMarked(): Promise<void> {
    const needle = `${WORKER_VARIABLE}=${this.id}`;
    for (let round = 0; round < 20; round++) {
      const found = processesWith([needle]).filter(({ pid }) => sendSignal(pid, "SIGKILL"));
      if (found.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** One of R's pipes has ended. */
  hintEnd(): void {
    this.#nudge();
  }

  /** Takes the directory away; only after R has ended. */
  async removeDir(): Promise<void> {
    await removeWorkerDirs({ dir: this.dir, control: this.#control });
  }

  /**
   * Most memory the process has had resident, in bytes, or null where /proc does not tell. Read at
   * most every 50 ms: looking costs as much as a short job.
   */
  maybePeakMemory(): number | null {
    const now = performance.now();
    if (now - this.#peak.readAt > 50) {
      this.#peak = { readAt: now, bytes: maybePeakResident(this.pid) };
    }
    return this.#peak.bytes;
  }

  /**
   * Whether R sits in its REPL waiting for a command: blocked in `read` (system call 0 on x86-64,
   * 63 on arm64) on fd 4, which is where R has reopened the command channel. False where /proc
   * does not tell.
   */
  waitsForCommand(): boolean {
    try {
      return /^(0|63) 0x4 /.test(Deno.readTextFileSync(`/proc/${this.pid}/syscall`));
    } catch {
      return false;
    }
  }
}

/** Resolves when the process runs no more, or will not end. */
async function hasEnded(pid: number): Promise<void> {
  const startedAt = maybeStat(pid)?.startedAt;
  for (const since = performance.now(); performance.now() - since < EMPTY_MS;) {
    const stat = maybeStat(pid);
    if (stat?.startedAt !== startedAt || stat?.state === "Z") return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Whether the process has, or may have had, a child. */
function mayHaveChildren(pid: number): boolean {
  const stat = maybeStat(pid);
  return !stat || stat.childFaults > 0 || descendants(pid).length > 0;
}
