/**
 * How many sessions and jobs a principal has at once, where its profile bounds them.
 *
 * Asks the engine each time: it keeps no count of its own that could be wrong.
 */

import { RtoolError } from "../core/errors.ts";
import type { Evaluator, Job, JobRequest, Principal } from "../core/job.ts";
import type { Profile } from "../core/profile.ts";
import type { Report } from "../core/report.ts";

/** Lets jobs of a principal in one by one, so that no two of them see the same room. */
export class QuotaTurns {
  readonly #engine: Pick<Evaluator, "report">;
  /** The last in line, by principal. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(engine: Pick<Evaluator, "report">) {
    this.#engine = engine;
  }

  /** Submits when there is room; rejects with what there is too much of. */
  async enter(
    principal: Principal,
    request: JobRequest,
    submit: () => Promise<Job>,
  ): Promise<Job> {
    const { name, profile } = principal;
    if (profile.sessionsMax === undefined && profile.jobsMax === undefined) return await submit();
    const before = this.#turns.get(name);
    const turn = (async () => {
      await before?.catch(() => {}); // Whose turn it was has been told.
      checkRoom(await this.#engine.report(principal), request, principal);
      return await submit();
    })();
    this.#turns.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    }
  }
}

function checkRoom(report: Report, request: JobRequest, { name, profile }: Principal): void {
  const sessions = report.sessions.filter(({ principal, state }) => {
    return principal === name && state !== "empty"; // An empty one has no R.
  });
  const jobs = report.jobs.filter(({ principal, outcome }) => {
    return principal === name && outcome === null;
  });
  const { sessionsMax, jobsMax }: Profile = profile;
  const isNew = !sessions.some((session) => session.name === request.session);
  if (sessionsMax !== undefined && isNew && sessions.length >= sessionsMax) {
    throw new RtoolError("too_many_sessions", `You may have ${sessionsMax} sessions at once`);
  }
  if (jobsMax !== undefined && jobs.length >= jobsMax) {
    throw new RtoolError("too_many_jobs", `You may have ${jobsMax} jobs at once`);
  }
}
