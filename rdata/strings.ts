/**
 * R's strings as text: the encodings R marks them with.
 *
 * Part of read.ts.
 */

import { ENCODING } from "./format.ts";
import type { RString } from "./types.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Up to this many bytes, making text by hand is faster than asking the decoder. */
const SHORT = 24;

/** The text of a string's bytes; what is not what it says it is stays bytes. */
export function decodeString(bytes: Uint8Array, levels: number, nativeIsLatin1: boolean): RString {
  if (levels & ENCODING.BYTES) return bytes.slice();
  const ascii = bytes.length <= SHORT ? maybeAscii(bytes) : undefined;
  if (ascii !== undefined) return ascii;
  const marked = levels & (ENCODING.UTF8 | ENCODING.LATIN1 | ENCODING.ASCII);
  if (levels & ENCODING.LATIN1 || (!marked && nativeIsLatin1)) return latin1(bytes);
  try {
    return strict.decode(bytes);
  } catch {
    return bytes.slice();
  }
}

function maybeAscii(bytes: Uint8Array): string | undefined {
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte > 127) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** ISO 8859-1, whose every byte is the character of its number; the web's "latin1" is not. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}
