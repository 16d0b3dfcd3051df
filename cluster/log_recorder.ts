/**
 * Writes the events of a running job into its log, several at once when they come fast.
 */

import { concat } from "../core/bytes.ts";
import { Channel } from "../core/channel.ts";
import { RtoolError } from "../core/errors.ts";
import type { Job, JobEvent } from "../core/job.ts";
import { encodeEvent } from "../messages_events.ts";
import type { Entry, JobLog } from "./job_log.ts";

/** Bytes of one message, but for a last frame of 64 KiB. */
const BATCH_BYTES = 128 * 1024;

/** What R may say while the broker is away; then it waits. */
const AHEAD_BYTES_MAX = 8 << 20;

const STREAM = 1;

/** Where an attempt stands in the log. */
export interface Written {
  readonly seq: number;
  readonly entry: Entry;
}

/**
 * Writes all events of a job behind `from`, which is its attempt's first message; the kind of its
 * outcome. Resolves to `undefined` as soon as another attempt stands in the log: the job is
 * cancelled then. Rejects when the broker is away and `signal`, asked at each write, is aborted.
 */
export async function record(
  log: JobLog,
  job: Job,
  from: Written,
  signal: () => AbortSignal,
): Promise<string | undefined> {
  const ahead = new Channel<JobEvent>(AHEAD_BYTES_MAX, weigh);
  const reading = readAhead(job, ahead);
  try {
    const end = await write(log, ahead, from, signal);
    if (end === undefined) job.cancel({ kind: "cancelled", reason: "gone" });
    return end;
  } catch (error) {
    job.cancel({ kind: "cancelled", reason: "gone" });
    throw error;
  } finally {
    ahead.discard();
    await reading;
  }
}

/** To the end, even when nobody wants it any more: R must be done with the job. */
async function readAhead(job: Job, ahead: Channel<JobEvent>): Promise<void> {
  for await (const event of job.events) {
    ahead.push(event);
    if (ahead.full) await ahead.room();
  }
  ahead.close();
}

async function write(
  log: JobLog,
  ahead: Channel<JobEvent>,
  from: Written,
  signal: () => AbortSignal,
): Promise<string | undefined> {
  let { seq } = from;
  for (let { batch } = from.entry;;) {
    const { frames, end, isOver } = await takeBatch(ahead);
    if (frames.length === 0 && isOver) throw new RtoolError("internal", "A job had no end");
    const entry = { ...from.entry, batch: ++batch, end, about: undefined };
    const written = await log.append(seq, entry, frames, signal());
    if (written === undefined) return undefined;
    if (end !== undefined) return end;
    seq = written;
  }
}

interface Batch {
  readonly frames: Uint8Array;
  /** Kind of the outcome, when it holds the end. */
  readonly end: string | undefined;
  readonly isOver: boolean;
}

/** Waits for an event, and takes what has come meanwhile along. */
async function takeBatch(ahead: Channel<JobEvent>): Promise<Batch> {
  const parts: Uint8Array[] = [];
  const events = ahead[Symbol.asyncIterator]();
  let bytes = 0;
  do {
    const { value: event, done } = await events.next();
    if (done) return { frames: concat(parts), end: undefined, isOver: true };
    const frame = encodeEvent(STREAM, event);
    parts.push(frame);
    bytes += frame.length;
    if (event.kind === "end") {
      return { frames: concat(parts), end: event.outcome.kind, isOver: true };
    }
  } while (bytes < BATCH_BYTES && ahead.waiting);
  return { frames: concat(parts), end: undefined, isOver: false };
}

function weigh(event: JobEvent): number {
  return "bytes" in event ? event.bytes.length : 256;
}
