/**
 * Counts jobs: how long they waited, how they ended, what they used.
 *
 * Told by the engine, once at a job's start and once at its end; never looks at its events.
 */

import { type ErrorCode, toRtoolError } from "../core/errors.ts";
import type { Evaluator, JobRequest, Outcome, Receipt } from "../core/job.ts";
import type { Page } from "./page.ts";
import { Histogram, Tally } from "./tally.ts";

type Kind = Outcome["kind"];

/** Every outcome: the compiler knows when one is missing. */
const KINDS: Readonly<Record<Kind, true>> = {
  ok: true,
  error: true,
  quit: true,
  timeout: true,
  cancelled: true,
  crashed: true,
  limited: true,
  rejected: true,
  lost: true,
};

/** All the ways a job can end. */
export const OUTCOME_KINDS = Object.keys(KINDS) as Kind[];

/** From a warm evaluation to a job of an hour. */
const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 3600];

/** Jobs of one server. */
export class JobMetrics {
  readonly #outcomes = new Tally<Kind>(OUTCOME_KINDS);
  readonly #codes = new Tally<ErrorCode>(["busy", "not_allowed", "bad_request", "draining"]);
  readonly #stops = new Tally<Receipt["rung"]>(["none", "interrupt", "kill"]);
  readonly #bytes = new Tally<"stdout" | "stderr">(["stdout", "stderr"]);
  readonly #waits = new Histogram(SECONDS);
  readonly #durations = new Histogram(SECONDS);
  #cpuMs = 0;
  #lostSessions = 0;
  #sent = 0;

  /** R has been given a job. */
  readonly started = (waitMs: number): void => this.#waits.observe(waitMs / 1000);

  /** A job the engine had accepted has ended. */
  readonly ended = (
    { request }: { readonly request: JobRequest },
    outcome: Outcome,
    receipt: Receipt,
  ): void => {
    this.#outcomes.add(outcome.kind);
    if (outcome.kind === "rejected") this.#codes.add(outcome.code);
    this.#bytes.add("stdout", receipt.stdoutBytes);
    this.#bytes.add("stderr", receipt.stderrBytes);
    this.#cpuMs += receipt.cpuMs ?? 0;
    if (request.session !== undefined && !receipt.sessionSurvived) this.#lostSessions++;
    if (receipt.start === null) return; // It never began.
    this.#durations.observe(receipt.wallMs / 1000);
    this.#stops.add(receipt.rung);
  };

  /** The same Evaluator; what it refuses is counted, and what it puts into a queue. */
  around(evaluator: Evaluator): Evaluator {
    return {
      ...evaluator,
      submit: async (principal, request, signal) => {
        try {
          const job = await evaluator.submit(principal, request, signal);
          if (request.queue) this.#sent++;
          return job;
        } catch (error) {
          if (signal.aborted) throw error; // Whoever asked has gone: nobody was refused.
          this.#outcomes.add("rejected");
          this.#codes.add(toRtoolError(error).code);
          throw error;
        }
      },
    };
  }

  /** Writes down what was counted. */
  tell(page: Page): void {
    for (const [outcome, count] of this.#outcomes.entries()) {
      page.set("rtool_jobs_total", count, { outcome });
    }
    for (const [code, count] of this.#codes.entries()) {
      page.set("rtool_jobs_rejected_total", count, { code });
    }
    for (const [rung, count] of this.#stops.entries()) {
      page.set("rtool_job_stops_total", count, { rung });
    }
    for (const [stream, count] of this.#bytes.entries()) {
      page.set("rtool_output_bytes_total", count, { stream });
    }
    page.set("rtool_job_wait_seconds", this.#waits.distribution, {});
    page.set("rtool_job_duration_seconds", this.#durations.distribution, {});
    page.set("rtool_job_cpu_seconds_total", this.#cpuMs / 1000, {});
    page.set("rtool_sessions_lost_total", this.#lostSessions, {});
  }

  /** Writes down what went into the queue; only where there is one. */
  tellSent(page: Page): void {
    page.set("rtool_queue_sent_total", this.#sent, {});
  }
}
