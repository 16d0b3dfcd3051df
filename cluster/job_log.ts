/**
 * The log of one job, which a stream keeps: a line of messages that nobody can fork.
 *
 * Each is written on the condition that the one before it is still the last. Knows frames only as
 * bytes.
 */

import { asFields, type Fields } from "../core/condition.ts";
import type { JobId } from "../core/job.ts";
import type { Headers, Kept } from "./broker.ts";
import { persistently } from "./broker_faults.ts";
import { randomId } from "./names.ts";
import type { Queue } from "./queue.ts";

/** What a message of a log says of itself, beside its frames. */
export interface Entry {
  /** Counts the attempts to run the job; 0 is its submission. */
  readonly attempt: number;
  /** Counts the messages of an attempt, from 0. */
  readonly batch: number;
  /** Attempts before this one whose hosts were lost. */
  readonly lost: number;
  /** Host of the attempt; empty for a client. */
  readonly host: string;
  /** Kind of the outcome, when this is the end. */
  readonly end: string | undefined;
  /** The host gives the job back: it has not begun. */
  readonly back: boolean;
  /** The job goes to the dead list. */
  readonly dead: boolean;
  /** JSON about the job, in its first message. */
  readonly about: string | undefined;
}

/** A message of a log. */
export interface LogMessage {
  readonly seq: number;
  readonly entry: Entry;
  readonly frames: Uint8Array;
  readonly time: Date;
  /** Random text of whoever wrote it. */
  readonly writer: string;
}

/** An entry that says nothing special. */
export const PLAIN_ENTRY: Entry = {
  attempt: 0,
  batch: 0,
  lost: 0,
  host: "",
  end: undefined,
  back: false,
  dead: false,
  about: undefined,
};

/** Number of a live message, and of the one before it. */
const SEQ = "Rtool-Seq";
const AFTER = "Rtool-After";

/** The log of one job, to be read and written. */
export class JobLog {
  readonly queue: Queue;
  readonly owner: string;
  readonly id: JobId;
  readonly #writer = randomId();

  constructor(queue: Queue, owner: string, id: JobId) {
    this.queue = queue;
    this.owner = owner;
    this.id = id;
  }

  /** The log of a job whose owner is unknown, or `undefined` when there is none. */
  static async find(queue: Queue, owner: string, id: JobId): Promise<JobLog | undefined> {
    const subject = `${queue.names.prefix}.event.${owner}.${id}`;
    const first = await queue.broker.maybeNext(queue.names.events, subject, 1);
    const found = first?.subject.split(".")[3];
    return found === undefined ? undefined : new JobLog(queue, found, id);
  }

  /** Subject of the messages that are kept. */
  get subject(): string {
    return `${this.queue.names.prefix}.event.${this.owner}.${this.id}`;
  }

  /** Subject on which they are told as they are stored. */
  get liveSubject(): string {
    return `${this.queue.names.prefix}.live.${this.owner}.${this.id}`;
  }

  /** The last message, or `undefined` when the log is not there (any more). */
  async maybeLast(): Promise<LogMessage | undefined> {
    const kept = await this.queue.broker.maybeLast(this.queue.names.events, this.subject);
    return kept && readKept(kept);
  }

  /** The first message behind number `after`, or `undefined`. */
  async maybeNext(after: number): Promise<LogMessage | undefined> {
    const { broker, names } = this.queue;
    const kept = await broker.maybeNext(names.events, this.subject, after + 1);
    return kept && readKept(kept);
  }

  /**
   * Writes behind message `after`, and tells whoever follows. The number, or `undefined` when
   * another message is the last. It is the first of a log of which nothing is kept any more. While
   * the broker is away it is tried again, until `signal`.
   */
  async append(
    after: number,
    entry: Entry,
    frames: Uint8Array,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { broker } = this.queue;
    const headers = writeEntry(entry, this.#writer);
    const seq = await persistently(async () => {
      const stored = await broker.append(this.subject, after, frames, headers);
      if (stored !== undefined) return stored;
      // Stored before, perhaps, and the confirmation was lost on its way.
      const last = await this.maybeLast();
      // A log that has made room for others is nobody else's: what comes begins it anew.
      if (!last && after > 0) return await broker.append(this.subject, 0, frames, headers);
      return last?.writer === this.#writer && isSame(last.entry, entry) ? last.seq : undefined;
    }, signal);
    if (seq === undefined) return undefined;
    broker.tell(this.liveSubject, frames, { ...headers, [SEQ]: `${seq}`, [AFTER]: `${after}` });
    return seq;
  }
}

function isSame(one: Entry, other: Entry): boolean {
  return one.attempt === other.attempt && one.batch === other.batch;
}

/** The JSON object of a header; whoever is let in at the broker can write anything there. */
export function readObject(text: string | undefined): Fields {
  try {
    return asFields(JSON.parse(text ?? "{}"));
  } catch {
    return {};
  }
}

/** A message told live, with the number of the one before it. */
export function readLive(headers: Headers, frames: Uint8Array): LogMessage & { after: number } {
  return {
    seq: Number(headers[SEQ]),
    after: Number(headers[AFTER]),
    frames,
    time: new Date(),
    ...readEntry(headers),
  };
}

function readKept({ seq, headers, body, time }: Kept): LogMessage {
  return { seq, frames: body, time, ...readEntry(headers) };
}

function writeEntry(entry: Entry, writer: string): Headers {
  return {
    "Rtool-Attempt": `${entry.attempt} ${entry.batch} ${entry.lost}`,
    "Rtool-Writer": writer,
    ...(entry.host === "" ? {} : { "Rtool-Host": entry.host }),
    ...(entry.end === undefined ? {} : { "Rtool-End": entry.end }),
    ...(entry.back ? { "Rtool-Back": "1" } : {}),
    ...(entry.dead ? { "Rtool-Dead": "1" } : {}),
    ...(entry.about === undefined ? {} : { "Rtool-About": entry.about }),
  };
}

function readEntry(headers: Headers): Pick<LogMessage, "entry" | "writer"> {
  const [attempt = 0, batch = 0, lost = 0] = (headers["Rtool-Attempt"] ?? "").split(" ").map(
    Number,
  );
  const entry = {
    attempt,
    batch,
    lost,
    host: headers["Rtool-Host"] ?? "",
    end: headers["Rtool-End"],
    back: headers["Rtool-Back"] !== undefined,
    dead: headers["Rtool-Dead"] !== undefined,
    about: headers["Rtool-About"],
  };
  return { entry, writer: headers["Rtool-Writer"] ?? "" };
}
