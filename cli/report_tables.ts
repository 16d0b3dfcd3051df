/**
 * A server's sessions and jobs as tables.
 *
 * Knows reports. Must not know where they come from, nor terminals.
 */

import type { JobReport, Report, SessionReport } from "../core/report.ts";
import { countText, sizeText, timeText } from "../core/units.ts";
import { shownDigits } from "./job_id.ts";
import { type Column, NOTHING, textTable } from "./text_table.ts";

/** What stands for the name of a session that has one job and no name. */
const UNNAMED = "(fresh)";

const SESSION_COLUMNS: readonly Column[] = [
  { title: "ID" },
  { title: "NAME" },
  { title: "OWNER" },
  { title: "STATE" },
  { title: "JOB" },
  { title: "RUNNING", right: true },
  { title: "QUEUED", right: true },
  { title: "IDLE", right: true },
  { title: "CPU", right: true },
  { title: "MEMORY", right: true },
  { title: "DONE", right: true },
];

const JOB_COLUMNS: readonly Column[] = [
  { title: "ID" },
  { title: "SESSION" },
  { title: "OWNER" },
  { title: "STATE" },
  { title: "DETACHED" },
  { title: "AGE", right: true },
  { title: "RUNNING", right: true },
  { title: "CODE", right: true },
];

/** Sessions, one a line. `cpu` words what a session uses of the processor. */
export function sessionsTable(
  sessions: readonly SessionReport[],
  cpu: (session: SessionReport) => string = ({ cpuMs }) => maybe(cpuMs, timeText),
): string {
  return textTable(SESSION_COLUMNS, sessionRows(sessions, cpu));
}

/** Sessions of several hosts, one a line. */
export function hostedTable(
  sessions: readonly (SessionReport & { readonly host: string })[],
): string {
  const rows = sessionRows(sessions, ({ cpuMs }) => maybe(cpuMs, timeText));
  return textTable(
    [{ title: "HOST" }, ...SESSION_COLUMNS],
    rows.map((row, index) => [sessions[index]!.host, ...row]),
  );
}

function sessionRows(
  sessions: readonly SessionReport[],
  cpu: (session: SessionReport) => string,
): string[][] {
  const digits = shownDigits(sessions.flatMap(({ job }) => job ?? []));
  return sessions.map((session) => [
    session.id,
    session.name ?? UNNAMED,
    session.principal,
    session.state,
    session.job?.slice(0, digits) ?? NOTHING,
    maybe(session.jobAgeMs, timeText),
    String(session.queued),
    maybe(session.idleMs, timeText),
    cpu(session),
    maybe(session.memoryBytes, sizeText),
    String(session.jobsDone),
  ]);
}

/** Jobs, one a line; with the outcome of those that have ended. */
export function jobsTable(jobs: readonly JobReport[]): string {
  const digits = shownDigits(jobs.map(({ id }) => id));
  const rows = jobs.map((job) => [
    job.id.slice(0, digits),
    job.session ?? UNNAMED,
    job.principal,
    job.outcome === null ? job.state : `${job.state}: ${job.outcome}`,
    job.detached ? "yes" : "no",
    timeText(job.ageMs),
    maybe(job.wallMs, timeText),
    sizeText(job.codeBytes),
  ]);
  return textTable(JOB_COLUMNS, rows);
}

/** What a server is doing, in one line. */
export function reportLine(report: Report): string {
  const { software, rVersion, uptimeMs, running, queued, jobsMax, sessions } = report;
  return `${software}, R ${rVersion}, up ${timeText(uptimeMs)}: ` +
    `${running} of ${countText(jobsMax, "job")} running, ${queued} waiting, ` +
    countText(sessions.length, "session");
}

function maybe(value: number | null, text: (value: number) => string): string {
  return value === null ? NOTHING : text(value);
}
