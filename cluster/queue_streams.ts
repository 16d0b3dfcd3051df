/**
 * The streams of a queue at the broker: made by whoever comes first, and how much they may keep.
 */

import type { JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import type { ObjectStoreOptions } from "@nats-io/obj";
import { codeOf } from "./broker_faults.ts";
import { CLAIM_AGE_MAX_MS } from "./claim.ts";
import type { QueueNames } from "./names.ts";

/** How much the broker keeps of a queue; docs/cluster.md says what happens when that is reached. */
export interface QueueSizes {
  /** Copies of everything, in a cluster of brokers. */
  readonly replicas: number;
  /** Bytes of jobs that nobody has acknowledged. */
  readonly jobs: number;
  /** Bytes of the logs. */
  readonly logs: number;
  /** Bytes of the dead list. */
  readonly dead: number;
  /** Bytes of bodies that are too large for a message. */
  readonly large: number;
}

/** What a queue is made with where nothing else is asked for. */
export const QUEUE_SIZES: QueueSizes = {
  replicas: 1,
  jobs: 1024 ** 3,
  logs: 2 * 1024 ** 3,
  dead: 256 * 1024 ** 2,
  large: 1024 ** 3,
};

type Config = Partial<StreamConfig> & { readonly name: string };

const NANOSECONDS = 1e6;

/** What the API of JetStream says. */
const NO_STREAM = 10059;
const STREAM_EXISTS = 10058;

/** Bytes of who owns which session. */
const SESSIONS_BYTES_MAX = 64 * 1024 ** 2;

/** Who owns a session is forgotten when no host has said so for so long. */
const SESSIONS_AGE_MAX_MS = 24 * 3600_000;

/** Bodies of dead jobs, and the small remains of removed ones, go after that. */
const LARGE_AGE_MAX_MS = 7 * 24 * 3600_000;

/** Finds the streams or makes them; those that are there get the sizes that are asked for. */
export async function makeStreams(
  manager: JetStreamManager,
  names: QueueNames,
  asked: Partial<QueueSizes>,
): Promise<void> {
  const { streams } = manager;
  if (!await isMade(manager, names)) {
    const sizes = { ...QUEUE_SIZES, ...asked };
    for (const config of await configs(names, sizes)) {
      // Another may have made it meanwhile, in other sizes.
      await streams.add(config).catch((error) => {
        if (codeOf(error) !== STREAM_EXISTS) throw error;
      });
    }
  }
  if (Object.keys(asked).length > 0) await resize(manager, names, asked);
}

/** Whether the streams are there; rejects when the broker does not tell. */
export async function isMade({ streams }: JetStreamManager, names: QueueNames): Promise<boolean> {
  try {
    // The last that is made: whoever finds it finds all.
    await streams.info(names.sessions);
    return true;
  } catch (cause) {
    if (codeOf(cause) === NO_STREAM) return false;
    throw cause;
  }
}

/** How the store of large bodies is made. */
export function largeStore({ large, replicas }: QueueSizes): Partial<ObjectStoreOptions> {
  return { ttl: LARGE_AGE_MAX_MS * NANOSECONDS, max_bytes: large, replicas };
}

/** Those of a new queue; whoever finds the last finds all. */
async function configs(names: QueueNames, sizes: QueueSizes): Promise<Config[]> {
  const { DiscardPolicy, RetentionPolicy } = await import("@nats-io/jetstream");
  const { prefix } = names;
  const jobs = {
    name: names.jobs,
    subjects: [`${prefix}.job.>`],
    retention: RetentionPolicy.Workqueue,
    discard: DiscardPolicy.New,
    max_bytes: sizes.jobs,
  };
  const dead = { name: names.dead, subjects: [`${prefix}.dead.>`], max_bytes: sizes.dead };
  const events = {
    name: names.events,
    subjects: [`${prefix}.event.>`],
    max_age: CLAIM_AGE_MAX_MS * NANOSECONDS,
    max_bytes: sizes.logs,
  };
  const sessions = {
    name: names.sessions,
    subjects: [`${prefix}.session.>`],
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    max_age: SESSIONS_AGE_MAX_MS * NANOSECONDS,
    max_bytes: SESSIONS_BYTES_MAX,
  };
  return [jobs, dead, events, sessions].map((config) => ({
    ...config,
    num_replicas: sizes.replicas,
  }));
}

async function resize(
  { streams }: JetStreamManager,
  names: QueueNames,
  { replicas, jobs, logs, dead, large }: Partial<QueueSizes>,
): Promise<void> {
  const asked = [
    [names.jobs, jobs],
    [names.events, logs],
    [names.dead, dead],
    [names.sessions, undefined],
    [`OBJ_${names.large}`, large],
  ] as const;
  for (const [name, bytes] of asked) {
    const found = await streams.info(name).catch(() => undefined);
    if (!found) continue; // The store of large bodies is made when there is one.
    const { max_bytes, num_replicas } = found.config;
    const changed = { max_bytes: bytes ?? max_bytes, num_replicas: replicas ?? num_replicas };
    const isSame = changed.max_bytes === max_bytes && changed.num_replicas === num_replicas;
    if (!isSame) await streams.update(name, changed);
  }
}
