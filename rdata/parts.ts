/**
 * Bytes on their way out: small things gathered, large ones passed on as they are.
 *
 * Part of write.ts.
 */

import { IS_LITTLE_ENDIAN, swapBytes } from "./byte_order.ts";

const BUFFER_BYTES = 1 << 16;

/** From so many bytes on, a vector is a part of its own. */
const OWN_PART_BYTES = 1 << 12;

const encoder = new TextEncoder();

/** A growing list of byte arrays. */
export class Parts {
  readonly #littleEndian: boolean;
  readonly #done: Uint8Array[] = [];
  #buffer = new Uint8Array(BUFFER_BYTES);
  #view = new DataView(this.#buffer.buffer);
  /** Where the part begins that is not done. */
  #from = 0;
  #used = 0;

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  /** All parts, in order. */
  all(): Uint8Array[] {
    this.#flush();
    return this.#done;
  }

  int(value: number): void {
    this.#room(4);
    this.#view.setInt32(this.#used, value, this.#littleEndian);
    this.#used += 4;
  }

  /** ASCII. */
  text(text: string): void {
    this.bytes(encoder.encode(text));
  }

  bytes(bytes: Uint8Array): void {
    if (bytes.length >= OWN_PART_BYTES) {
      this.#flush();
      this.#done.push(bytes);
      return;
    }
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  numbers(values: Int32Array | Float64Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const isNative = this.#littleEndian === IS_LITTLE_ENDIAN;
    this.bytes(isNative ? bytes : swapBytes(bytes, values instanceof Int32Array ? 4 : 8));
  }

  /** Flags, length and UTF-8 of a string; the flags depend on whether it is ASCII. */
  string(text: string, flags: (isAscii: boolean) => number): void {
    const most = 3 * text.length;
    if (most >= OWN_PART_BYTES) {
      const bytes = encoder.encode(text);
      this.int(flags(bytes.length === text.length));
      this.int(bytes.length);
      return this.bytes(bytes);
    }
    this.#room(8 + most);
    const at = this.#used;
    const { written } = encoder.encodeInto(text, this.#buffer.subarray(at + 8));
    this.int(flags(written === text.length));
    this.int(written);
    this.#used += written;
  }

  #room(bytes: number): void {
    if (this.#used + bytes <= BUFFER_BYTES) return;
    this.#flush();
    this.#buffer = new Uint8Array(BUFFER_BYTES);
    this.#view = new DataView(this.#buffer.buffer);
    this.#from = this.#used = 0;
  }

  /** What follows goes on in the same buffer: a few bytes between two vectors cost no new one. */
  #flush(): void {
    if (this.#used === this.#from) return;
    this.#done.push(this.#buffer.subarray(this.#from, this.#used));
    this.#from = this.#used;
  }
}
