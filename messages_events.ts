/**
 * A job's events as frames, both ways: what the native door sends, and what queues keep.
 *
 * Part of messages.ts. No I/O.
 */

import { asFields, parseCondition } from "./core/condition.ts";
import type { JobEvent } from "./core/job.ts";
import {
  outcomeFields,
  parseOutcome,
  parseReceipt,
  parseWaiting,
  receiptFields,
  waitingFields,
} from "./messages.ts";
import { itemEndFields, itemFields, parseItem, parseItemEnd } from "./messages_items.ts";
import { decodeJson, encodeFrame, encodeJson, type Frame } from "./protocol.ts";

/** An event as a frame of stream `id`. */
export function encodeEvent(id: number, event: JobEvent): Uint8Array {
  switch (event.kind) {
    case "stdout":
    case "stderr":
    case "item_bytes":
      return encodeFrame(event.kind, id, event.bytes);
    case "item":
      return encodeJson("item", id, itemFields(event.item));
    case "item_end":
      return encodeJson("item_end", id, itemEndFields(event.problem));
    case "prompt":
      return encodeJson("prompt", id, { text: event.text });
    case "condition":
      return encodeJson("condition", id, event.condition);
    case "waiting":
      return encodeJson("waiting", id, waitingFields(event));
    case "started":
      return encodeJson("started", id, event.note === undefined ? {} : { note: event.note });
    case "end":
      return encodeJson("end", id, {
        outcome: outcomeFields(event.outcome),
        receipt: receiptFields(event.receipt),
      });
    default:
      return event satisfies never;
  }
}

/** The event a frame holds, or `undefined` when it holds none. */
export function maybeEvent(frame: Frame): JobEvent | undefined {
  switch (frame.kind) {
    case "stdout":
    case "stderr":
    case "item_bytes":
      return { kind: frame.kind, bytes: frame.payload };
    case "waiting":
      return parseWaiting(decodeJson(frame));
    case "started": {
      const { note } = decodeJson(frame);
      return { kind: "started", note: typeof note === "string" ? note : undefined };
    }
    case "condition":
      return { kind: "condition", condition: parseCondition(decodeJson(frame)) };
    case "item":
      return { kind: "item", item: parseItem(decodeJson(frame)) };
    case "item_end":
      return { kind: "item_end", problem: parseItemEnd(decodeJson(frame)) };
    case "prompt":
      return { kind: "prompt", text: String(decodeJson(frame)["text"]) };
    case "end": {
      const { outcome, receipt } = decodeJson(frame);
      return {
        kind: "end",
        outcome: parseOutcome(asFields(outcome)),
        receipt: parseReceipt(asFields(receipt)),
      };
    }
    default:
      return undefined;
  }
}
