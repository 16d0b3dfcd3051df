/**
 * How a worker is waited for and stopped: the questions it must answer, and for how long.
 *
 * Part of worker.ts; knows no jobs but for naming them.
 */

import { RtoolError } from "../core/errors.ts";
import { settlesWithin } from "../core/time.ts";
import { type Commands, NO_SETTINGS } from "./commands.ts";
import type { Ending } from "./ending.ts";
import { type EngineJob, randomHex } from "./job.ts";
import type { RProcess } from "./process.ts";
import type { Roll } from "./roll.ts";

/** A job, or a question of ours, that R is still to answer on both streams. */
export interface Expected {
  readonly nonce: string;
  readonly job: EngineJob | undefined;
  readonly answered: PromiseWithResolvers<void>;
  ending: Ending | undefined;
  /** Whether R has come to it, for all we know: then it is not given to another R. */
  mayHaveBegun: boolean;
  streamsLeft: number;
}

/** Begins to wait for R's answer under this nonce. */
export function expectAnswer(nonce: string, job: EngineJob | undefined): Expected {
  const answered = Promise.withResolvers<void>();
  answered.promise.catch(() => {}); // Not every answer has somebody waiting for it.
  return { nonce, job, answered, ending: undefined, mayHaveBegun: false, streamsLeft: 2 };
}

/** SIGINT is sent so many times within the grace. */
const INTERRUPTS = 2;

/** How long what R has already written is read before it is interrupted, in milliseconds. */
const SETTLE_MS = 10;

/** Stops what R is at, or what lies behind it. */
export class StopLadder {
  /** Whether a signal has been sent for the job that is being stopped. */
  signalled = false;
  readonly #process: RProcess;
  readonly #roll: Roll;
  readonly #graceMs: number;
  readonly #ask: () => Promise<unknown>;
  #climbing: Promise<boolean> | undefined;
  #holding = false;

  /** `ask` puts a question to R that it answers when all before it is done. */
  constructor(process: RProcess, roll: Roll, graceMs: number, ask: () => Promise<unknown>) {
    this.#process = process;
    this.#roll = roll;
    this.#graceMs = graceMs;
    this.#ask = ask;
  }

  get climbing(): boolean {
    return this.#climbing !== undefined;
  }

  /** Whether R begins no job that was written ahead. */
  get holding(): boolean {
    return this.#holding;
  }

  /** Resolves when nobody is on the ladder. */
  async empty(): Promise<void> {
    await this.#climbing;
  }

  /**
   * The first rung: SIGINT, within the grace. False when R has not given in and is to be killed.
   *
   * From the start nothing further is begun. Each signal is followed by a question: R answers it
   * when the signal can no longer hit anything, so a late one never meets the next job.
   */
  async climb(first: Expected): Promise<boolean> {
    this.#climbing = this.#interrupt(first);
    const gaveIn = await this.#climbing;
    if (gaveIn) this.#climbed();
    return gaveIn;
  }

  /** R is gone, by the second rung. */
  killed(): void {
    this.#climbed();
  }

  /** Lets R begin nothing that was written ahead, until it has answered. */
  async holdBack(): Promise<void> {
    this.#holding = true;
    hold(this.#process);
    await this.#ask().catch(() => {}); // R has gone: there is nothing to hold back.
    this.#holding = false;
    if (!this.climbing) release(this.#process);
  }

  #climbed(): void {
    this.#climbing = undefined;
    this.signalled = false;
  }

  async #interrupt(first: Expected): Promise<boolean> {
    const process = this.#process;
    Deno.writeFileSync(process.stopFile, new Uint8Array(0), { mode: 0o600 });
    hold(process);
    // R may have ended this job and begun another before the file was there.
    if (this.#roll.length > 1) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    for (let round = 0; round < INTERRUPTS; round++) {
      if (first.ending === undefined) {
        this.signalled = true;
        // To all R runs, as a terminal does it: it waits in system() for a child that must end too.
        if (!process.interrupt()) return false;
      }
      if (await settlesWithin(this.#ask(), this.#graceMs / INTERRUPTS)) {
        Deno.removeSync(process.stopFile);
        release(process);
        return true;
      }
    }
    return false;
  }
}

function hold(process: RProcess): void {
  Deno.writeFileSync(process.holdFile, new Uint8Array(0), { mode: 0o600 });
}

function release(process: RProcess): void {
  try {
    Deno.removeSync(process.holdFile);
  } catch {
    // Gone with R's directory.
  }
}

/** What an R loads before it is a worker. */
export interface Preload {
  readonly packages: readonly string[];
  /** Absolute paths of R scripts, in the order in which they are run. */
  readonly scripts: readonly string[];
}

/** Turns a fresh R into a worker, and warms it up. */
export async function prepare(
  nonce: string,
  roll: Roll,
  process: RProcess,
  commands: Commands,
  preload: Preload,
): Promise<void> {
  const hello = roll.expect(undefined, nonce);
  process.write(commands.refuseOldR());
  process.write(commands.preload(preload.packages, preload.scripts));
  process.write(commands.bootstrap(nonce, process));
  await hello.answered.promise;
  // R compiles a function when it is called again: better now than in the first job.
  await warmUp(roll, process, commands, 2);
}

/** Gives R jobs that do nothing: the pages a job touches are then its own, and in memory. */
export async function warmUp(
  roll: Roll,
  process: RProcess,
  commands: Commands,
  rounds: number,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const dummy = roll.expect(undefined, randomHex());
    process.write(commands.job(dummy.nonce, "invisible()", NO_SETTINGS, false));
    await dummy.answered.promise;
  }
}

/** Resolves when R is ready; rejects when it has ended or taken too long. */
export async function awaitStart(
  ready: Promise<void>,
  ended: Promise<void>,
  timeoutMs: number,
): Promise<void> {
  const gone = ended.then(() => {
    throw startFailure("it ended at once");
  });
  gone.catch(() => {}); // Also when R was ready first and ends much later.
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(startFailure(`it was not ready within ${timeoutMs / 1000} s`));
  }, timeoutMs);
  try {
    await Promise.race([ready, gone, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error of an R that does not start. */
export function startFailure(what: string): RtoolError {
  const message = what.startsWith("Cannot start R") ? what : `Cannot start R: ${what}`;
  return new RtoolError("r_unavailable", message, {
    hint: "it must be R 4.0 or newer (--r), and what --init and --preload name must work in it",
  });
}
