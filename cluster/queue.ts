/**
 * One queue at the broker: its streams, its consumers, and where large jobs lie.
 */

import type { Consumer } from "@nats-io/jetstream";
import type { Broker, Headers, Kept } from "./broker.ts";
import { asking } from "./broker_faults.ts";
import { BODY_BYTES_MAX } from "./job_body.ts";
import { consumerName, digestHex, jobPrefix, type QueueNames, queueNames } from "./names.ts";
import { isMade, largeStore, makeStreams, QUEUE_SIZES, type QueueSizes } from "./queue_streams.ts";
import { NO_REQUIREMENTS } from "./requirements.ts";
import type { JobId } from "../core/job.ts";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import { settlesWithin } from "../core/time.ts";

/** Jobs given out and not acknowledged, by all servers together. */
const PENDING_MAX = 20_000;

/** Room for headers and subject in a message. */
const HEADERS_BYTES_MAX = 16 * 1024;

/**
 * A consumer nobody has asked for so long goes. Longer than most jobs: one whose hosts are all at
 * work would be made again, and its running jobs given out once more, to be found running.
 */
const CONSUMER_IDLE_MS = 3600_000;

const NANOSECONDS = 1e6;

/** Says that the body lies in the object store, and under which name: the start of its digest. */
const LARGE = "Rtool-Large";
const LARGE_DIGEST_CHARS = 16;
const LARGE_PART = /^[0-9a-f]{16}$/;

/** Reading a body may take so many milliseconds, and as many more for each MiB. */
const LARGE_READ_MS = 3_000;

/** A consumer that hands jobs out to all servers that ask. */
export interface SharedConsumer {
  readonly consumer: Consumer;
  /** As the first server said; it holds for all. */
  readonly leaseMs: number;
}

/** A job's body and headers as a message has them. */
export interface Packed {
  readonly body: Uint8Array;
  readonly headers: Headers;
}

/** A queue that is there. */
export class Queue {
  readonly name: string;
  readonly names: QueueNames;
  readonly broker: Broker;

  readonly #sizes: QueueSizes;

  private constructor(broker: Broker, name: string, sizes: QueueSizes) {
    this.broker = broker;
    this.name = name;
    this.names = queueNames(name);
    this.#sizes = sizes;
  }

  /** Finds the queue, or makes it; it gets the sizes that are asked for. */
  static async open(
    broker: Broker,
    name: string,
    asked: Partial<QueueSizes> = {},
  ): Promise<Queue> {
    const queue = new Queue(broker, name, { ...QUEUE_SIZES, ...asked });
    await asking(async () => await makeStreams(broker.manager, queue.names, asked));
    return queue;
  }

  /** Whether the queue has been made; throws when the broker does not tell. */
  static async isThere({ manager }: Broker, name: string): Promise<boolean> {
    return await asking(async () => await isMade(manager, queueNames(name)));
  }

  /** Publishes a job. */
  async put(
    token: string,
    owner: string,
    id: JobId,
    body: Uint8Array,
    headers: Headers,
  ): Promise<void> {
    const subject = `${jobPrefix(this.names, token)}.${owner}.${id}`;
    const packed = await this.pack(id, body, headers);
    try {
      await this.broker.add(subject, id, packed.body, packed.headers);
    } catch (error) {
      // It may be in the queue all the same when nobody has answered.
      if (toRtoolError(error).code === "busy") await this.forget(id, packed.headers);
      throw error;
    }
  }

  /** A job as one message; what is too large for that goes into the object store. */
  async pack(id: JobId, body: Uint8Array, headers: Headers): Promise<Packed> {
    if (body.length <= this.broker.payloadMax - HEADERS_BYTES_MAX) return { body, headers };
    // The same job sent again, with other bounds, is another body.
    const part = (await digestHex(body.slice())).slice(0, LARGE_DIGEST_CHARS);
    await this.#large(async (store) => await store.putBlob({ name: largeName(id, part) }, body));
    return { body: new Uint8Array(0), headers: { ...headers, [LARGE]: part } };
  }

