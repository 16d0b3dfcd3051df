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

/** What {@linkcode interrupt} must know of the job it stops. */
export interface Interrupted {
  /** Asks R a question that it answers when all before it is done. */
  readonly ask: () => Promise<void>;
  /** Whether other jobs lie in R's pipe behind this one. */
  readonly behind: boolean;
  /** Whether R has ended the job by itself. */
  readonly hasEnded: () => boolean;
  /** Called before each signal. */
  readonly signalled: () => void;
}

/** How long what R has already written is read before it is interrupted, in milliseconds. */
const SETTLE_MS = 10;

/**
 * The first rung of the stop ladder: SIGINT, within the grace. True when R has given in.
 *
 * From the start nothing further is begun. Each signal is followed by a question: R answers it when
 * the signal can no longer hit anything, so a late one never meets the next job.
 */
export async function interrupt(
  process: RProcess,
  job: Interrupted,
  graceMs: number,
): Promise<boolean> {
  Deno.writeFileSync(process.stopFile, new Uint8Array(0), { mode: 0o600 });
  hold(process);
  // R may have ended this job and begun another before the file was there.
  if (job.behind) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  for (let round = 0; round < INTERRUPTS; round++) {
    if (!job.hasEnded()) {
      job.signalled();
      // To the group, as a terminal does it: R waits in system() for a child that must end too.
      if (!process.signalGroup("SIGINT")) return false;
    }
    if (await settlesWithin(job.ask(), graceMs / INTERRUPTS)) {
      Deno.removeSync(process.stopFile);
      release(process);
      return true;
    }
  }
  return false;
}

/** While the file is there, R begins no job that was written ahead. */
export function hold(process: RProcess): void {
  Deno.writeFileSync(process.holdFile, new Uint8Array(0), { mode: 0o600 });
}

/** Takes the file of {@linkcode hold} away. */
export function release(process: RProcess): void {
  try {
    Deno.removeSync(process.holdFile);
  } catch {
    // Gone with R's directory.
  }
}

/** Turns a fresh R into a worker, and warms it up. */
export async function prepare(
  nonce: string,
  roll: Roll,
  process: RProcess,
  commands: Commands,
): Promise<void> {
  const hello = roll.expect(undefined, nonce);
  process.write(commands.bootstrap(nonce, process));
  await hello.answered.promise;
  // R compiles a function when it is called again: better now than in the first job.
  for (let round = 0; round < 2; round++) {
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
    hint: "install R 4.0 or newer, or name its command with --r",
  });
}
