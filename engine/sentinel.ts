/**
 * Cuts what R writes into the user's bytes and our marks. No I/O.
 *
 * A mark is `sentinel kind length payload`: the sentinel is the byte 0x1E and the job's nonce (32
 * hexadecimal digits), the kind one letter, the length eight hexadecimal digits. Only new bytes are
 * searched, plus a sentinel's length; docs/ENGINE.md lists the kinds.
 */

import { RtoolError } from "../core/errors.ts";

/** The byte every sentinel begins with: ASCII record separator, which no text uses. */
const RECORD_SEPARATOR = 0x1e;
const NONCE_BYTES = 32;
const NONCE = /^[0-9a-f]{32}$/;
const SENTINEL_BYTES = 1 + NONCE_BYTES;
const HEADER_BYTES = SENTINEL_BYTES + 1 + 8;

/** Our own marks are small; a longer one is a forgery or a bug. */
const PAYLOAD_BYTES_MAX = 4 << 20;

/** What a stream of R holds. */
export type Piece =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | {
    readonly kind: "mark";
    readonly nonce: string;
    readonly mark: string;
    readonly payload: Uint8Array;
  };

const EMPTY = new Uint8Array(0);
const decoder = new TextDecoder();

/** One stream of one R process. `expect` names whose marks may come next. */
export class SentinelDecoder {
  #buffer: Uint8Array = EMPTY;
  #nonces: { has(nonce: string): boolean } = new Set<string>();

  /**
   * Whose marks to look for from here on: one nonce, or a set that its owner keeps up to date. Only
   * between calls of {@linkcode next}.
   */
  expect(nonces: string | ReadonlySet<string>): void {
    if (typeof nonces === "string" && !NONCE.test(nonces)) {
      throw new RtoolError("internal", `Cannot use a nonce of ${nonces.length} characters`);
    }
    this.#nonces = typeof nonces === "string" ? new Set([nonces]) : nonces;
  }

  /** Adds bytes; the chunk is kept, not copied, where possible. */
  push(chunk: Uint8Array): void {
    if (this.#buffer.length === 0) {
      this.#buffer = chunk;
      return;
    }
    const joined = new Uint8Array(this.#buffer.length + chunk.length);
    joined.set(this.#buffer);
    joined.set(chunk, this.#buffer.length);
    this.#buffer = joined;
  }

  /** The next piece, or `undefined` when more bytes are needed. */
  next(): Piece | undefined {
    const at = this.#find();
    if (at > 0) return { kind: "bytes", bytes: this.#take(at) };
    const buffer = this.#buffer;
    if (buffer.length < HEADER_BYTES) return undefined;
    const digits = decoder.decode(buffer.subarray(SENTINEL_BYTES + 1, HEADER_BYTES));
    const length = parseInt(digits, 16);
    if (!/^[0-9a-f]{8}$/.test(digits) || length > PAYLOAD_BYTES_MAX) {
      throw new RtoolError("bad_frame", "R sent a mark with an impossible length");
    }
    if (buffer.length < HEADER_BYTES + length) return undefined;
    const header = this.#take(HEADER_BYTES);
    return {
      kind: "mark",
      nonce: decoder.decode(header.subarray(1, SENTINEL_BYTES)),
      mark: String.fromCharCode(header[SENTINEL_BYTES]!),
      payload: this.#take(length),
    };
  }

  /** What is left at the end of the stream: the user's bytes, whatever they look like. */
  rest(): Uint8Array {
    return this.#take(this.#buffer.length);
  }

  #take(length: number): Uint8Array {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = length === this.#buffer.length ? EMPTY : this.#buffer.subarray(length);
    return taken;
  }

  /** How many bytes before the first sentinel, or before what may become one. */
  #find(): number {
    const buffer = this.#buffer;
    let at = buffer.indexOf(RECORD_SEPARATOR);
    while (at >= 0) {
      const end = Math.min(at + SENTINEL_BYTES, buffer.length);
      let next = at + 1;
      while (next < end && isHexDigit(buffer[next]!)) next++;
      if (next === end) {
        if (end - at < SENTINEL_BYTES) return at;
        if (this.#nonces.has(decoder.decode(buffer.subarray(at + 1, end)))) return at;
      }
      at = buffer.indexOf(RECORD_SEPARATOR, at + 1);
    }
    return buffer.length;
  }
}

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66);
}
