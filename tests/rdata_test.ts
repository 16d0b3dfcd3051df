/**
 * R's serialization format without R: any bytes are a value or `bad_value`, and what is written is
 * read again.
 */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import { fromRds } from "../rdata/rds.ts";
import { decodeValue } from "../rdata/read.ts";
import { type Attribute, NA_INTEGER, NULL, type RValue } from "../rdata/types.ts";
import { character, integer, isNaReal, list, NA_REAL, numeric } from "../rdata/values.ts";
import { encodeValue, type WriteOptions } from "../rdata/write.ts";
import { cells, ints, readsOrRefuses } from "./rdata/bytes.ts";
import { SEED, seeded } from "./random.ts";

const FORMS: readonly WriteOptions[] = [
  { version: 2, format: "xdr" },
  { version: 2, format: "binary" },
  { version: 3, format: "xdr" },
  { version: 3, format: "binary" },
];

Deno.test(`what is written is read again, in every form (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryValue(), fc.constantFrom(...FORMS), (value, form) => {
      assertEquals(bitsOf(decodeValue(write(value, form))), bitsOf(value));
    }),
    seeded(300),
  );
});

Deno.test(`any bytes are a value or bad_value (seed ${SEED})`, () => {
  const header = fc.constantFrom([0x58, 0x0a], [0x42, 0x0a]);
  const any = fc.tuple(header, fc.uint8Array({ maxLength: 200 }));
  fc.assert(
    fc.property(any, ([start, rest]) => readsOrRefuses(concat([new Uint8Array(start), rest]))),
    seeded(2000),
  );
});

Deno.test(`a value with some bytes changed is a value or bad_value (seed ${SEED})`, () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(arbitraryValue(), fc.constantFrom(...FORMS), changes, (value, form, list) => {
      const bytes = write(value, form);
      for (const [at, byte] of list) bytes[2 + at % (bytes.length - 2)] = byte;
      readsOrRefuses(bytes);
    }),
    seeded(2000),
  );
});

Deno.test(`a value that is cut off is bad_value, wherever it is cut (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryValue(), fc.constantFrom(...FORMS), fc.nat(), (value, form, cut) => {
      const bytes = write(value, form);
      const error = assertThrows(() => decodeValue(bytes.subarray(0, cut % bytes.length)));
      assertEquals((error as RtoolError).code, "bad_value");
    }),
    seeded(500),
  );
});

Deno.test("bytes behind a value are a fault", () => {
  const bytes = concat([...encodeValue(numeric([1])), new Uint8Array(3)]);
  const error = assertThrows(() => decodeValue(bytes), RtoolError);
  assertMatch(error.message, /^3 bytes follow the value \(at byte \d+\)$/);
});

Deno.test("a pairlist may be as long as it likes", () => {
  const value: RValue = {
    type: "list",
    form: "pairlist",
    values: Array.from({ length: 100_000 }, (_, index) => numeric([index])),
    attributes: [],
  };
  assertEquals(decodeValue(concat(encodeValue(value))), value);
});

Deno.test("numbers are a view of the bytes where they lie as this machine has them", () => {
  const bytes = new Uint8Array(concat(encodeValue(numeric(new Float64Array(1000)))));
  const header = bytes.length - 8000;
  const aligned = new Uint8Array(8 + bytes.length).subarray(
    8 - header % 8,
    8 - header % 8 + bytes.length,
  );
  aligned.set(bytes);
  const value = decodeValue(aligned);
  assert(value.type === "double" && value.values.buffer === aligned.buffer);
});

Deno.test("other formats are named", async () => {
  const text = new TextEncoder().encode("A\n3\n");
  assertThrows(() => decodeValue(text), RtoolError, "ASCII");
  assertThrows(() => decodeValue(new Uint8Array()), RtoolError, "not R's");
  for (
    const [magic, word] of [[[0x42, 0x5a, 0x68], /bzip2/], [[0xfd, 0x37, 0x7a, 0x58, 0x5a], /xz/]]
  ) {
    const error = await fromRds(new Uint8Array(magic as number[])).catch((error) => error);
    assertEquals(error.code, "bad_value");
    assertMatch(error.message, word as RegExp);
  }
});

Deno.test("compressed files are read, within bounds, and damaged ones refused", async () => {
  const value = character(["a", null, "é"]);
  const packed = await gzip(concat(encodeValue(value)));
  assertEquals(await fromRds(packed), value);
  const refused = async (bytes: Uint8Array<ArrayBuffer>, bytesMax: number) => {
    const error = await fromRds(bytes, { bytesMax }).catch((error) => error);
    assertEquals(error.code, "bad_value");
  };
  await refused(packed, 10);
  await refused(packed.slice(0, -9), 1000);
  await refused(await gzip(new Uint8Array(1 << 24)), 1 << 20);
});

