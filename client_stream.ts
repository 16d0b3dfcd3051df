/**
 * One job as the native client sees it: frames in, events out, credit both ways.
 *
 * Part of client.ts.
 */

import { Channel } from "./core/channel.ts";
import type { Fields } from "./core/condition.ts";
import { RtoolError, toRtoolError } from "./core/errors.ts";
import type { JobEvent } from "./core/job.ts";
import { maybeEvent } from "./messages_events.ts";
import {
  decodeJson,
  decodeWindow,
  encodeFrame,
  encodeWindow,
  type Frame,
  PAYLOAD_BYTES_MAX,
  WINDOW_BYTES,
} from "./protocol.ts";
import type { Link } from "./wire.ts";

/** What a job emits at the client. */
export type ClientEvent =
  | { readonly kind: "accepted"; readonly job: string; readonly note?: string | undefined }
  | JobEvent;

/**
 * A job that was submitted, or attached to. Its events end with `end`, those of a detached one with
 * `accepted`; or they throw `connection_lost`.
 */
export interface ClientJob {
  readonly events: AsyncIterable<ClientEvent>;
  cancel(): void;
}

/** One job's stream. */
export class ClientStream implements ClientJob {
  readonly #id: number;
  readonly #link: Link;
  readonly #detached: boolean;
  // Twice the credit: a server that keeps its word never makes other jobs wait for this one's
  // reader.
  readonly #events = new Channel<ClientEvent>(2 * WINDOW_BYTES, weigh);
  #inputCredit = WINDOW_BYTES;
  #granted: PromiseWithResolvers<void> | undefined;
  #ended = false;
  #failure: RtoolError | undefined;

  /** With `detached`, `accepted` is the last that comes. */
  constructor(id: number, link: Link, detached: boolean) {
    this.#id = id;
    this.#link = link;
    this.#detached = detached;
  }

  /** Events in order. Output that has been taken is granted again. */
  get events(): AsyncIterable<ClientEvent> {
    return this.#listen();
  }

  cancel(): void {
    if (!this.#ended) this.#link.send(encodeFrame("cancel", this.#id));
  }

  /** Takes a frame; true when it was the last. */
  take(frame: Frame): boolean {
    switch (frame.kind) {
      case "window":
        this.#inputCredit += decodeWindow(frame);
        this.#granted?.resolve();
        return false;
      case "accepted":
        this.#events.push(parseAccepted(decodeJson(frame)));
        if (this.#detached) this.#close();
        return this.#detached;
      default:
        return this.#takeEvent(frame);
    }
  }

  #takeEvent(frame: Frame): boolean {
    const event = maybeEvent(frame);
    if (!event) throw new RtoolError("bad_frame", `A server may not send '${frame.kind}' frames`);
    this.#events.push(event);
    if (event.kind !== "end") return false;
    this.#close();
    return true;
  }

  /** A promise when the reader of this job is so far behind that the server broke its word. */
  room(): Promise<void> | undefined {
    return this.#events.full ? this.#events.room() : undefined;
  }

  fail(reason: RtoolError): void {
    this.#failure ??= reason;
    this.#close();
  }

  /** Sends uploads, then the job's input, as far as the server has granted it. Never rejects. */
  async feed(
    contents: AsyncIterable<Uint8Array> | undefined,
    input: AsyncIterable<Uint8Array> | undefined,
  ): Promise<void> {
    try {
      if (contents) await this.#forward("upload", contents);
    } catch (cause) {
      // Without all of it the job cannot begin, and must not wait for it.
      this.cancel();
      return this.fail(toRtoolError(cause));
    }
    if (!input) return;
    try {
      await this.#forward("input", input);
    } catch {
      // The source broke: the script sees its end.
    }
    if (!this.#ended) this.#link.send(encodeFrame("input", this.#id));
  }

  async #forward(kind: "upload" | "input", source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += PAYLOAD_BYTES_MAX) {
        if (!await this.#mayInput()) return;
        const part = chunk.subarray(at, at + PAYLOAD_BYTES_MAX);
        this.#inputCredit -= part.length;
        this.#link.send(encodeFrame(kind, this.#id, part));
      }
    }
  }

  /** Nothing more comes, and nothing more is sent. */
  #close(): void {
    this.#ended = true;
    this.#events.close();
    this.#granted?.resolve();
  }

  async #mayInput(): Promise<boolean> {
    while (!this.#ended && this.#inputCredit < PAYLOAD_BYTES_MAX) {
      this.#granted = Promise.withResolvers<void>();
      await this.#granted.promise;
    }
    return !this.#ended;
  }

  async *#listen(): AsyncGenerator<ClientEvent> {
    let taken = 0;
    for await (const event of this.#events) {
      yield event;
      taken += weigh(event);
      if (taken >= WINDOW_BYTES / 4) {
        this.#link.send(encodeWindow(this.#id, taken));
        taken = 0;
      }
    }
    if (this.#failure) throw this.#failure;
  }
}

function parseAccepted({ job, note }: Fields): ClientEvent {
  const accepted = { kind: "accepted", job: String(job) } as const;
  return typeof note === "string" ? { ...accepted, note } : accepted;
}

/** Events that cost nothing, as the server counts. */
const FREE = new Set<ClientEvent["kind"]>(["accepted", "started", "end"]);

/** As the server counts: bytes of output and items, 256 for what carries none. */
function weigh(event: ClientEvent): number {
  if ("bytes" in event) return event.bytes.length;
  return FREE.has(event.kind) ? 0 : 256;
}
