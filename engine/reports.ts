/**
 * Sessions and jobs as they are told to people: words of core/report.ts.
 */

import type { JobReport, SessionReport } from "../core/report.ts";
import type { EngineJob } from "./job.ts";
import type { Session } from "./session.ts";
import { maybeUsage, memoryOf } from "./usage.ts";

/** What a session is doing, with a look at what its R uses. */
export function sessionReport(session: Session): SessionReport {
  const { worker, jobsDone, idleMs, queued } = session.facts;
  const job = session.current;
  const usage = worker && maybeUsage(worker.process);
  return {
    id: session.id,
    name: session.name ?? null,
    principal: session.owner,
    state: stateOf(session),
    job: job?.id ?? null,
    jobAgeMs: job ? job.wallMs : null,
    idleMs,
    queued,
    jobsDone,
    pid: worker?.process.pid ?? null,
    start: worker?.process.how ?? null,
    cpuMs: usage?.cpuMs ?? null,
    memoryBytes: usage ? memoryOf(usage.pids) : null,
  };
}

function stateOf(session: Session): SessionReport["state"] {
  const { worker } = session.facts;
  if (worker?.state === "interrupting" || worker?.state === "closing") return "stopping";
  if (session.current) return "busy";
  if (session.hasWork) return "waiting";
  return worker ? "idle" : "empty";
}

/** Where a job stands. */
export function jobReport(job: EngineJob): JobReport {
  return {
    id: job.id,
    session: job.request.session ?? null,
    principal: job.principal.name,
    state: job.settled ? "ended" : job.started ? "running" : "waiting",
    detached: job.request.detach,
    outcome: job.outcome?.kind ?? null,
    ageMs: performance.now() - job.acceptedAt,
    wallMs: job.started ? job.wallMs : null,
    codeBytes: job.request.code.length,
  };
}