  /** The whole body of a job's message. */
  async bodyOf(id: JobId, body: Uint8Array, headers: Headers): Promise<Uint8Array<ArrayBuffer>> {
    if (headers[LARGE] === undefined) return new Uint8Array(body);
    const name = largeName(id, headers[LARGE]);
    const large = await this.#large(async (store) => {
      const { size = 0 } = await store.info(name) ?? {};
      if (size > BODY_BYTES_MAX + HEADERS_BYTES_MAX) return undefined;
      const reading = store.getBlob(name);
      reading.catch(() => {}); // It may fail when nobody waits any more.
      // With a part of it gone, the rest is waited for without end.
      const patienceMs = LARGE_READ_MS * (1 + size / 2 ** 20);
      return await settlesWithin(reading, patienceMs) ? await reading : undefined;
    });
    if (large) return new Uint8Array(large);
    if (this.broker.away) throw new RtoolError("cannot_connect", "The broker is away");
    throw new RtoolError("bad_request", "The job is not, or not whole, in the object store");
  }

  /** The job has ended: nobody needs its body. */
  async forget(id: JobId, headers: Headers): Promise<void> {
    const part = headers[LARGE];
    if (part === undefined) return;
    await this.#large(async (store) => await store.delete(largeName(id, part)));
  }

  /** The consumer of a token, which all servers share that take its jobs; made by the first. */
  async consumer(
    token: string,
    leaseMs: number,
    idleMs = CONSUMER_IDLE_MS,
  ): Promise<SharedConsumer> {
    const { AckPolicy } = await import("@nats-io/jetstream");
    const { manager, streams } = this.broker;
    const name = await consumerName(token);
    return await asking(async () => {
      const known = await manager.consumers.info(this.names.jobs, name).catch(() => undefined);
      // Two that make it at once make the same.
      const { config } = known ?? await manager.consumers.add(this.names.jobs, {
        durable_name: name,
        filter_subject: `${jobPrefix(this.names, token)}.>`,
        ack_policy: AckPolicy.Explicit,
        ack_wait: leaseMs * NANOSECONDS,
        max_ack_pending: PENDING_MAX,
        ...(token === NO_REQUIREMENTS ? {} : { inactive_threshold: idleMs * NANOSECONDS }),
      });
      return {
        consumer: await streams.consumers.get(this.names.jobs, name),
        leaseMs: (config.ack_wait ?? leaseMs * NANOSECONDS) / NANOSECONDS,
      };
    });
  }

  /** A job that was given up goes to the dead list, once. */
  async bury(id: JobId, body: Uint8Array, headers: Headers): Promise<void> {
    await this.broker.append(`${this.names.prefix}.dead.${id}`, 0, body, headers);
  }

  /** The jobs of the dead list, the oldest first. */
  async *dead(): AsyncGenerator<Kept> {
    const subject = `${this.names.prefix}.dead.*`;
    let seq = 1;
    for (;;) {
      const kept = await this.broker.maybeNext(this.names.dead, subject, seq);
      if (!kept) return;
      yield kept;
      seq = kept.seq + 1;
    }
  }

  /** Takes a job off the dead list. */
  async exhume({ seq }: Kept): Promise<void> {
    await asking(async () => await this.broker.manager.streams.deleteMessage(this.names.dead, seq));
  }

  /** Opened only where it is needed. */
  async #large<T>(use: (store: ObjectStore) => Promise<T>): Promise<T> {
    const { Objm } = await import("@nats-io/obj");
    return await asking(async () => {
      const stores = new Objm(this.broker.streams);
      return await use(await stores.create(this.names.large, largeStore(this.#sizes)));
    });
  }
}

/** What a body is called there; `part` is what a header says, whoever wrote that. */
function largeName(id: JobId, part: string): string {
  if (LARGE_PART.test(part)) return `${id}-${part}`;
  throw new RtoolError("bad_request", "The job does not say which body is its own");
}

type ObjectStore = Awaited<ReturnType<import("@nats-io/obj").Objm["create"]>>;
