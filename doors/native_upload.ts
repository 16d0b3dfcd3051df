/**
 * What a client sends with a job: the code as it arrives, then the input, as far as it is granted.
 *
 * Part of the native door.
 */

import { concat } from "../core/bytes.ts";
import { Channel } from "../core/channel.ts";
import { RtoolError } from "../core/errors.ts";
import type { JobRequest } from "../core/job.ts";
import type { Submission } from "../messages.ts";
import { WINDOW_BYTES } from "../protocol.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One submission on its way in. */
export class NativeUpload {
  readonly #submission: Submission;
  readonly #grant: (bytes: number) => void;
  readonly #code: Uint8Array[] = [];
  #codeBytes = 0;
  readonly #input: Channel<Uint8Array> | undefined;
  #inputCredit = WINDOW_BYTES;

  /** `grant` is called as input is read. */
  constructor(submission: Submission, grant: (bytes: number) => void) {
    this.#submission = submission;
    this.#grant = grant;
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

  /** Nobody reads the input any more. */
  close(): void {
    this.#input?.discard();
  }

  async *#granting(input: Channel<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of input) {
      yield bytes;
      this.#inputCredit += bytes.length;
      this.#grant(bytes.length);
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