Deno.test("a string that names no encoding is of the one in the header, or UTF-8", () => {
  const read = (encoding: string, ...bytes: number[]) => {
    const name = new TextEncoder().encode(encoding);
    const head = concat([ints(3, 0x040200, 0x030500, name.length), name]);
    const value = decodeValue(
      concat([head, ...cells(16, 1, 9, bytes.length), Uint8Array.of(...bytes)]),
    );
    return value.type === "character" ? value.values[0] : undefined;
  };
  assertEquals(read("UTF-8", 0xc3, 0xa9), "é");
  assertEquals(read("ISO-8859-1", 0xe9), "é");
  assertEquals(read("CP1252", 0x80), "€");
  assertEquals(read("EUC-JP", 0xc6, 0xfc), "日");
  assertEquals(read("nobody's", 0xc3, 0xa9), "é");
  assertEquals(read("UTF-8", 0xe9), Uint8Array.of(0xe9));
});

Deno.test("what R would refuse to read is not written", () => {
  const refused: [RValue, string][] = [
    [character(["a\0b"]), "NUL"],
    [character([Uint8Array.of(1, 0)]), "NUL"],
    [numeric([1], [["", NULL]]), "name of 0 bytes"],
    [numeric([1], [["é".repeat(5001), NULL]]), "name of 10002 bytes"],
  ];
  for (const [value, why] of refused) assertThrows(() => encodeValue(value), RtoolError, why);
});

Deno.test("parts take as much memory as they hold, however large and small ones take turns", () => {
  const parts = encodeValue(list(Array(100).fill(numeric(new Float64Array(512)))));
  const buffers = new Set(parts.map(({ buffer }) => buffer));
  const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert(held < 100_000, `${held} bytes`); // One buffer, and the vector that is there 100 times.
});

Deno.test("NA and NaN keep apart", () => {
  const value = decodeValue(concat(encodeValue(numeric(Float64Array.of(NA_REAL, NaN, 1)))));
  assert(value.type === "double");
  assertEquals([...value.values].map(isNaReal), [true, false, false]);
});

Deno.test("what is no data cannot be written", () => {
  const value: RValue = { type: "opaque", kind: "closure", description: "closure", attributes: [] };
  const error = assertThrows(() => encodeValue(list([value])), RtoolError);
  assertEquals([error.code, error.message], ["bad_value", "Cannot write closure: closure"]);
});

function write(value: RValue, form: WriteOptions): Uint8Array {
  return new Uint8Array(concat(encodeValue(value, form)));
}

/** A value with its numbers as bits: NaN by NaN. */
function bitsOf(value: RValue): unknown {
  if (value.type === "NULL") return value;
  const attributes = value.attributes.map(([name, each]) => [name, bitsOf(each)]);
  if (value.type === "double" || value.type === "complex") {
    return { ...value, attributes, values: [...new BigUint64Array(value.values.slice().buffer)] };
  }
  if (value.type !== "list") return { ...value, attributes };
  return { ...value, attributes, values: value.values.map(bitsOf) };
}

function arbitraryValue(depth = 2): fc.Arbitrary<RValue> {
  const attributes = depth === 0
    ? fc.constant<Attribute[]>([])
    : fc.array(fc.tuple(arbitraryName(), arbitraryValue(depth - 1)), { maxLength: 2 });
  const texts = fc.array(
    fc.option(fc.oneof(arbitraryName(), fc.string({ unit: "grapheme" })), { nil: null }),
  );
  const ints = fc.array(fc.oneof(fc.integer(), fc.constant(NA_INTEGER)), { maxLength: 20 });
  const doubles = fc.array(fc.oneof(fc.double(), fc.constant(NA_REAL)), { maxLength: 20 });
  const atoms: fc.Arbitrary<RValue>[] = [
    fc.constant(NULL),
    fc.tuple(texts, attributes).map(([values, given]) => character(values.map(clean), given)),
    fc.tuple(ints, attributes).map(([values, given]) => integer(values, given)),
    fc.tuple(doubles, attributes).map(([values, given]) => numeric(values, given)),
    fc.tuple(fc.uint8Array(), attributes).map(([values, given]) => ({
      type: "raw" as const,
      values,
      attributes: given,
    })),
  ];
  if (depth === 0) return fc.oneof(...atoms);
  const values = fc.array(arbitraryValue(depth - 1), { maxLength: 4 });
  const lists = fc.tuple(values, attributes).map(([each, given]) => list(each, given));
  return fc.oneof(...atoms, lists);
}

/** R's strings hold no NUL and are whole characters. */
function clean(text: string | null): string | null {
  return text === null ? null : text.replaceAll("\0", "").toWellFormed();
}

function arbitraryName(): fc.Arbitrary<string> {
  return fc.constantFrom("names", "class", "dim", "levels", "note", "row.names", "é");
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
