/**
 * The order of bytes within a number: this machine's, and the opposite.
 */

/** Whether this machine has the low byte first. */
export const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** A copy in which each number of so many bytes has them in the opposite order. */
export function swapBytes(bytes: Uint8Array, size: 4 | 8): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  const words = new Uint32Array(copy.buffer);
  if (size === 4) {
    for (let at = 0; at < words.length; at++) words[at] = swapWord(words[at]!);
    return copy;
  }
  for (let at = 0; at < words.length; at += 2) {
    const first = words[at]!;
    words[at] = swapWord(words[at + 1]!);
    words[at + 1] = swapWord(first);
  }
  return copy;
}

function swapWord(word: number): number {
  return word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24;
}
