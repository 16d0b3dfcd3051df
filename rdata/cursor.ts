/**
 * Reads numbers and bytes off a byte array, never beyond its end.
 *
 * Part of read.ts. Big-endian is XDR's order, little-endian that of R's "binary" format.
 */

import { RtoolError } from "../core/errors.ts";
import { IS_LITTLE_ENDIAN, swapBytes } from "./byte_order.ts";

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
    const { buffer, byteOffset } = this.#elements(count, 4);
    return new Int32Array(buffer, byteOffset, count);
  }

  /** Doubles, likewise. */
  doubles(count: number): Float64Array {
    const { buffer, byteOffset } = this.#elements(count, 8);
    return new Float64Array(buffer, byteOffset, count);
  }

  /** What is wrong, and where. */
  fault(what: string, at = this.at): RtoolError {
    return new RtoolError("bad_value", `${what} (at byte ${at})`);
  }

  #elements(count: number, size: 4 | 8): Uint8Array {
    if (count > this.left / size) {
      throw this.fault(`R's data ends in a vector of ${count} elements`);
    }
    const bytes = this.take(count * size);
    if (this.littleEndian !== IS_LITTLE_ENDIAN) return swapBytes(bytes, size);
    return bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  }

  #need(count: number): void {
    if (count > this.left) throw this.fault("R's data ends too early");
  }
}
