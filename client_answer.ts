/**
 * The answer to one `control`, as the native client sees it: bytes in, one JSON object out.
 *
 * Part of client.ts.
 */

import { concat } from "./core/bytes.ts";
import { asFields, type Fields } from "./core/condition.ts";
import { RtoolError } from "./core/errors.ts";
import type { Outcome } from "./core/job.ts";
import { outcomeText } from "./core/outcome.ts";
import { parseOutcome } from "./messages.ts";
import { decodeJson, encodeWindow, type Frame } from "./protocol.ts";
import type { Link } from "./wire.ts";

/** Most bytes of an answer that are believed; a report of ten thousand jobs has 3 MB. */
const ANSWER_BYTES_MAX = 16 << 20;

/** One question's stream. */
export class ClientAnswer {
  /** The answer; rejects with the server's reason, or with that of the lost connection. */
  readonly fields: Promise<Fields>;
  readonly #id: number;
  readonly #link: Link;
  readonly #answer = Promise.withResolvers<Fields>();
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(id: number, link: Link) {
    this.#id = id;
    this.#link = link;
    this.fields = this.#answer.promise;
  }

  /** Takes a frame; true when it was the last. */
  take(frame: Frame): boolean {
    switch (frame.kind) {
      case "reply":
        this.#bytes += frame.payload.length;
        if (this.#bytes > ANSWER_BYTES_MAX) {
          throw new RtoolError("bad_frame", `An answer has more than ${ANSWER_BYTES_MAX} bytes`);
        }
        this.#parts.push(frame.payload);
        this.#link.send(encodeWindow(this.#id, frame.payload.length));
        return false;
      case "window":
        return false;
      case "end":
        this.#settle(parseOutcome(asFields(decodeJson(frame)["outcome"])));
        return true;
      default:
        throw new RtoolError("bad_frame", `A server may not answer with '${frame.kind}' frames`);
    }
  }

  /** An answer is held whole: its server never has to wait. */
  room(): undefined {
    return undefined;
  }

  fail(reason: RtoolError): void {
    this.#answer.reject(reason);
  }

  #settle(outcome: Outcome): void {
    if (outcome.kind === "ok") {
      const stream = this.#id;
      this.#answer.resolve(decodeJson({ kind: "reply", stream, payload: concat(this.#parts) }));
    } else {
      const code = outcome.kind === "rejected" ? outcome.code : "bad_frame";
      this.#answer.reject(new RtoolError(code, outcomeText(outcome)));
    }
  }
}
