/**
 * Character encodings of the rpy2 wire: labels as Python spells them, text to bytes and back.
 *
 * Decoding is the platform's TextDecoder; encoding into single-byte sets is its inverse, made once
 * from the decoder itself. No I/O.
 */

import { RtoolError } from "./errors.ts";

/** One encoding, both ways. */
export interface Charset {
  /** Bytes to text; throws `bad_request` when they are not of this encoding. */
  decode(bytes: Uint8Array): string;
  /** Text to bytes; what has no place in the encoding becomes `<U+XXXX>`, as R prints it. */
  encode(text: string): Uint8Array;
}

/** Python's names that the web's registry of labels does not know, without separators. */
const PYTHON_NAMES: Readonly<Record<string, string>> = {
  ascii: "us-ascii",
  usascii: "us-ascii",
  646: "us-ascii",
  utf8: "utf-8",
  u8: "utf-8",
  utf: "utf-8",
  utf8sig: "utf-8",
  cp65001: "utf-8",
  latin1: "iso-8859-1",
  latin: "iso-8859-1",
  l1: "iso-8859-1",
  88591: "iso-8859-1",
  iso88591: "iso-8859-1",
  latin9: "iso-8859-15",
  l9: "iso-8859-15",
  macroman: "macintosh",
  cp874: "windows-874",
  cp819: "iso-8859-1",
};

/** Finds an encoding by the name Python, R or the web gives it, or `undefined`. */
export function maybeCharset(label: string): Charset | undefined {
  const bare = label.toLowerCase().replaceAll(/[\s_-]/g, "");
  const name = PYTHON_NAMES[bare] ?? label.trim().toLowerCase().replaceAll("_", "-");
  if (name === "utf-8") return createUtf8();
  if (name === "us-ascii") return createSingleByte("US-ASCII", (byte) => byte < 128 ? byte : -1);
  // The web reads ISO-8859-1 as windows-1252; Python and R do not.
  if (name === "iso-8859-1") return createSingleByte("ISO-8859-1", (byte) => byte);
  // The web reads some ISO sets as Windows code pages, which put letters where ISO has controls.
  const iso = /^(iso8859\d+|latin\d|l\d)$/.test(bare);
  for (const candidate of [name, bare, bare.replace(/^cp125/, "windows-125"), dashed(bare)]) {
    const found = maybeTable(candidate);
    if (found) {
      return createSingleByte(found.name, (byte) => {
        return iso && byte >= 0x80 && byte < 0xa0 ? byte : found.units[byte]!;
      });
    }
  }
  return undefined;
}

/** `iso885915` as `iso-8859-15`. */
function dashed(bare: string): string {
  return bare.replace(/^iso8859(\d+)$/, "iso-8859-$1");
}

function createUtf8(): Charset {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const encoder = new TextEncoder();
  return {
    decode: (bytes) => {
      try {
        return decoder.decode(bytes);
      } catch (cause) {
        throw new RtoolError("bad_request", "The code is not UTF-8, as its first line says", {
          cause,
        });
      }
    },
    encode: (text) => encoder.encode(text),
  };
}

/** What the platform reads but this file cannot write. */
const MULTI_BYTE = new Set([
  ...["big5", "euc-jp", "euc-kr", "gb18030", "gbk", "iso-2022-jp", "shift_jis"],
  ...["utf-8", "utf-16be", "utf-16le", "x-user-defined"],
]);

/** The 256 characters of a single-byte encoding the platform knows. */
function maybeTable(label: string): { name: string; units: number[] } | undefined {
  try {
    const decoder = new TextDecoder(label);
    if (MULTI_BYTE.has(decoder.encoding)) return undefined;
    const units = Array.from({ length: 256 }, (_, byte) => {
      const text = decoder.decode(Uint8Array.of(byte));
      return text.length === 1 && text !== "\ufffd" ? text.charCodeAt(0) : -1;
    });
    return { name: label, units };
  } catch {
    return undefined;
  }
}

function createSingleByte(name: string, unitOf: (byte: number) => number): Charset {
  const units = Array.from({ length: 256 }, (_, byte) => unitOf(byte));
  const byteOf = new Map(units.map((unit, byte) => [unit, byte] as const).filter(([u]) => u >= 0));
  return {
    decode: (bytes) => {
      const bad = bytes.findIndex((byte) => units[byte]! < 0);
      if (bad >= 0) {
        const shown = bytes[bad]!.toString(16).toUpperCase();
        throw new RtoolError(
          "bad_request",
          `The code holds the byte 0x${shown}, which is not ${name}`,
        );
      }
      let text = "";
      for (let at = 0; at < bytes.length; at += 4096) {
        text += String.fromCharCode(...Array.from(bytes.subarray(at, at + 4096), (b) => units[b]!));
      }
      return text;
    },
    encode: (text) => encodeSingleByte(text, byteOf),
  };
}

/** Longest stand-in for a character: `<U+10FFFF>`. */
const STAND_IN_BYTES = 10;

function encodeSingleByte(text: string, byteOf: ReadonlyMap<number, number>): Uint8Array {
  let bytes = new Uint8Array(text.length + STAND_IN_BYTES);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point > 0xffff) i++;
    const byte = byteOf.get(point);
    // Room for this character and for one byte for each that follows.
    const needed = at + STAND_IN_BYTES + text.length - i;
    if (needed > bytes.length) bytes = grown(bytes, needed * 2);
    if (byte !== undefined) {
      bytes[at++] = byte;
    } else {
      const standIn = `<U+${point.toString(16).toUpperCase().padStart(4, "0")}>`;
      for (let k = 0; k < standIn.length; k++) bytes[at++] = standIn.charCodeAt(k);
    }
  }
  return bytes.subarray(0, at);
}

function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}
