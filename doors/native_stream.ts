/**
 * One stream of a native connection, whatever opened it: its credit, its job, its cancelling; and
 * what is sent on it.
 *
 * Part of the native door.
 */

import { EMPTY_RECEIPT } from "../core/job.ts";
import type { Job, JobEvent, Outcome, Receipt } from "../core/job.ts";
import { encodeEvent } from "../messages_events.ts";
import { encodeFrame, encodeJson, PAYLOAD_BYTES_MAX, WINDOW_BYTES } from "../protocol.ts";
import type { Link } from "../wire.ts";
import type { NativeUpload } from "./native_upload.ts";

/** What an event that is no output costs, in bytes of credit. */
const EVENT_COST = 256;

/** State of a stream between the frame that opens it and its last. */
export class NativeStream {
  readonly id: number;
  /** The submission that opened it, if that was one. */
  readonly upload: NativeUpload | undefined;
  readonly #link: Link;
  #job: Job | undefined;
  #cancelled = false;
  #credit = WINDOW_BYTES;
  #waiting: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(id: number, link: Link, upload?: NativeUpload) {
    this.id = id;
    this.#link = link;
    this.upload = upload;
  }

  /** The client takes so many bytes more. */
  grant(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit >= 0) this.#waiting?.resolve();
  }

  /** The client asks for the job to stop. */
  cancel(): void {
    this.#cancelled = true;
    this.#job?.cancel({ kind: "cancelled", reason: "client" });
  }

  /** Says which job the stream is about. */
  accept(job: Job): void {
    this.#job = job;
    const note = job.note === undefined ? {} : { note: job.note };
    this.#link.send(encodeJson("accepted", this.id, { job: job.id, ...note }));
    if (this.#cancelled) this.cancel();
  }

  /** Sends a job's events to its end, as fast as the client takes them; false without an end. */
  async relay(job: Job): Promise<boolean> {
    for await (const event of job.events) {
      const waiting = this.#spend(costOf(event));
      if (waiting) await waiting;
      this.#link.send(encodeEvent(this.id, event));
      // Behind its end, the stream's number is the client's again: there is nothing to wait for.
      if (event.kind === "end") return true;
      if (this.#link.congested) await this.#link.flushed();
    }
    return false;
  }

  /** Sends a document in pieces, as fast as the client takes them, and the end. */
  async reply(document: Uint8Array): Promise<void> {
    for (let at = 0; at < document.length; at += PAYLOAD_BYTES_MAX) {
      const part = document.subarray(at, at + PAYLOAD_BYTES_MAX);
      const waiting = this.#spend(part.length);
      if (waiting) await waiting;
      this.#link.send(encodeFrame("reply", this.id, part));
      if (this.#link.congested) await this.#link.flushed();
    }
    this.#link.send(encodeEnd(this.id, { kind: "ok" }, EMPTY_RECEIPT));
  }

  /** Lets go of whoever waits on this stream. */
  close(): void {
    this.#closed = true;
    this.#waiting?.resolve();
    this.upload?.close();
  }

  /** Uses credit up; a promise when there is none left and the sender must wait. */
  #spend(bytes: number): Promise<void> | undefined {
    this.#credit -= bytes;
    if (this.#credit >= 0 || this.#closed || bytes === 0) return undefined;
    this.#waiting = Promise.withResolvers<void>();
    return this.#waiting.promise;
  }
}

/** The last frame of a stream. */
export function encodeEnd(id: number, outcome: Outcome, receipt: Receipt): Uint8Array {
  return encodeEvent(id, { kind: "end", outcome, receipt });
}

function costOf(event: JobEvent): number {
  switch (event.kind) {
    case "stdout":
    case "stderr":
    case "item_bytes":
      return event.bytes.length;
    case "condition":
    case "waiting":
    case "item":
    case "item_end":
    case "prompt":
      return EVENT_COST;
    case "started":
    case "end":
      return 0;
    default:
      return event satisfies never;
  }
}
