/**
 * R's strings as text: the encodings R marks them with.
 *
 * Part of read.ts.
 */

import { ENCODING } from "./format.ts";
import type { RString } from "./types.ts";

const strict = { fatal: true, ignoreBOM: true };
const utf8 = new TextDecoder("utf-8", strict);

/** R takes Latin-1 for Windows' superset of it, on every system: its byte 0x80 is the euro sign. */
const latin1 = new TextDecoder("windows-1252", strict);

/** Up to this many bytes, making text by hand is faster than asking the decoder. */
const SHORT = 24;

/** What decodes strings of the encoding that R calls its native one; UTF-8 where it is unknown. */
export function nativeDecoder(name: string): TextDecoder {
  try {
    return new TextDecoder(name, strict);
  } catch {
    return utf8;
  }
}

/** The text of a string's bytes; what is not what it says it is stays bytes. */
export function decodeString(bytes: Uint8Array, levels: number, native: TextDecoder): RString {
  if (levels & ENCODING.BYTES) return bytes.slice();
  const ascii = bytes.length <= SHORT ? maybeAscii(bytes) : undefined;
  if (ascii !== undefined) return ascii;
  try {
    return decoderOf(levels, native).decode(bytes);
  } catch {
    return bytes.slice();
  }
}

function decoderOf(levels: number, native: TextDecoder): TextDecoder {
  if (levels & ENCODING.LATIN1) return latin1;
  return levels & (ENCODING.UTF8 | ENCODING.ASCII) ? utf8 : native;
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
