/**
 * What becomes of the jobs of an R that has ended.
 */

import type { Outcome } from "../core/job.ts";
import type { EngineJob } from "./job.ts";
import { type Expected, startFailure } from "./ladder.ts";
import type { RExit } from "./process.ts";

/** How R has ended. */
export interface RDeath {
  readonly exit: RExit;
  /** What it means for the job R was at; `why` finishes "R ...". */
  readonly crash: { readonly outcome: Outcome; readonly why: string };
  readonly wasStarting: boolean;
  /** Whether R was being stopped. */
  readonly signalled: boolean;
}

/** The job R was at ends with R; those it had not come to are handed back. */
export function endAll(
  expected: readonly Expected[],
  { exit, crash, wasStarting, signalled }: RDeath,
  held: (job: EngineJob) => void,
): void {
  const failure = startFailure(
    wasStarting ? `it ended at once, with ${endOf(exit)}` : `R ${crash.why}`,
  );
  for (const { job, answered, mayHaveBegun } of expected) {
    answered.reject(failure);
    if (!job) continue;
    job.onStop = undefined;
    if (!job.started && !mayHaveBegun) {
      held(job);
      continue;
    }
    const stopped = signalled ? job.stopReason : undefined;
    const rung = !stopped ? "none" : exit.signal === "SIGKILL" ? "kill" : "interrupt";
    job.settle(stopped ?? crash.outcome, { rung, sessionSurvived: false });
  }
}

function endOf(exit: RExit): string {
  return exit.signal ?? `status ${exit.code}`;
}
