/**
 * What a client sends with a job: the code as it arrives, the uploads, then the input, both as far
 * as they are granted.
 *
 * Part of the native door.
 */

import { concat } from "../core/bytes.ts";
import { Channel } from "../core/channel.ts";
import { RtoolError } from "../core/errors.ts";
import type { JobRequest } from "../core/job.ts";
import type { Submission } from "../messages.ts";
import { WINDOW_BYTES } from "../protocol.ts";
import { Spool } from "./native_spool.ts";

/** Uploads are granted again in steps of so many bytes. */
const GRANT_BYTES = WINDOW_BYTES / 4;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One submission on its way in. */
export class NativeUpload {
  readonly #submission: Submission;
  readonly #grant: (bytes: number) => void;
  readonly #spool: Spool;
  readonly #code: Uint8Array[] = [];
  #codeBytes = 0;
  readonly #input: Channel<Uint8Array> | undefined;
  #inputCredit = WINDOW_BYTES;
  #ungranted = 0;

  /** `grant` is called as input is read; uploads are kept in files in `dir`. */
  constructor(submission: Submission, dir: string, grant: (bytes: number) => void) {
    this.#submission = submission;
    this.#grant = grant;
    this.#spool = new Spool(dir, submission.request.uploads);
    if (submission.hasInput) this.#input = new Channel(WINDOW_BYTES, (bytes) => bytes.length);
  }

  /** Whether all of the code and the uploads have arrived. */
  get complete(): boolean {
    return this.#codeBytes === this.#submission.codeBytes && this.#spool.complete;
  }

  takeCode(bytes: Uint8Array): void {
    this.#codeBytes += bytes.length;
    if (this.#codeBytes > this.#submission.codeBytes) {
      throw new RtoolError("bad_frame", "More code was sent than was announced");
    }
    this.#code.push(bytes);
  }

  /** A piece of the uploads. */
  takeUpload(bytes: Uint8Array): void {
    this.#spool.take(bytes);
    this.#ungranted += bytes.length;
    if (this.#ungranted < GRANT_BYTES) return;
    this.#grant(this.#ungranted);
    this.#ungranted = 0;
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
    const code = decodeCode(concat(this.#code));
    return { ...this.#submission.request, code, input, uploads: this.#spool.files };
  }

  /** The job was taken: its files are the engine's. */
  release(): void {
    this.#spool.release();
  }

  /** Nobody reads the input any more. */
  close(): void {
    this.#input?.discard();
    this.#spool.discard();
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
