/**
 * How a worker is waited for and stopped: the questions it must answer, and for how long.
 *
 * Part of worker.ts; knows no jobs but for naming them.
 */

import { RtoolError } from "../core/errors.ts";
import type { Ending } from "./ending.ts";
import type { EngineJob } from "./job.ts";
import type { RProcess } from "./process.ts";

/** A job, or a question of ours, that R is still to answer on both streams. */
export interface Expected {
  readonly nonce: string;
  readonly job: EngineJob | undefined;
  readonly answered: PromiseWithResolvers<void>;
  ending: Ending | undefined;
  streamsLeft: number;
}

/** Begins to wait for R's answer under this nonce. */
export function expectAnswer(nonce: string, job: EngineJob | undefined): Expected {
  const answered = Promise.withResolvers<void>();
  answered.promise.catch(() => {}); // Not every answer has somebody waiting for it.
  return { nonce, job, answered, ending: undefined, streamsLeft: 2 };
}

/** SIGINT is sent so many times within the grace. */
const INTERRUPTS = 2;

/**
 * The first rung of the stop ladder: SIGINT, within the grace. True when R has given in.
 *
 * Each signal is followed by a question: R answers it when the signal can no longer hit anything,
 * so a late one never meets the next job.
 */
export async function interrupt(
  process: RProcess,
  ask: () => Promise<void>,
  graceMs: number,
): Promise<boolean> {
  Deno.writeFileSync(process.stopFile, new Uint8Array(0), { mode: 0o600 });
  for (let round = 0; round < INTERRUPTS; round++) {
    // To the group, as a terminal does it: R waits in system() for a child that must end too.
    if (!process.signalGroup("SIGINT")) return false;
    if (await settlesWithin(ask(), graceMs / INTERRUPTS)) {
      Deno.removeSync(process.stopFile);
      return true;
    }
  }
  return false;
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
  if (await settlesWithin(Promise.race([ready, gone]), timeoutMs)) return;
  throw startFailure(`it was not ready within ${timeoutMs / 1000} s`);
}

/** The error of an R that does not start. */
export function startFailure(what: string): RtoolError {
  const message = what.startsWith("Cannot start R") ? what : `Cannot start R: ${what}`;
  return new RtoolError("r_unavailable", message, {
    hint: "install R 4.0 or newer, or name its command with --r",
  });
}

/** Whether the promise resolves before so many milliseconds have passed. */
async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([promise.then(() => true, () => false), late]);
  } finally {
    clearTimeout(timer);
  }
}
