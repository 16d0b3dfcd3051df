/**
 * Reads numbers and bytes off a byte array, never beyond its end.
 *
 * Part of read.ts. Big-endian is XDR's order, little-endian that of R's "binary" format.
 */

import { RtoolError } from "../core/errors.ts";

/** A place in bytes. */
export class Cursor {
  at = 0;
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, at: number, littleEndian: boolean) {
    this.bytes = bytes;
    this.at = at;
    this.littleEndian = littleEndian;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  int(): number {
    this.#need(4);
    const value = this.#view.getInt32(this.at, this.littleEndian);
    this.at += 4;
    return value;
  }

  /** The bytes themselves, not a copy. */
  take(count: number): Uint8Array {
    this.#need(count);
    const taken = this.bytes.subarray(this.at, this.at + count);
    this.at += count;
    return taken;
  }

  /** 32-bit integers: a view where they lie as this machine has them, else a copy. */
  ints(count: number): Int32Array {
    const bytes = this.#elements(count, 4);
    if (!this.#isNative) return new Int32Array(this.#swapped(bytes, 4));
    return isAligned(bytes, 4)
      ? new Int32Array(bytes.buffer, bytes.byteOffset, count)
      : new Int32Array(bytes.slice().buffer);
  }

  /** Doubles, likewise. */
  doubles(count: number): Float64Array {
    const bytes = this.#elements(count, 8);
    if (!this.#isNative) return new Float64Array(this.#swapped(bytes, 8));
    return isAligned(bytes, 8)
      ? new Float64Array(bytes.buffer, bytes.byteOffset, count)
      : new Float64Array(bytes.slice().buffer);
  }

  /** What is wrong, and where. */
  fault(what: string, at = this.at): RtoolError {
    return new RtoolError("bad_value", `${what} (at byte ${at})`);
  }

  get #isNative(): boolean {
    return this.littleEndian === IS_LITTLE_ENDIAN;
  }

  #elements(count: number, size: number): Uint8Array {
    if (count > this.left / size) {
      throw this.fault(`R's data ends in a vector of ${count} elements`);
    }
    return this.take(count * size);
  }

  #need(count: number): void {
    if (count > this.left) throw this.fault("R's data ends too early");
  }

  #swapped(bytes: Uint8Array, size: number): ArrayBuffer {
    const copy = bytes.slice();
    for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse();
    return copy.buffer as ArrayBuffer;
  }
}

/** Whether this machine has the low byte first. */
export const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function isAligned(bytes: Uint8Array, size: number): boolean {
  return bytes.byteOffset % size === 0;
}
