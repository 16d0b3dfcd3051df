/**
 * What the engine is at when a scrape asks: jobs, sessions, R.
 */

import type { Report, SessionReport } from "../core/report.ts";
import type { StartCounts, Stock } from "../engine/spare.ts";
import { memoryOf } from "../engine/usage.ts";
import type { Page } from "./page.ts";

type State = SessionReport["state"];

const STATES: Readonly<Record<State, true>> = {
  busy: true,
  waiting: true,
  idle: true,
  stopping: true,
  empty: true,
};

/** All that a session may be doing. */
export const SESSION_STATES = Object.keys(STATES) as State[];

/** Writes down a report of all sessions, and the R that none of them has. */
export function tellEngine(
  page: Page,
  { running, jobsMax, queued, sessions }: Report,
  stock: Stock,
  starts: StartCounts,
): void {
  page.set("rtool_jobs_running", running, {});
  page.set("rtool_jobs_running_max", jobsMax, {});
  page.set("rtool_jobs_waiting", queued, {});
  const inState = (state: State) => sessions.filter((each) => each.state === state);
  for (const state of SESSION_STATES) {
    page.set("rtool_sessions", inState(state).length, { state });
  }
  // A session that waits may have an R, which then has nothing to do.
  const idle = sessions.filter(({ state, pid }) => pid !== null && /idle|waiting/.test(state));
  page.set("rtool_workers", inState("busy").length, { state: "busy" });
  page.set("rtool_workers", idle.length, { state: "idle" });
  page.set("rtool_workers", inState("stopping").length, { state: "stopping" });
  page.set("rtool_workers", stock.ready.length, { state: "spare" });
  page.set("rtool_workers", stock.starting, { state: "starting" });
  page.set("rtool_workers", stock.templates.length, { state: "template" });
  const used = sessions.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0);
  const unused = memoryOf([...stock.ready, ...stock.templates]);
  page.set("rtool_worker_memory_bytes", used + unused, {});
  const { failed, ...done } = starts;
  for (const [how, count] of Object.entries(done)) {
    page.set("rtool_worker_starts_total", count, { how });
  }
  page.set("rtool_worker_start_failures_total", failed, {});
}
