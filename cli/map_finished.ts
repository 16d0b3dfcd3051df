/**
 * Which items of an earlier run have finished, and what they were: nine bytes for each.
 */

import { RtoolError } from "../core/errors.ts";
import { ITEMS_MAX } from "./map_input.ts";
import type { ResultHead } from "./map_result.ts";

const [UNKNOWN, OK, FAILED] = [0, 1, 2];

/** The finished items. */
export class Finished {
  #states = new Uint8Array(1024);
  #digests = new BigUint64Array(1024);
  #count = 0;
  #failed = 0;
  #end = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** How many of them failed. */
  get failed(): number {
    return this.#failed;
  }

  /** The index behind the last. */
  get end(): number {
    return this.#end;
  }

  /** Notes a result; false when it cannot be, or there is one of this item already. */
  add({ index, isOk, item }: ResultHead): boolean {
    if (index >= ITEMS_MAX) return false;
    this.#reserve(index + 1);
    if (this.#states[index] !== UNKNOWN) return false;
    this.#states[index] = isOk ? OK : FAILED;
    this.#digests[index] = BigInt(`0x${item}`);
    this.#count++;
    if (!isOk) this.#failed++;
    this.#end = Math.max(this.#end, index + 1);
    return true;
  }

  /** Whether this item has finished; throws when the one that has was another. */
  has(index: number, digest: string): boolean {
    if (index >= this.#end || this.#states[index] === UNKNOWN) return false;
    if (this.#digests[index] === BigInt(`0x${digest}`)) return true;
    throw new RtoolError(
      "usage",
      `Cannot resume: item ${index} is not the one that the results have`,
      { hint: "resume with the input as it was, or begin anew with another -o FILE" },
    );
  }

  #reserve(length: number): void {
    if (length <= this.#states.length) return;
    const room = Math.max(length, 2 * this.#states.length);
    const [states, digests] = [new Uint8Array(room), new BigUint64Array(room)];
    states.set(this.#states);
    digests.set(this.#digests);
    this.#states = states;
    this.#digests = digests;
  }
}
