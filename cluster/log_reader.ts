/**
 * Follows the log of a job: the events it holds, then those that come, to its end.
 */

import { Channel } from "../core/channel.ts";
import { RtoolError } from "../core/errors.ts";
import type { JobEvent } from "../core/job.ts";
import { delay, settlesWithin } from "../core/time.ts";
import { maybeEvent } from "../messages_events.ts";
import { readFrames } from "./job_body.ts";
import { type Entry, type JobLog, type LogMessage, PLAIN_ENTRY, readLive } from "./job_log.ts";
import { SessionWatch } from "./session_watch.ts";

/** Live messages kept for a slow reader; it reads what is beyond in the stream. */
const LIVE_BYTES_MAX = 4 << 20;

const AGAIN_MS = 200;

/** The broker may be away for so long before a reader gives up. */
const AWAY_MS_MAX = 120_000;

type Live = ReturnType<typeof readLive>;

/** Where to begin. */
export interface Position {
  /** Number of the last message that is known. */
  readonly seq: number;
  /** Events to be left out. */
  readonly skip: number;
}

/** Reader of one log; listens from the moment it is made. */
export class LogReader {
  readonly #log: JobLog;
  readonly #live = new Channel<Live>(LIVE_BYTES_MAX, ({ frames }) => frames.length + 256);
  readonly #leave: () => void;
  readonly #watch: SessionWatch;
  #last: Pick<LogMessage, "seq" | "entry">;
  #skip: number;
  #hasItem = false;

  constructor(log: JobLog, from: Position, signal: AbortSignal) {
    this.#log = log;
    this.#watch = new SessionWatch(log);
    this.#last = { seq: from.seq, entry: PLAIN_ENTRY };
    this.#skip = from.skip;
    const listening = log.queue.broker.listen(log.liveSubject, ({ headers, data }) => {
      if (this.#live.full) return;
      const values = [...headers ?? []].map(([name, [text = ""]]) => [name, text]);
      this.#live.push(readLive(Object.fromEntries(values), data));
    });
    this.#leave = () => {
      this.#live.close();
      listening[Symbol.dispose]();
    };
    signal.addEventListener("abort", this.#leave, { once: true });
    if (signal.aborted) this.#leave();
  }

  /** The message with this number is the first of the log, and holds no events. */
  knows(seq: number, entry: Entry): void {
    this.#last = { seq, entry };
    this.#watch.heard(entry);
  }

  /** Events to the end; without one when the signal came first. Once only. */
  async *events(): AsyncGenerator<JobEvent> {
    try {
      for await (const message of this.#messages()) {
        this.#check(message.entry);
        yield* this.#eventsOf(message);
        this.#last = message;
        this.#watch.heard(message.entry);
        if (message.entry.end !== undefined) return;
      }
    } finally {
      this.#leave();
    }
  }

  async *#messages(): AsyncGenerator<LogMessage> {
    const live = this.#live[Symbol.asyncIterator]();
    if (this.#last.seq === 0) yield* this.#missed();
    for (let next = live.next();;) {
      // Never given up for another question: what comes later would be lost.
      if (!await settlesWithin(next, this.#watch.patienceMs)) {
        const { seq } = this.#last;
        yield* this.#missed();
        if (this.#last.seq === seq) await this.#watch.look(this.#last);
        continue;
      }
      const { value, done } = await next;
      if (done) return;
      next = live.next();
      if (value.after > this.#last.seq) yield* this.#missed();
      if (value.after === this.#last.seq) yield value;
    }
  }

  /** What the stream holds behind the last message. */
  async *#missed(): AsyncGenerator<LogMessage> {
    const startedAt = performance.now();
    for (;;) {
      try {
        const message = await this.#log.maybeNext(this.#last.seq);
        if (!message) return;
        yield message;
      } catch (cause) {
        const isAway = cause instanceof RtoolError && cause.code === "cannot_connect";
        if (!isAway) throw cause;
        const { connection } = this.#log.queue.broker;
        const isLate = performance.now() - startedAt > AWAY_MS_MAX || connection.isClosed();
        if (!isLate) {
          await delay(AGAIN_MS);
          continue;
        }
        throw new RtoolError("connection_lost", "The broker is away", {
          cause,
          hint: `the job goes on; see it later with: rtool attach ${this.#log.id}`,
        });
      }
    }
  }

  /** A log of which something is missing never looks whole. */
  #check({ attempt, batch }: Entry): void {
    const { entry: last, seq } = this.#last;
    const isNext = attempt === last.attempt && batch === last.batch + 1;
    const isFirst = attempt > last.attempt ? batch === 0 : seq === 0 && batch === 0;
    if (isNext || isFirst) return;
    throw new RtoolError("connection_lost", "Some of the job's events are no longer kept");
  }

  *#eventsOf({ entry, frames }: LogMessage): Generator<JobEvent> {
    const isAnother = entry.attempt > this.#last.entry.attempt || entry.end === "lost";
    if (isAnother && this.#hasItem) {
      this.#hasItem = false;
      const problem = `The host ${this.#last.entry.host} was lost`;
      yield* this.#unskipped({ kind: "item_end", problem });
    }
    for (const frame of readFrames(frames)) {
      const event = maybeEvent(frame);
      if (!event) throw new RtoolError("bad_frame", `A log may not hold '${frame.kind}' frames`);
      if (event.kind === "item") this.#hasItem = true;
      if (event.kind === "item_end") this.#hasItem = false;
      yield* this.#unskipped(event);
    }
  }

  *#unskipped(event: JobEvent): Generator<JobEvent> {
    if (this.#skip > 0) this.#skip--;
    else yield event;
  }
}
