/**
 * What a host does for sessions of its queue: bids for them, and runs the jobs that are brought to
 * it; docs/cluster.md has the rules.
 *
 * Knows an Evaluator. Must not know R.
 */

import type { Msg } from "@nats-io/nats-core/internal";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import { delay } from "../core/time.ts";
import { proveJob } from "./hosted_job.ts";
import { JobLog } from "./job_log.ts";
import { LogReader } from "./log_reader.ts";
import { randomId } from "./names.ts";
import type { Queue } from "./queue.ts";
import type { WorkerOptions } from "./queue_worker.ts";
import { answer, headersOf, refusalFields, sessionSubjects } from "./session_ask.ts";
import { JOB_HEADER, LINE_HEADER } from "./session_ask.ts";
import { SessionLedger } from "./session_ledger.ts";
import { SessionOrders } from "./session_orders.ts";
import { SessionRegister } from "./session_register.ts";
import { beginRun, type SessionHouse, type SessionRun } from "./session_run.ts";
import { OneByOne } from "./one_by_one.ts";

/** Jobs of sessions that are here at once, waiting ones included: their bodies are in memory. */
const RUNS_MAX = 1_000;

/** Jobs that are looked after for others. */
const WATCHED_MAX = 1_000;

/** Owner and id of one. */
const WATCHED = /^([0-9a-f]{16})\.([0-9a-f]{32})$/;

/** A host answers a bid after so long when all its places are taken. */
const BID_DELAY_MS = 40;

/** And after so much more, nearly, when it has very many sessions; half of it with so many. */
const BID_SESSIONS = { delayMs: 10, half: 10 } as const;

/** Records are written anew so often; see the age bound of their stream. */
const RENEW_MS = 5 * 60_000;

/** The sessions of a queue that one host has, from its start to its leaving. */
export class SessionHost implements AsyncDisposable {
  readonly #queue: Queue;
  readonly #options: WorkerOptions;
  readonly #house: SessionHouse;
  readonly #orders: SessionOrders;
  readonly #listening: Disposable[] = [];
  readonly #runs = new Set<Promise<void>>();
  /** Jobs of a session begin in the order in which they came. */
  readonly #turns = new OneByOne();
  readonly #watched = new Set<string>();
  readonly #left = new AbortController();
  #beating: ReturnType<typeof setInterval> | undefined;
  #beatAt = performance.now();
  #renewedAt = performance.now();
  #leaving: Promise<void> | undefined;

  constructor(queue: Queue, options: WorkerOptions) {
    this.#queue = queue;
    this.#options = options;
    const { evaluator, host, leaseMs } = options;
    const self = { host, token: randomId(), leaseMs };
    const ledger = new SessionLedger(new SessionRegister(queue), evaluator, self);
    this.#house = { queue, options, ledger, self };
    this.#orders = new SessionOrders(this.#house);
  }

