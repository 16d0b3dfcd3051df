/**
 * Which hosts serve a queue, and how much lies in it.
 */

import { asFields, type Fields, maybeText } from "../core/condition.ts";
import { asking, brokerFault, isSilence } from "./broker_faults.ts";
import { readObject } from "./job_log.ts";
import type { Queue } from "./queue.ts";
import { maybeRequirements, requirementWords } from "./requirements.ts";
import { pendingTokens } from "./wanted.ts";

/** A host as it tells of itself. */
export interface HostReport {
  readonly host: string;
  readonly software: string;
  readonly r: string;
  readonly labels: readonly string[];
  /** Jobs of the queue that run there. */
  readonly running: number;
  /** And how many may. */
  readonly places: number;
  /** Jobs of the queue that have ended there. */
  readonly done: number;
  readonly cores: number;
  readonly memory_bytes: number;
  /** What programs could have of it just now. */
  readonly memory_free_bytes: number;
  /** How many packages are installed; null as long as R has not said. */
  readonly packages: number | null;
  /** Their versions by name, when they were asked for: of very many only the first. */
  readonly installed?: Readonly<Record<string, string>> | undefined;
  /** Load of the last minute, as the system counts it. */
  readonly load: number;
  readonly uptime_ms: number;
}

/** What lies in a queue. */
export interface QueueReport {
  readonly queue: string;
  /** Jobs no host has (again). */
  readonly waiting: number;
  /** Jobs that hosts have. */
  readonly running: number;
  /** Since the oldest of both was sent, in milliseconds; null without one. */
  readonly oldest_ms: number | null;
  /** What jobs of both require, and how many do. */
  readonly required: readonly RequiredJobs[];
  /** Jobs on the dead list. */
  readonly dead: number;
  /** Bytes of the logs that are kept. */
  readonly kept_bytes: number;
}

/** The jobs with the same requirements. */
export interface RequiredJobs {
  readonly require: readonly string[];
  readonly jobs: number;
}

/** A host that has not answered by then is not there. */
const ANSWERS_MS = 700;

/** What is asked of a host, beside that it tells of itself. */
const PACKAGES = "packages";

/** Answers whoever asks for the queue's hosts, until it is disposed. */
export function answerHosts(
  queue: Queue,
  report: () => HostReport,
  packages: () => ReadonlyMap<string, string>,
): Disposable {
  const { broker } = queue;
  return broker.listen(hostsSubject(queue), (question) => {
    const wanted = question.string() === PACKAGES;
    const installed = wanted ? firstOf(packages(), broker.payloadMax / 2) : undefined;
    question.respond(JSON.stringify({ ...report(), installed }));
  });
}

/** As many of the packages as so many bytes of JSON hold. */
export function firstOf(
  packages: ReadonlyMap<string, string>,
  bytesMax: number,
): Readonly<Record<string, string>> {
  const first: Record<string, string> = {};
  let bytes = 2;
  for (const [name, version] of packages) {
    bytes += new TextEncoder().encode(JSON.stringify({ [name]: version })).length;
    if (bytes > bytesMax) break;
    first[name] = version;
  }
  return first;
}

/** The hosts that answer; with `wantsPackages` they tell their packages, too. */
export async function askHosts(queue: Queue, wantsPackages = false): Promise<HostReport[]> {
  const question = wantsPackages ? PACKAGES : "";
  const { connection } = queue.broker;
  const hosts: HostReport[] = [];
  try {
    const options = { strategy: "timer", maxWait: ANSWERS_MS } as const;
    for await (
      const answer of await connection.requestMany(hostsSubject(queue), question, options)
    ) {
      const report = answer.data.length > 0 ? readHost(readObject(answer.string())) : undefined;
      if (report) hosts.push(report);
    }
  } catch (cause) {
    if (!isSilence(cause)) throw brokerFault(cause); // Else there is no host.
  }
  return hosts.sort((one, other) => one.host.localeCompare(other.host));
}

/** What lies in the queue. */
export async function reportQueue(queue: Queue): Promise<QueueReport> {
  const { name, names, broker } = queue;
  const tokens = await pendingTokens(queue);
  return await asking(async () => {
    const { streams, consumers } = broker.manager;
    const [jobs, events, dead] = await Promise.all([
      streams.info(names.jobs),
      streams.info(names.events),
      streams.info(names.dead),
    ]);
    let running = 0;
    for await (const consumer of consumers.list(names.jobs)) running += consumer.num_ack_pending;
    const { messages, first_ts } = jobs.state;
    running = Math.min(running, messages);
    return {
      queue: name,
      waiting: messages - running,
      running,
      oldest_ms: messages === 0 ? null : Math.max(0, Date.now() - Date.parse(first_ts)),
      required: [...tokens].flatMap(([token, jobs]) => readRequired(token, jobs)),
      dead: dead.state.messages,
      kept_bytes: events.state.bytes,
    };
  });
}

function hostsSubject({ names }: Queue): string {
  return `${names.prefix}.hosts`;
}

/** Nothing for a token that means nothing. */
function readRequired(token: string, jobs: number): readonly RequiredJobs[] {
  const requirements = maybeRequirements(token);
  return requirements ? [{ require: requirementWords(requirements), jobs }] : [];
}

/** Another version may tell less, or more. */
function readHost(fields: Fields): HostReport | undefined {
  const host = maybeText(fields["host"]);
  if (host === null) return undefined;
  const number = (name: string) => Number(fields[name] ?? 0);
  const labels = fields["labels"];
  return {
    host,
    software: maybeText(fields["software"]) ?? "",
    r: maybeText(fields["r"]) ?? "",
    labels: Array.isArray(labels) ? labels.map(String) : [],
    running: number("running"),
    places: number("places"),
    done: number("done"),
    cores: number("cores"),
    memory_bytes: number("memory_bytes"),
    memory_free_bytes: number("memory_free_bytes"),
    packages: typeof fields["packages"] === "number" ? fields["packages"] : null,
    ...readInstalled(asFields(fields["installed"])),
    load: number("load"),
    uptime_ms: number("uptime_ms"),
  };
}

function readInstalled(fields: Fields): Pick<HostReport, "installed"> {
  const entries = Object.entries(fields).map(([name, version]) => [name, String(version)]);
  return entries.length === 0 ? {} : { installed: Object.fromEntries(entries) };
}
