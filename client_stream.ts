/**
 * One job as the native client sees it: frames in, events out, credit both ways.
 *
 * Part of client.ts.
 */

import { Channel } from "./core/channel.ts";
import { asFields, parseCondition } from "./core/condition.ts";
import { RtoolError } from "./core/errors.ts";
import type { Condition, Outcome, Receipt } from "./core/job.ts";
import { parseOutcome, parseReceipt, parseWaiting, type Waiting } from "./messages.ts";
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
  | { readonly kind: "accepted"; readonly job: string }
  | Waiting
  | { readonly kind: "started"; readonly note: string | undefined }
  | { readonly kind: "stdout"; readonly bytes: Uint8Array }
  | { readonly kind: "stderr"; readonly bytes: Uint8Array }
  | { readonly kind: "condition"; readonly condition: Condition }
  | { readonly kind: "end"; readonly outcome: Outcome; readonly receipt: Receipt };

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
      case "stdout":
      case "stderr":
        this.#events.push({ kind: frame.kind, bytes: frame.payload });
        return false;
      case "window":
        this.#inputCredit += decodeWindow(frame);
        this.#granted?.resolve();
        return false;
      case "accepted":
        this.#events.push({ kind: "accepted", job: String(decodeJson(frame)["job"]) });
        if (this.#detached) this.#close();
        return this.#detached;
      case "waiting":
        this.#events.push(parseWaiting(decodeJson(frame)));
        return false;
      case "started": {
        const { note } = decodeJson(frame);
        this.#events.push({ kind: "started", note: typeof note === "string" ? note : undefined });
        return false;
      }
      case "condition":
        this.#events.push({ kind: "condition", condition: parseCondition(decodeJson(frame)) });
        return false;
      case "end": {
        const { outcome, receipt } = decodeJson(frame);
        this.#events.push({
          kind: "end",
          outcome: parseOutcome(asFields(outcome)),
          receipt: parseReceipt(asFields(receipt)),
        });
        this.#close();
        return true;
      }
      default:
        throw new RtoolError("bad_frame", `A server may not send '${frame.kind}' frames`);
    }
  }

  /** A promise when the reader of this job is so far behind that the server broke its word. */
  room(): Promise<void> | undefined {
    return this.#events.full ? this.#events.room() : undefined;
  }

  fail(reason: RtoolError): void {
    this.#failure ??= reason;
    this.#close();
  }

  /** Sends the job's input as far as the server has granted it. Never rejects. */
  async forward(input: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of input) {
        for (let at = 0; at < chunk.length; at += PAYLOAD_BYTES_MAX) {
          if (!await this.#mayInput()) return;
          const part = chunk.subarray(at, at + PAYLOAD_BYTES_MAX);
          this.#inputCredit -= part.length;
          this.#link.send(encodeFrame("input", this.#id, part));
        }
      }
    } catch {
      // The source broke: the script sees its end.
    }
    if (!this.#ended) this.#link.send(encodeFrame("input", this.#id));
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

/** As the server counts: bytes of output, 256 for a condition or what is waited for. */
function weigh(event: ClientEvent): number {
  if (event.kind === "stdout" || event.kind === "stderr") return event.bytes.length;
  return event.kind === "condition" || event.kind === "waiting" ? 256 : 0;
}
