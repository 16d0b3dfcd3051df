/**
 * What the JSON of a report means, both ways: a server's sessions and jobs at one moment.
 *
 * Part of messages.ts; times on the wire are whole milliseconds. No I/O.
 */

import { type Fields, maybeText } from "./core/condition.ts";
import type { JobReport, Report, SessionReport } from "./core/report.ts";
import { flag, integer, maybeNumber, objects, oneOf, text } from "./messages_fields.ts";

const SESSION_STATES = ["busy", "waiting", "idle", "stopping", "empty"] as const;
const JOB_STATES = ["waiting", "running", "ended"] as const;

/** A report as it stands in `reply` frames. */
export function reportFields(report: Report): Fields {
  return {
    software: report.software,
    r_version: report.rVersion,
    uptime_ms: Math.round(report.uptimeMs),
    running: report.running,
    queued: report.queued,
    jobs_max: report.jobsMax,
    sessions: report.sessions.map(sessionFields),
    jobs: report.jobs.map(jobFields),
  };
}

/** Reads a report; throws `bad_request` naming the field that is wrong. */
export function parseReport(fields: Fields): Report {
  return {
    software: text(fields, "software"),
    rVersion: text(fields, "r_version"),
    uptimeMs: count(fields, "uptime_ms"),
    running: count(fields, "running"),
    queued: count(fields, "queued"),
    jobsMax: count(fields, "jobs_max"),
    sessions: parseSessions(fields),
    jobs: objects(fields, "jobs").map(parseJob),
  };
}

/** The sessions of a report; throws `bad_request` naming the field that is wrong. */
export function parseSessions(fields: Fields): SessionReport[] {
  return objects(fields, "sessions").map(parseSession);
}

/** One session as `rtool sessions --json` shows it too. */
export function sessionFields(session: SessionReport): Fields {
  return {
    id: session.id,
    name: session.name,
    principal: session.principal,
    state: session.state,
    job: session.job,
    job_age_ms: rounded(session.jobAgeMs),
    idle_ms: rounded(session.idleMs),
    queued: session.queued,
    jobs_done: session.jobsDone,
    pid: session.pid,
    start: session.start,
    cpu_ms: rounded(session.cpuMs),
    memory_bytes: session.memoryBytes,
  };
}

/** One job as `rtool jobs --json` shows it too. */
export function jobFields(job: JobReport): Fields {
  return {
    id: job.id,
    session: job.session,
    principal: job.principal,
    state: job.state,
    detached: job.detached,
    outcome: job.outcome,
    age_ms: Math.round(job.ageMs),
    wall_ms: rounded(job.wallMs),
    code_bytes: job.codeBytes,
  };
}

function parseSession(fields: Fields): SessionReport {
  const start = fields["start"];
  return {
    id: text(fields, "id"),
    name: maybeText(fields["name"]),
    principal: text(fields, "principal"),
    state: oneOf(fields, "state", SESSION_STATES),
    job: maybeText(fields["job"]),
    jobAgeMs: maybeNumber(fields["job_age_ms"]),
    idleMs: maybeNumber(fields["idle_ms"]),
    queued: count(fields, "queued"),
    jobsDone: count(fields, "jobs_done"),
    pid: maybeNumber(fields["pid"]),
    start: start === "fork" || start === "spawn" ? start : null,
    cpuMs: maybeNumber(fields["cpu_ms"]),
    memoryBytes: maybeNumber(fields["memory_bytes"]),
  };
}

function parseJob(fields: Fields): JobReport {
  return {
    id: text(fields, "id"),
    session: maybeText(fields["session"]),
    principal: text(fields, "principal"),
    state: oneOf(fields, "state", JOB_STATES),
    detached: flag(fields, "detached"),
    outcome: maybeText(fields["outcome"]),
    ageMs: count(fields, "age_ms"),
    wallMs: maybeNumber(fields["wall_ms"]),
    codeBytes: count(fields, "code_bytes"),
  };
}

function count(fields: Fields, key: string): number {
  return integer(fields, key, 0, Number.MAX_SAFE_INTEGER);
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}
