/**
 * What queues, subjects, streams and consumers are called at the broker; docs/cluster.md shows
 * them.
 */

import { RtoolError } from "../core/errors.ts";
import type { JobId, Principal } from "../core/job.ts";
import { NO_REQUIREMENTS } from "./requirements.ts";

const QUEUE_NAME = /^[A-Za-z0-9_-]{1,32}$/;

/** Characters of a consumer's name; a longer one ends with the digest of what it stands for. */
const CONSUMER_CHARS_MAX = 64;
const DIGEST_CHARS = 16;

/** Names of one queue. */
export interface QueueNames {
  readonly jobs: string;
  readonly events: string;
  readonly dead: string;
  readonly large: string;
  readonly sessions: string;
  /** Before every subject of the queue. */
  readonly prefix: string;
}

/** The names of a queue; throws for what can be none. */
export function queueNames(queue: string): QueueNames {
  if (!QUEUE_NAME.test(queue)) {
    const shown = JSON.stringify(queue.slice(0, 80));
    throw new RtoolError(
      "bad_request",
      `Cannot use the queue ${shown}: a name is 1 to 32 letters, digits, '_' or '-'`,
    );
  }
  return {
    jobs: `RTOOL_${queue}_JOBS`,
    events: `RTOOL_${queue}_EVENTS`,
    dead: `RTOOL_${queue}_DEAD`,
    large: `RTOOL_${queue}_LARGE`,
    sessions: `RTOOL_${queue}_SESSIONS`,
    prefix: `rtool.${queue}`,
  };
}

/** What the subjects of jobs with these requirements begin with. */
export function jobPrefix({ prefix }: Pick<QueueNames, "prefix">, token: string): string {
  return token === NO_REQUIREMENTS ? `${prefix}.job.${token}` : `${prefix}.job.need.${token}`;
}

/** What the consumer of jobs with these requirements is called. */
export async function consumerName(token: string): Promise<string> {
  if (token === NO_REQUIREMENTS) return "any";
  const name = `need-${token}`;
  if (name.length < CONSUMER_CHARS_MAX) return name;
  const digest = (await digestHex(token)).slice(0, DIGEST_CHARS);
  return `${name.slice(0, CONSUMER_CHARS_MAX - DIGEST_CHARS - 1)}-${digest}`;
}

/** Who a job belongs to, as it stands in subjects; names hold what these may not. */
export async function ownerToken({ name }: Pick<Principal, "name">): Promise<string> {
  return (await digestHex(name)).slice(0, 16);
}

/** A session's name, as it stands in subjects. */
export async function sessionToken(name: string): Promise<string> {
  return (await digestHex(name)).slice(0, 16);
}

/** The id of a job with a key: the same for the same owner, queue and key. */
export async function keyedId(owner: string, queue: string, key: string): Promise<JobId> {
  return (await digestHex(`${owner} ${queue} ${key}`)).slice(0, 32);
}

/** 128 random bits. */
export function randomId(): JobId {
  return hex(crypto.getRandomValues(new Uint8Array(16)));
}

/** SHA-256 of text or bytes, in hexadecimal. */
export async function digestHex(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
