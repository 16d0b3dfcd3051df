/**
 * The server that the items of a map go to: one connection, made again when it was lost.
 *
 * Knows connections. Must not know items, files or terminals.
 */

import type { Client } from "../client.ts";
import type { ClientEvent, ClientJob } from "../client_stream.ts";
import { type ErrorCode, RtoolError, toRtoolError } from "../core/errors.ts";
import type { JobRequest } from "../core/job.ts";
import { timeText } from "../core/units.ts";
import { pause } from "./map_pause.ts";

/** Where jobs can be submitted. */
export interface MapTarget {
  /**
   * Submits a job, as soon as there is whom to submit it to; rejects when there will be nobody. Its
   * events may throw: then what became of it is not known.
   */
  submit(request: JobRequest, contents: AsyncIterable<Uint8Array>): Promise<ClientJob>;
  /** How many jobs it runs at once. */
  jobsAtOnce(): Promise<number>;
}

/** A server of rtool, or a queue at its broker. */
export interface MapPlace extends Pick<Client, "submit" | "report">, AsyncDisposable {
  /** Rejects when it does not take us. */
  readonly hello: Promise<unknown>;
}

/** How long a server that has gone is waited for. */
export const AWAY_MAX_MS = 60_000;

/** How often a connection may break without an item having ended on it. */
const BREAKS_MAX = 10;

const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 5000;

/** What another attempt to connect may mend, once there has been a connection. */
const PASSING = new Set<ErrorCode>([
  ...["busy", "cannot_connect", "connection_lost", "draining"] as const,
  ...["hello_timeout", "stalled", "too_many_connections"] as const,
]);

/** One server. */
export class MapServer implements MapTarget, AsyncDisposable {
  readonly #connect: () => Promise<MapPlace>;
  readonly #say: (line: string) => void;
  readonly #signal: AbortSignal;
  readonly #awayMaxMs: number;
  /** The connection, or its making. */
  #client: Promise<MapPlace> | undefined;
  /** The same, once it is made and as long as it holds. */
  #current: MapPlace | undefined;
  #wasConnected = false;
  #breaks = 0;

  /** Once `signal` is aborted, a connection that is lost is not made again. */
  constructor(
    connect: () => Promise<MapPlace>,
    say: (line: string) => void,
    signal: AbortSignal,
    awayMaxMs = AWAY_MAX_MS,
  ) {
    this.#awayMaxMs = awayMaxMs;
    this.#connect = connect;
    this.#say = say;
    this.#signal = signal;
  }

  async submit(request: JobRequest, contents: AsyncIterable<Uint8Array>): Promise<ClientJob> {
    const client = await this.#connected();
    const job = client.submit(request, contents);
    return { events: this.#watch(job, client), cancel: () => job.cancel() };
  }

  async jobsAtOnce(): Promise<number> {
    return (await (await this.#connected()).report()).jobsMax;
  }

  /** Closes the connection: the server cancels what is open on it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.[Symbol.asyncDispose]();
  }

  /** The events of a job; with them goes the connection, when that is what broke. */
  async *#watch(job: ClientJob, client: MapPlace): AsyncGenerator<ClientEvent> {
    try {
      for await (const event of job.events) {
        if (event.kind === "end") this.#breaks = 0;
        yield event;
      }
    } catch (error) {
      // Of all jobs that were open, the first to be told lets the next connection be made.
      if (this.#current === client) {
        this.#current = this.#client = undefined;
        await client[Symbol.asyncDispose]();
      }
      throw error;
    }
  }

  #connected(): Promise<MapPlace> {
    if (this.#client) return this.#client;
    const client = this.#wasConnected ? this.#connectAgain() : this.#greet();
    this.#client = client;
    return client;
  }

  /** Not before the greeting is it known that the server takes us. */
  async #greet(): Promise<MapPlace> {
    const client = await this.#connect();
    try {
      await client.hello;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
    this.#wasConnected = true;
    this.#current = client;
    return client;
  }

  async #connectAgain(): Promise<MapPlace> {
    if (++this.#breaks > BREAKS_MAX) {
      throw new RtoolError(
        "connection_lost",
        `The connection was lost ${BREAKS_MAX} times running`,
      );
    }
    this.#say("the connection was lost; connecting again");
    const startedAt = performance.now();
    for (let waitMs = PAUSE_MIN_MS;; waitMs = Math.min(2 * waitMs, PAUSE_MAX_MS)) {
      await pause(waitMs, this.#signal);
      if (this.#signal.aborted) throw new RtoolError("connection_lost", "The connection was lost");
      try {
        return await this.#greet();
      } catch (error) {
        const { code, message } = toRtoolError(error);
        const awayMs = performance.now() - startedAt;
        if (!PASSING.has(code)) throw error;
        if (awayMs < this.#awayMaxMs) continue;
        const text = `The server did not come back within ${timeText(this.#awayMaxMs)}: ${message}`;
        throw new RtoolError("connection_lost", text, { cause: error });
      }
    }
  }
}
