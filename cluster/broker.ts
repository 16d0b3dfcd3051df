/**
 * The connection to NATS: what the cluster asks of it, and its errors in rtool's words.
 *
 * Knows streams and messages. Must not know jobs. Loads the client of NATS only to connect.
 */

import type { JetStreamClient, JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/nats-core/internal";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { settlesWithin } from "../core/time.ts";
import { asking, backOff, brokerFault, codeOf, connectFault } from "./broker_faults.ts";
import { isSilence, RECONNECT_MS } from "./broker_faults.ts";
import { refuseBadLogin } from "./broker_login.ts";
import { type BrokerOptions, connectionOptions } from "./broker_options.ts";
import type { SocketOptions } from "./nats_socket.ts";

/** A message as a stream keeps it. */
export interface Kept {
  readonly seq: number;
  readonly subject: string;
  readonly body: Uint8Array;
  readonly headers: Headers;
  readonly time: Date;
}

/** Text by name. */
export type Headers = Readonly<Record<string, string>>;

/** Part of a job's log is one message. */
const PAYLOAD_BYTES_MIN = 256 * 1024;

/** Closing may take this. */
const CLOSE_MS = 2_000;

/** After an outage hosts come back one after the other, all within this. */
const SETTLING_MS = 1.5 * RECONNECT_MS.max;

/** Different faults that are logged of one outage. */
const TOLD_MAX = 20;

/** What the API of JetStream says. */
const NO_MESSAGE = 10037;
const WRONG_LAST_SEQUENCE = 10071;

/** An open connection, which comes back by itself. */
export class Broker implements AsyncDisposable {
  readonly connection: NatsConnection;
  readonly streams: JetStreamClient;
  readonly manager: JetStreamManager;
  /** How often the connection was lost and came back. */
  reconnects = 0;
  #away = false;
  #backAt = -Infinity;
  #log: Log | undefined;
  /** What has been logged since the connection was there last. */
  readonly #told = new Set<string>();
  readonly #headers: () => ReturnType<typeof import("@nats-io/nats-core/internal").headers>;

  private constructor(
    connection: NatsConnection,
    streams: JetStreamClient,
    manager: JetStreamManager,
    headers: typeof import("@nats-io/nats-core/internal").headers,
  ) {
    this.connection = connection;
    this.streams = streams;
    this.manager = manager;
    this.#headers = () => headers();
    void this.#watch(); // Never rejects.
  }

  /** Connects once; throws `cannot_connect` with what is wrong. */
  static async connect(options: BrokerOptions): Promise<Broker> {
    const { NatsSocket } = await import("./nats_socket.ts");
    const transport = await import("@nats-io/nats-core/internal");
    const { jetstream, jetstreamManager } = await import("@nats-io/jetstream");
    const { urls, login = () => ({}) } = options;
    refuseBadLogin(login(), transport);
    let [fault, broker]: [Error?, Broker?] = [];
    try {
      transport.setTransportFactory({ factory: () => new NatsSocket() });
      const connection = await transport.NatsConnectionImpl.connect({
        ...connectionOptions(options, transport),
        tellFault: (told) => {
          fault = told;
          if (told && broker) broker.#tell("broker not reached", told);
        },
        ...backOff(),
      } as SocketOptions);
      if (connection.info && connection.info.max_payload < PAYLOAD_BYTES_MIN) {
        const { max_payload: bytes } = connection.info;
        await connection.close();
        throw tooSmall(bytes);
      }
      const manager = await jetstreamManager(connection, { checkAPI: false });
      broker = new Broker(connection, jetstream(connection), manager, transport.headers);
      return broker;
    } catch (cause) {
      throw connectFault(fault ?? cause, urls.join(", "), login());
    }
  }

  /** Tells the log of outages from here on. */
  tellOutages(log: Log): void {
    this.#log = log;
  }

  /** Whether the connection is lost just now: nothing asked would be answered. */
  get away(): boolean {
    return this.#away;
  }

  /** Whether the connection came back so lately that other hosts may still be on their way. */
  get settling(): boolean {
    return performance.now() - this.#backAt < SETTLING_MS;
  }

  /** What it says it is. */
  get software(): string {
    return `nats-server ${this.connection.info?.version ?? "of unknown version"}`;
  }

  /** Most bytes of one message, headers included. */
  get payloadMax(): number {
    return this.connection.info?.max_payload ?? 1 << 20;
  }

  /**
   * Publishes into a stream if the last message of the subject is the one with number `after`, 0
   * being none; its number, or `undefined` when it is another.
   */
  async append(
    subject: string,
    after: number,
    body: Uint8Array,
    headers: Headers,
  ): Promise<number | undefined> {
    try {
      const options = { headers: this.#toHeaders(headers), expect: { lastSubjectSequence: after } };
      return (await this.streams.publish(subject, body, options)).seq;
    } catch (cause) {
      if (codeOf(cause) === WRONG_LAST_SEQUENCE) return undefined;
      throw brokerFault(cause);
    }
  }

  /** Publishes into a stream; a second message of that id does nothing for a while. */
  async add(subject: string, id: string, body: Uint8Array, headers: Headers): Promise<void> {
    await asking(async () => {
      const options = { headers: this.#toHeaders(headers), msgID: id };
      return await this.streams.publish(subject, body, options);
    });
  }

  /** Tells whoever listens just now. */
  tell(subject: string, body: Uint8Array, headers: Headers): void {
    try {
      this.connection.publish(subject, body, { headers: this.#toHeaders(headers) });
    } catch {
      // It is being closed. Nothing depends on being heard.
    }
  }

  /** Hears what is told or asked there, until it is disposed; of several of a group only one. */
  listen(
    subject: string,
    hear: (message: Msg) => void,
    group: { readonly queue?: string } = {},
  ): Disposable {
    const { connection } = this;
    const callback = (error: unknown, message: Msg) => {
      if (error) return;
      try {
        hear(message);
      } catch (fault) {
        // It would end the connection.
        this.#tell("message not understood", toRtoolError(fault));
      }
    };
    try {
      const subscription = connection.subscribe(subject, { ...group, callback });
      return { [Symbol.dispose]: () => connection.isClosed() || subscription.unsubscribe() };
    } catch (cause) {
      throw brokerFault(cause); // It is being closed.
    }
  }

  /** The last message of a subject, which may have wildcards, or `undefined`. */
  async maybeLast(stream: string, subject: string): Promise<Kept | undefined> {
    return await this.#maybeMessage(stream, { last_by_subj: subject });
  }

  /** The first message of a subject with at least that number, or `undefined`. */
  async maybeNext(stream: string, subject: string, seq: number): Promise<Kept | undefined> {
    // The client's types do not know it; brokers from 2.9 do.
    const query = { seq: Math.max(1, seq), next_by_subj: subject } as { seq: number };
    return await this.#maybeMessage(stream, query);
  }

  /** How many messages each subject of a stream has, of those that match. */
  async subjects(stream: string, filter: string): Promise<Readonly<Record<string, number>>> {
    return await asking(async () => {
      const { state } = await this.manager.streams.info(stream, { subjects_filter: filter });
      return state.subjects ?? {};
    });
  }

  /** Asks who listens there; `undefined` when nobody does, or nobody answers in time. */
  async ask(subject: string, question: string, timeoutMs: number): Promise<string | undefined> {
    try {
      const answer = await this.connection.request(subject, question, { timeout: timeoutMs });
      return answer.string();
    } catch (cause) {
      if (isSilence(cause)) return undefined;
      throw brokerFault(cause);
    }
  }

  /** Closes; what waits for an answer gets an error. Safe to call again. */
  async [Symbol.asyncDispose](): Promise<void> {
    // What was acknowledged last is still on its way.
    await settlesWithin(this.connection.drain(), CLOSE_MS);
    await this.connection.close();
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      const { type } = status;
      if (type === "error") this.#tell("broker refuses", status.error);
      // Each try that fails is told as a loss of its own.
      if (type === "disconnect" && !this.#away) {
        this.#away = true;
        this.#log?.error("broker lost");
      } else if (type === "reconnect" && this.#away) {
        this.#away = false;
        this.reconnects++;
        this.#backAt = performance.now();
        this.#told.clear();
        this.#log?.info("broker back");
      }
    }
  }

  /** Logs what goes wrong again and again, once. */
  #tell(what: string, { message: why }: Error): void {
    if (this.#told.has(why) || this.#told.size >= TOLD_MAX) return;
    this.#told.add(why);
    this.#log?.error(what, { why });
  }

  async #maybeMessage(
    stream: string,
    query: Parameters<JetStreamManager["streams"]["getMessage"]>[1],
  ): Promise<Kept | undefined> {
    try {
      const message = await this.manager.streams.getMessage(stream, query);
      return message ? toKept(message) : undefined;
    } catch (cause) {
      if (codeOf(cause) === NO_MESSAGE) return undefined;
      throw brokerFault(cause);
    }
  }

  #toHeaders(values: Headers): ReturnType<typeof import("@nats-io/nats-core/internal").headers> {
    const headers = this.#headers();
    for (const [name, value] of Object.entries(values)) headers.set(name, value);
    return headers;
  }
}

function tooSmall(bytes: number): RtoolError {
  const wanted = `rtool needs ${PAYLOAD_BYTES_MIN}`;
  return new RtoolError("bad_config", `The broker takes messages of ${bytes} bytes; ${wanted}`, {
    hint: "raise max_payload there; its own default is 1 MiB",
  });
}

function toKept(message: StoredMsg): Kept {
  return {
    seq: message.seq,
    subject: message.subject,
    body: message.data,
    headers: Object.fromEntries(
      [...message.header ?? []].map(([name, [text = ""]]) => [name, text]),
    ),
    time: message.time,
  };
}
