/**
 * Which jobs a queue has, as their logs tell.
 */

import type { JobId, Principal } from "../core/job.ts";
import type { JobReport } from "../core/report.ts";
import { JobLog, readObject } from "./job_log.ts";
import { jobPrefix, ownerToken } from "./names.ts";
import type { Queue } from "./queue.ts";
import type { AboutJob } from "./queue_client.ts";
import { NO_REQUIREMENTS } from "./requirements.ts";
import { sessionSubjects } from "./session_ask.ts";
import { isAlive } from "./session_watch.ts";

/** Jobs of each state that are told: the logs of each are looked at. */
const TOLD_MAX = 200;

/** The host of a session's job that has said nothing for so long is asked whether it is there. */
const SILENCE_MS = 2_000;

/** Logs looked at together. */
const ABREAST = 16;

/** The jobs of a principal; the server's own user sees all. */
export async function queuedJobs(queue: Queue, principal: Principal): Promise<JobReport[]> {
  const owner = principal.local ? "*" : await ownerToken(principal);
  const { broker, names } = queue;
  const pending = await pendingOf(queue, owner);
  const known = await broker.subjects(names.events, `${names.prefix}.event.${owner}.*`);
  const ids = new Map<JobId, string>();
  const add = (subjects: Readonly<Record<string, number>>) => {
    for (const subject of Object.keys(subjects).slice(0, TOLD_MAX)) {
      const [whose = "", id = ""] = subject.split(".").slice(-2);
      ids.set(id, whose);
    }
  };
  add(pending);
  add(known);
  const logs = [...ids].map(([id, whose]) => new JobLog(queue, whose, id));
  const reports: JobReport[] = [];
  for (let at = 0; at < logs.length; at += ABREAST) {
    const some = await Promise.all(logs.slice(at, at + ABREAST).map(maybeReport));
    reports.push(...some.filter((each) => each !== undefined));
  }
  return reports.sort((one, other) => other.ageMs - one.ageMs);
}

/** Of those that require nothing, and of the others. */
async function pendingOf({ broker, names }: Queue, owner: string) {
  const filters = [NO_REQUIREMENTS, "*"].map((token) => `${jobPrefix(names, token)}.${owner}.*`);
  const found = await Promise.all(filters.map((each) => broker.subjects(names.jobs, each)));
  return Object.assign({}, ...found);
}

async function maybeReport(log: JobLog): Promise<JobReport | undefined> {
  const [first, last] = await Promise.all([log.maybeNext(0), log.maybeLast()]);
  if (!first || !last) return undefined; // No longer kept.
  const about: Partial<AboutJob> = readObject(first.entry.about);
  const { entry } = last;
  const hasBegun = entry.attempt > 0 && !entry.back;
  const isSilent = Date.now() - last.time.getTime() > SILENCE_MS;
  if (about.session !== undefined && entry.end === undefined && isSilent) await lookAfter(log);
  const endedAt = entry.end === undefined ? Date.now() : last.time.getTime();
  const startedAt = hasBegun ? first.time.getTime() : undefined;
  return {
    id: log.id,
    session: about.session ?? null,
    principal: about.principal ?? "",
    state: entry.end !== undefined ? "ended" : hasBegun ? "running" : "waiting",
    detached: about.detached ?? false,
    outcome: entry.end ?? null,
    ageMs: Math.max(0, Date.now() - first.time.getTime()),
    wallMs: startedAt === undefined ? null : Math.max(0, endedAt - startedAt),
    codeBytes: about.code_bytes ?? 0,
  };
}

/** A job whose host does not answer is looked after by a server: it knows in a while. */
async function lookAfter(log: JobLog): Promise<void> {
  if (await isAlive(log)) return;
  const { watch } = sessionSubjects(log.queue);
  log.queue.broker.tell(watch, new TextEncoder().encode(`${log.owner}.${log.id}`), {});
}
