/**
 * Which hosts serve a queue, and how much lies in it.
 */

import { type Fields, maybeText } from "../core/condition.ts";
import { asking } from "./broker_faults.ts";
import type { Queue } from "./queue.ts";

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
  /** Jobs on the dead list. */
  readonly dead: number;
  /** Bytes of the logs that are kept. */
  readonly kept_bytes: number;
}

/** A host that has not answered by then is not there. */
const ANSWERS_MS = 700;

/** Answers whoever asks for the queue's hosts, until it is disposed. */
export function answerHosts(queue: Queue, report: () => HostReport): Disposable {
  const { connection } = queue.broker;
  const subscription = connection.subscribe(hostsSubject(queue), {
    callback: (error, question) => {
      if (!error) question.respond(JSON.stringify(report()));
    },
  });
  return { [Symbol.dispose]: () => connection.isClosed() || subscription.unsubscribe() };
}

/** The hosts that answer. */
export async function askHosts(queue: Queue): Promise<HostReport[]> {
  const { connection } = queue.broker;
  const hosts: HostReport[] = [];
  await asking(async () => {
    const options = { strategy: "timer", maxWait: ANSWERS_MS } as const;
    for await (const answer of await connection.requestMany(hostsSubject(queue), "", options)) {
      const report = answer.data.length > 0 ? readHost(answer.json<Fields>()) : undefined;
      if (report) hosts.push(report);
    }
  });
  return hosts.sort((one, other) => one.host.localeCompare(other.host));
}

/** What lies in the queue. */
export async function reportQueue({ name, names, broker }: Queue): Promise<QueueReport> {
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
      dead: dead.state.messages,
      kept_bytes: events.state.bytes,
    };
  });
}

function hostsSubject({ names }: Queue): string {
  return `${names.prefix}.hosts`;
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
    load: number("load"),
    uptime_ms: number("uptime_ms"),
  };
}