  /** Begins to bid, and to run what is brought. */
  start(): void {
    const { bid, list, watch, run, order } = sessionSubjects(this.#queue);
    const { token } = this.#house.self;
    this.#listen(bid, (message) => this.#bid(message));
    this.#listen(run(token), (message) => this.#take(message));
    this.#listen(list, (message) => this.#orders.tell(message));
    this.#listen(order(token), (message) => this.#orders.obey(message));
    this.#listen(watch, (message) => this.#watch(message.string()), { queue: "watch" });
    this.#beating = setInterval(() => this.#beat(), this.#options.leaseMs / 3);
    void this.#watchConnection();
  }

  /** Takes no more jobs; what is sent to its sessions goes to other hosts. */
  leave(): void {
    this.#leaving ??= this.#leave();
  }

  /** Takes no more jobs, and waits for those that run: the evaluator ends them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    await this.#leaving;
    await Promise.all(this.#runs);
  }

  async #leave(): Promise<void> {
    clearInterval(this.#beating);
    this.#left.abort();
    this.#listening.forEach((each) => each[Symbol.dispose]());
    await this.#house.ledger.leave().catch((error) => this.#complain("sessions not left", error));
  }

  /** A process that was frozen looks at once whether its sessions still are its own. */
  #beat(): void {
    const now = performance.now();
    const wasFrozen = now - this.#beatAt > this.#options.leaseMs;
    this.#beatAt = now;
    if (wasFrozen || now - this.#renewedAt >= RENEW_MS) this.#renew();
  }

  /** And so does one that was cut off. Never rejects. */
  async #watchConnection(): Promise<void> {
    for await (const { type } of this.#queue.broker.connection.status()) {
      if (this.#left.signal.aborted) return;
      if (type === "reconnect") this.#renew();
    }
  }

  #renew(): void {
    this.#renewedAt = performance.now();
    const { ledger } = this.#house;
    void ledger.renew().catch((error) => this.#complain("sessions not renewed", error));
  }

  #listen(
    subject: string,
    hear: (message: Msg) => void | Promise<void>,
    options: { readonly queue?: string } = {},
  ): void {
    this.#listening.push(this.#queue.broker.listen(subject, (each) => void hear(each), options));
  }

  /** The more it has to do, the later it answers: the first answer wins. */
  async #bid(message: Msg): Promise<void> {
    const { isFree, placesMax } = this.#options;
    const { ledger: { size }, self: { host, token, leaseMs } } = this.#house;
    const busy = isFree() ? Math.min(1, this.#runs.size / placesMax) : 1;
    const { delayMs, half } = BID_SESSIONS;
    await delay(busy * BID_DELAY_MS + delayMs * size / (size + half));
    answer(message, { host, token, lease_ms: leaseMs });
  }

  /** Never rejects. */
  async #take(message: Msg): Promise<void> {
    if (this.#runs.size >= RUNS_MAX) {
      const error = new RtoolError("busy", "The session's host has as many jobs as it may have");
      return answer(message, refusalFields(error));
    }
    const run = this.#run(message);
    this.#runs.add(run);
    await run;
    this.#runs.delete(run);
  }

  async #run(message: Msg): Promise<void> {
    using run = await this.#begin(message);
    await run?.record();
  }

  /** Proved at once, and begun in the order in which they came. Never rejects. */
  async #begin(message: Msg): Promise<SessionRun | undefined> {
    const headers = headersOf(message);
    const { [JOB_HEADER]: id = "", [LINE_HEADER]: line = "" } = headers;
    const proving = proveJob(this.#queue, id, { data: message.data, headers }, this.#options);
    proving.catch(() => {}); // Told when it is its turn.
    try {
      return await this.#turns.take(line, async () => {
        const proved = await proving;
        const begun = await beginRun(this.#house, id, proved, headers);
        answer(message, begun === "stranger" ? {} : { ok: true });
        if (typeof begun === "string") return undefined;
        await begun.submit(proved);
        return begun;
      });
    } catch (error) {
      answer(message, refusalFields(error));
      return undefined;
    }
  }

  #watch(text: string): void {
    const [, owner, id] = WATCHED.exec(text) ?? [];
    if (
      owner === undefined || id === undefined || this.#watched.has(text) ||
      this.#watched.size >= WATCHED_MAX
    ) return;
    this.#watched.add(text);
    void this.#watchOver(new JobLog(this.#queue, owner, id)).finally(() => {
      this.#watched.delete(text);
    });
  }

  /** Reads a log to its end, which is written here if its host is lost. Never rejects. */
  async #watchOver(log: JobLog): Promise<void> {
    try {
      const reader = new LogReader(log, { seq: 0, skip: 0 }, this.#left.signal);
      for await (const _event of reader.events()) { /* Only its end matters. */ }
    } catch (error) {
      this.#complain("session's job not looked after", error);
    }
  }

  #complain(what: string, error: unknown): void {
    this.#options.log.error(what, { why: toRtoolError(error).message });
  }
}
