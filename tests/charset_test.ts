/**
 * Encodings of the rpy2 wire: the names Python gives them, and text to bytes and back.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Charset, maybeCharset } from "../core/charset.ts";
import { RtoolError } from "../core/errors.ts";
import { SEED, seeded } from "./random.ts";

/** Names as Python 3 knows them (`encodings.aliases`), as R and the web write them, by encoding. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "utf-8": ["UTF-8", "utf8", "utf_8", "U8", "UTF", "utf8-sig", "utf_8_sig", "cp65001", " utf-8\r"],
  "ascii": ["ascii", "ASCII", "us-ascii", "US_ASCII", "646"],
  "latin1": ["latin1", "Latin-1", "latin_1", "L1", "ISO-8859-1", "iso8859-1", "ISO8859_1", "cp819"],
  "cp1252": ["cp1252", "CP1252", "windows-1252", "windows_1252"],
  "cp1251": ["cp1251", "windows-1251"],
  "cp866": ["cp866", "IBM866", "866"],
  "latin9": ["iso8859-15", "ISO-8859-15", "iso8859_15", "L9", "latin9", "latin_9"],
  "latin2": ["iso8859-2", "ISO_8859-2", "latin2", "l2"],
  "greek": ["iso8859-7", "greek"],
  "koi8-r": ["koi8-r", "KOI8_R", "koi8_r"],
  "koi8-u": ["koi8-u", "koi8_u"],
  "mac-roman": ["macintosh", "mac_roman", "macroman"],
  "thai": ["windows-874", "cp874"],
};

/** What tells these encodings apart: one byte, and what it stands for. */
const SPECIMENS: Readonly<Record<string, readonly [byte: number, text: string]>> = {
  "latin1": [0x80, "\u0080"],
  "cp1252": [0x80, "€"],
  "cp1251": [0xe6, "ж"],
  "cp866": [0xa6, "ж"],
  "latin9": [0xa4, "€"],
  "latin2": [0xb1, "ą"],
  "greek": [0xe1, "α"],
  "koi8-r": [0xd6, "ж"],
  "koi8-u": [0xa4, "є"],
  "mac-roman": [0x8a, "ä"],
  "thai": [0xa1, "ก"],
};

/** One name of each. */
const LABELS = Object.values(NAMES).map(([label]) => label!);

for (const [name, labels] of Object.entries(NAMES)) {
  Deno.test(`maybeCharset() knows ${name} under ${labels.length} names`, () => {
    const [byte, text] = SPECIMENS[name] ?? [0x41, "A"];
    for (const label of labels) {
      const charset = maybeCharset(label);
      assert(charset, `${JSON.stringify(label)} is not known`);
      assertEquals(charset.decode(Uint8Array.of(byte)), text, label);
      assertEquals([...charset.encode(text)], [byte], label);
    }
  });
}

Deno.test("maybeCharset() does not know what is no single-byte encoding, nor what is no label", () => {
  const labels = ["utf-16", "utf-16le", "UTF-32", "shift_jis", "gb18030", "gbk", "euc-jp", "big5"];
  for (
    const label of [...labels, "replacement", "", " ", "x", "RTOOL/1", "__proto__", "constructor"]
  ) {
    assertEquals(maybeCharset(label), undefined, label);
  }
});

Deno.test("ISO 8859-9 and -11 are Python's and R's too, not the web's Windows code pages", () => {
  for (const label of ["iso8859-9", "iso8859-11"]) {
    assertEquals(charsetOf(label).decode(Uint8Array.of(0x80)), "\u0080", label);
  }
});

Deno.test("Latin-1 is Python's and R's, not the web's: each byte is the character of its number", () => {
  const latin1 = charsetOf("latin1");
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const text = latin1.decode(all);
  assertEquals([...text].map((character) => character.codePointAt(0)), [...all]);
  assertEquals(latin1.encode(text), all);
  assertEquals(ascii(latin1.encode("€")), "<U+20AC>");
});

Deno.test("ASCII refuses a byte over 127 and names it", () => {
  const error = assertThrows(() => charsetOf("ascii").decode(Uint8Array.of(65, 0xe9)), RtoolError);
  assertEquals(error.code, "bad_request");
  assertStringIncludes(error.message, "0xE9");
});

Deno.test("UTF-8 refuses what is none", () => {
  for (
    const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80]]
  ) {
    const decode = () => charsetOf("utf-8").decode(Uint8Array.from(bytes));
    assertEquals(assertThrows(decode, RtoolError).code, "bad_request");
  }
});

Deno.test("a byte that an encoding leaves free is refused", () => {
  const decode = () => charsetOf("iso8859-7").decode(Uint8Array.of(0xff));
  assertEquals(assertThrows(decode, RtoolError).code, "bad_request");
});

Deno.test("what has no place in an encoding is written as R prints it", () => {
  const cases = [
    ["latin1", "a€b", "a<U+20AC>b"],
    ["ascii", "é", "<U+00E9>"],
    ["ascii", "\u0001\t\n", "\u0001\t\n"],
    ["cp1252", "😀", "<U+1F600>"],
    ["cp1252", "\ufffd", "<U+FFFD>"],
    ["ascii", "e\u0301", "e<U+0301>"],
  ];
  for (const [label = "", text = "", written = ""] of cases) {
    assertEquals(ascii(charsetOf(label).encode(text)), written);
  }
});

Deno.test(`every byte an encoding has comes back as it went (seed ${SEED})`, () => {
  const labels = LABELS.filter((label) => label !== "UTF-8");
  fc.assert(
    fc.property(fc.constantFrom(...labels), fc.uint8Array({ maxLength: 50 }), (label, bytes) => {
      const charset = charsetOf(label);
      const text = maybeDecode(charset, bytes);
      if (text !== undefined) assertEquals(charset.encode(text), bytes);
    }),
    seeded(500),
  );
});

Deno.test(`text comes back as it went, or with <U+XXXX> in it (seed ${SEED})`, () => {
  const point = fc.oneof(fc.nat(0x17f), fc.integer({ min: 0xe000, max: 0x10ffff }))
    .filter((each) => each !== 0xfeff); // A mark of UTF-8 is no text.
  const texts = fc.array(point, { maxLength: 30 }).map((all) => String.fromCodePoint(...all));
  fc.assert(
    fc.property(fc.constantFrom(...LABELS), texts, (label, text) => {
      const charset = charsetOf(label);
      const back = charset.decode(charset.encode(text));
      const unescaped = back.replace(/<U\+([0-9A-F]{4,6})>/g, (_, hex) => {
        return String.fromCodePoint(parseInt(hex, 16));
      });
      assertEquals(unescaped, text);
    }),
    seeded(500),
  );
});

Deno.test("megabytes are decoded and encoded whole", () => {
  const latin1 = charsetOf("latin1");
  const bytes = Uint8Array.from({ length: 1_000_001 }, (_, index) => index);
  assertEquals(latin1.encode(latin1.decode(bytes)).length, bytes.length);
});

function charsetOf(label: string): Charset {
  const charset = maybeCharset(label);
  assert(charset, `${label} is not known`);
  return charset;
}

function maybeDecode(charset: Charset, bytes: Uint8Array): string | undefined {
  try {
    return charset.decode(bytes);
  } catch {
    return undefined;
  }
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
