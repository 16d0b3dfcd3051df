/**
 * One queue at the broker: its streams, its consumers, and where large jobs lie.
 */

import type { Consumer } from "@nats-io/jetstream";
import type { Broker, Headers, Kept } from "./broker.ts";
import { asking } from "./broker_faults.ts";
import { NO_LABEL, type QueueNames, queueNames } from "./names.ts";
import { CLAIM_AGE_MAX_MS } from "./claim.ts";
import type { JobId } from "../core/job.ts";
import { RtoolError } from "../core/errors.ts";

/** Bounds of the streams; docs/cluster.md says what happens when they are reached. */
const JOBS_BYTES_MAX = 1024 ** 3;
const EVENTS_BYTES_MAX = 2 * 1024 ** 3;
const DEAD_BYTES_MAX = 256 * 1024 ** 2;
const SESSIONS_BYTES_MAX = 64 * 1024 ** 2;

/** Who owns a session is forgotten when no host has said so for so long. */
const SESSIONS_AGE_MAX_MS = 24 * 3600_000;

/** Jobs given out and not acknowledged, by all servers together. */
const PENDING_MAX = 20_000;

/** Room for headers and subject in a message. */
const HEADERS_BYTES_MAX = 16 * 1024;

const NANOSECONDS = 1e6;

/** Says that the body lies in the object store. */
const LARGE = "Rtool-Large";

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

  private constructor(broker: Broker, name: string) {
    this.broker = broker;
    this.name = name;
    this.names = queueNames(name);
  }

  /** Finds the queue, or makes it. */
  static async open(broker: Broker, name: string): Promise<Queue> {
    const queue = new Queue(broker, name);
    await asking(async () => await queue.#make());
    return queue;
  }

  /** Publishes a job. */
  async put(
    label: string,
    owner: string,
    id: JobId,
    body: Uint8Array,
    headers: Headers,
  ): Promise<void> {
    const subject = `${this.names.prefix}.job.${label}.${owner}.${id}`;
    const packed = await this.pack(id, body, headers);
    await this.broker.add(subject, id, packed.body, packed.headers);
  }

  /** A job as one message; what is too large for that goes into the object store. */
  async pack(id: JobId, body: Uint8Array, headers: Headers): Promise<Packed> {
    if (body.length <= this.broker.payloadMax - HEADERS_BYTES_MAX) return { body, headers };
    await this.#large(async (store) => await store.putBlob({ name: id }, body));
    return { body: new Uint8Array(0), headers: { ...headers, [LARGE]: String(body.length) } };
  }

  /** The whole body of a job's message. */
  async bodyOf(id: JobId, body: Uint8Array, headers: Headers): Promise<Uint8Array<ArrayBuffer>> {
    if (headers[LARGE] === undefined) return new Uint8Array(body);
    const large = await this.#large(async (store) => await store.getBlob(id));
    if (large) return new Uint8Array(large);
    throw new RtoolError("bad_request", "The job is not in the object store");
  }

  /** The job has ended: nobody needs its body. */
  async forget(id: JobId, headers: Headers): Promise<void> {
    if (headers[LARGE] !== undefined) await this.#large(async (store) => await store.delete(id));
  }

  /** The consumer all servers share that have this label; made by the first. */
  async consumer(label: string, leaseMs: number): Promise<SharedConsumer> {
    const { AckPolicy } = await import("@nats-io/jetstream");
    const { manager, streams } = this.broker;
    const name = label === NO_LABEL ? "any" : label;
    return await asking(async () => {
      const known = await manager.consumers.info(this.names.jobs, name).catch(() => undefined);
      const { config } = known ?? await manager.consumers.add(this.names.jobs, {
        durable_name: name,
        filter_subject: `${this.names.prefix}.job.${label}.>`,
        ack_policy: AckPolicy.Explicit,
        ack_wait: leaseMs * NANOSECONDS,
        max_ack_pending: PENDING_MAX,
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

  async #make(): Promise<void> {
    const { manager } = this.broker;
    const { sessions, events, prefix } = this.names;
    const { DiscardPolicy } = await import("@nats-io/jetstream");
    const isThere = (name: string) => manager.streams.info(name).then(() => true, () => false);
    if (await isThere(sessions)) return; // Made last.
    if (!await isThere(events)) await this.#makeJobs(); // Else an older version made that one last.
    await manager.streams.add({
      name: sessions,
      subjects: [`${prefix}.session.>`],
      discard: DiscardPolicy.New,
      max_msgs_per_subject: 1,
      max_age: SESSIONS_AGE_MAX_MS * NANOSECONDS,
      max_bytes: SESSIONS_BYTES_MAX,
    });
  }

  async #makeJobs(): Promise<void> {
    const { manager } = this.broker;
    const { jobs, events, dead, prefix } = this.names;
    const { DiscardPolicy, RetentionPolicy } = await import("@nats-io/jetstream");
    await manager.streams.add({
      name: jobs,
      subjects: [`${prefix}.job.>`],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
      max_bytes: JOBS_BYTES_MAX,
    });
    await manager.streams.add({
      name: dead,
      subjects: [`${prefix}.dead.>`],
      max_bytes: DEAD_BYTES_MAX,
    });
    await manager.streams.add({
      name: events,
      subjects: [`${prefix}.event.>`],
      max_age: CLAIM_AGE_MAX_MS * NANOSECONDS,
      max_bytes: EVENTS_BYTES_MAX,
    });
  }

  /** Opened only where it is needed. */
  async #large<T>(use: (store: ObjectStore) => Promise<T>): Promise<T> {
    const { Objm } = await import("@nats-io/obj");
    return await asking(async () => {
      return await use(await new Objm(this.broker.streams).create(this.names.large));
    });
  }
}

type ObjectStore = Awaited<ReturnType<import("@nats-io/obj").Objm["create"]>>;
