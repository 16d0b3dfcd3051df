/**
 * Which host owns which session: a record in a stream, written only by who knows the last one.
 *
 * Knows records. Must not know jobs, nor what hosts do.
 */

import { maybeText } from "../core/condition.ts";
import type { Headers } from "./broker.ts";
import { asking } from "./broker_faults.ts";
import { readObject } from "./job_log.ts";
import { sessionToken } from "./names.ts";
import type { Queue } from "./queue.ts";

/** A session of the cluster: whose, and its name. */
export interface SessionPlace {
  /** Digest of the principal's name. */
  readonly owner: string;
  readonly name: string;
}

/** The process that has a session's R. */
export interface SessionHolder {
  /** For people. */
  readonly host: string;
  /** Random text of the server's process: another process has another. */
  readonly token: string;
  /** Nobody has answered for so long: then the process is gone, in milliseconds. */
  readonly leaseMs: number;
}

/** What is kept about a session. */
export interface SessionRecord extends SessionHolder {
  /** The host that had it before and was lost or left; empty when there was none. */
  readonly was: string;
  /** The process has left, or was lost: the session's variables are no more. */
  readonly gone: boolean;
  /** Random text: who owns a session again, owns another one. */
  readonly epoch: string;
}

/** A record and its number. */
export interface KeptRecord extends SessionRecord {
  readonly seq: number;
}

/** The records of one queue. */
export class SessionRegister {
  readonly #queue: Queue;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** The record of a session, if anybody owns it. */
  async maybeRecord(place: SessionPlace): Promise<KeptRecord | undefined> {
    const { broker, names } = this.#queue;
    const kept = await broker.maybeLast(names.sessions, await this.#subject(place));
    return kept && { seq: kept.seq, ...readRecord(kept.headers) };
  }

  /**
   * Writes a record if the last one is still number `after`, 0 being none; its number, or
   * `undefined` when another was faster.
   */
  async write(
    place: SessionPlace,
    after: number,
    record: SessionRecord,
  ): Promise<number | undefined> {
    const subject = await this.#subject(place);
    return await this.#queue.broker.append(subject, after, NO_BYTES, recordHeaders(record));
  }

  /** Whoever asks next finds no owner, unless there is a newer record. */
  async remove(seq: number): Promise<void> {
    const { broker, names } = this.#queue;
    await asking(async () => await broker.manager.streams.deleteMessage(names.sessions, seq));
  }

  /** The session's process is gone; unless another has it already. */
  async markGone(place: SessionPlace, token: string): Promise<void> {
    const record = await this.maybeRecord(place);
    if (record?.token !== token || record.gone) return;
    await this.write(place, record.seq, { ...record, gone: true });
  }

  async #subject({ owner, name }: SessionPlace): Promise<string> {
    return `${this.#queue.names.prefix}.session.${owner}.${await sessionToken(name)}`;
  }
}

const NO_BYTES = new Uint8Array(0);
const RECORD = "Rtool-Holder";

function recordHeaders({ leaseMs, ...record }: SessionRecord): Headers {
  return { [RECORD]: JSON.stringify({ ...record, lease_ms: leaseMs }) };
}

/** Whoever is let in at the broker can write anything there. */
function readRecord(headers: Headers): SessionRecord {
  const fields = readObject(headers[RECORD]);
  return {
    ...readHolder(fields),
    was: maybeText(fields["was"]) ?? "",
    gone: fields["gone"] === true,
    epoch: maybeText(fields["epoch"]) ?? "",
  };
}

/** The holder that JSON names; one that nobody is where it names none. */
export function readHolder(fields: ReturnType<typeof readObject>): SessionHolder {
  const token = maybeText(fields["token"]) ?? "";
  const leaseMs = Number(fields["lease_ms"] ?? NaN);
  return {
    host: maybeText(fields["host"]) ?? "",
    token: TOKEN.test(token) ? token : NO_TOKEN,
    leaseMs: leaseMs > 0 ? leaseMs : LEASE_MS,
  };
}

/** It stands in subjects. */
const TOKEN = /^[0-9a-f]{32}$/;
const NO_TOKEN = "0".repeat(32);

/** Of a holder that does not say. */
const LEASE_MS = 30_000;
