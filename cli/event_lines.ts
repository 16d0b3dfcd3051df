/**
 * The lines of `rtool send --ndjson`: each event of a job as one JSON object, as it happens.
 */

import type { ClientEvent } from "../client_stream.ts";
import type { Condition, Outcome, Receipt } from "../core/job.ts";
import { waitingFields } from "../messages.ts";
import { itemEndFields, itemFields } from "../messages_items.ts";
import { endFields } from "./document.ts";
import type { Output } from "./terminal.ts";

/** Writes events, each as a line. */
export class EventLines {
  readonly #output: Output;
  // A character may be cut in two by the end of an event: it belongs to the second.
  readonly #decoders = { stdout: createDecoder(), stderr: createDecoder() };
  #job: string | null = null;
  #ended = false;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Whether the last line has been written. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Writes the line of an event. */
  async write(event: ClientEvent): Promise<void> {
    switch (event.kind) {
      case "accepted":
        this.#job = event.job;
        return await this.#line("accepted", { job: event.job, ...noteFields(event) });
      case "waiting":
        return await this.#line("waiting", waitingFields(event));
      case "started":
        return await this.#line("started", noteFields(event));
      case "stdout":
      case "stderr": {
        const text = this.#decoders[event.kind].decode(event.bytes, { stream: true });
        return await this.#line(event.kind, { text });
      }
      case "condition":
        return await this.#line(event.condition.kind, conditionFields(event.condition));
      case "item":
        return await this.#line("item", itemFields(event.item));
      case "item_bytes":
        return await this.#line("item_bytes", { data: event.bytes.toBase64() });
      case "item_end":
        return await this.#line("item_end", itemEndFields(event.problem));
      case "prompt":
        return await this.#line("prompt", { text: event.text });
      case "end":
        return await this.end(event.outcome, event.receipt);
      default:
        event satisfies never;
    }
  }

  /** Writes the last line; a character that was never finished gets one before it. */
  async end(outcome: Outcome, receipt: Receipt): Promise<void> {
    this.#ended = true;
    for (const stream of ["stdout", "stderr"] as const) {
      const text = this.#decoders[stream].decode();
      if (text !== "") await this.#line(stream, { text });
    }
    await this.#line("end", { ...endFields(outcome, receipt), job: this.#job });
  }

  async #line(event: string, fields: object): Promise<void> {
    const line = JSON.stringify({ event, ...fields });
    await this.#output.write(new TextEncoder().encode(`${line}\n`));
  }
}

function noteFields({ note }: { readonly note?: string | undefined }): object {
  return note === undefined ? {} : { note };
}

function createDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

/** A condition without its kind, which is the line's. */
function conditionFields({ kind: _, ...fields }: Condition): object {
  return fields;
}
