/**
 * One job's stream on a native connection: the code as it arrives, the input, the credit.
 *
 * Part of the native door.
 */

import { concat } from "../core/bytes.ts";
import { Channel } from "../core/channel.ts";
import { RtoolError } from "../core/errors.ts";
import type { Job, JobRequest } from "../core/job.ts";
import type { Submission } from "../messages.ts";
import { encodeWindow, WINDOW_BYTES } from "../protocol.ts";
import type { Link } from "../wire.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** State of a stream between its `submit` and its `end`. */
export class NativeStream {
  readonly id: number;
  #job: Job | undefined;
  #cancelled = false;
  readonly #link: Link;
  readonly #submission: Submission;
  readonly #code: Uint8Array[] = [];
  #codeBytes = 0;
  readonly #input: Channel<Uint8Array> | undefined;
  #inputCredit = WINDOW_BYTES;
  #credit = WINDOW_BYTES;
  #waiting: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(id: number, link: Link, submission: Submission) {
    this.id = id;
    this.#link = link;
    this.#submission = submission;
    if (submission.hasInput) this.#input = new Channel(WINDOW_BYTES, (bytes) => bytes.length);
  }

  /** Whether all of the code has arrived. */
  get complete(): boolean {
    return this.#codeBytes === this.#submission.codeBytes;
  }

  takeCode(bytes: Uint8Array): void {
    this.#codeBytes += bytes.length;
    if (this.#codeBytes > this.#submission.codeBytes) {
      throw new RtoolError("bad_frame", "More code was sent than was announced");
    }
    this.#code.push(bytes);
  }

  /** A piece of the job's input; an empty one is its end. */
  takeInput(bytes: Uint8Array): void {
    if (!this.#input) throw new RtoolError("bad_frame", "Input was sent that was not announced");
    if (bytes.length === 0) return this.#input.close();
    this.#inputCredit -= bytes.length;
    if (this.#inputCredit < 0) {
      throw new RtoolError("bad_frame", "More input was sent than granted");
    }
    this.#input.push(bytes);
  }

  /** The whole request; throws `bad_request` when the code is no UTF-8. */
  request(): JobRequest {
    const input = this.#input ? this.#granting(this.#input) : undefined;
    return { ...this.#submission.request, code: decodeCode(concat(this.#code)), input };
  }

  /** The client takes so many bytes more. */
  grant(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit >= 0) this.#waiting?.resolve();
  }

  /** Uses credit up; a promise when there is none left and the sender must wait. */
  spend(bytes: number): Promise<void> | undefined {
    this.#credit -= bytes;
    if (this.#credit >= 0 || this.#closed) return undefined;
    this.#waiting = Promise.withResolvers<void>();
    return this.#waiting.promise;
  }

  /** The client asks for the job to stop. */
  cancel(): void {
    this.#cancelled = true;
    this.#job?.cancel({ kind: "cancelled", reason: "client" });
  }

  /** The evaluator has taken the job. */
  accept(job: Job): void {
    this.#job = job;
    if (this.#cancelled) this.cancel();
  }

  /** Lets go of whoever waits on this stream. */
  close(): void {
    this.#closed = true;
    this.#waiting?.resolve();
    this.#input?.discard();
  }

  async *#granting(input: Channel<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of input) {
      yield bytes;
      this.#inputCredit += bytes.length;
      this.#link.send(encodeWindow(this.id, bytes.length));
    }
  }
}

function decodeCode(code: Uint8Array): string {
  try {
    return decoder.decode(code);
  } catch (cause) {
    throw new RtoolError("bad_request", "The code is not UTF-8", { cause });
  }
}
