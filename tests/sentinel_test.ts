/**
 * Cutting R's output into the user's bytes and our marks: no cutting of the reads and nothing the
 * user prints may change what comes out, and no byte may be lost.
 */

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import { SentinelDecoder } from "../engine/sentinel.ts";
import { chunksOf, cutAt, SEED, seeded } from "./random.ts";

const NONCE = "0123456789abcdef0123456789abcdef";
const OTHER = "fedcba9876543210fedcba9876543210";
const RS = "\x1e";

/** What came out: the user's bytes between the marks, joined, and the marks. */
type Found = (string | { readonly mark: string; readonly payload: string })[];

/** Everything that could be taken for a mark: beginnings of sentinels, and sentinels of others. */
const LOOKALIKES = [
  RS,
  RS + RS,
  RS + NONCE.slice(0, 1),
  RS + NONCE.slice(0, 31),
  RS + NONCE.slice(0, 31) + "x",
  RS + NONCE.slice(0, 5) + RS,
  RS + OTHER + "K00000000",
  "x" + NONCE + "K00000000",
  RS + NONCE.toUpperCase() + "K00000000",
];

const WIRE = bytesOf([
  "before",
  ...LOOKALIKES,
  mark("C", '{"kind":"message"}'),
  mark("N", "3"),
  "between",
  RS + NONCE.slice(0, 32 - 1),
  mark("T", "x".repeat(300) + RS),
  mark("K"),
  "behind" + RS,
]);
const EXPECTED: Found = [
  "before" + LOOKALIKES.join(""),
  { mark: "C", payload: '{"kind":"message"}' },
  { mark: "N", payload: "3" },
  "between" + RS + NONCE.slice(0, 31),
  { mark: "T", payload: "x".repeat(300) + RS },
  { mark: "K", payload: "" },
  "behind" + RS,
];

for (const size of [1, 2, 3, 5, 7, 33, 42, 4096]) {
  Deno.test(`SentinelDecoder gives the same pieces in chunks of ${size}`, () => {
    assertEquals(decodeAll(chunksOf(WIRE, size)), EXPECTED);
  });
}

Deno.test("SentinelDecoder gives the same pieces wherever the bytes are cut in two", () => {
  for (let at = 0; at <= WIRE.length; at++) {
    assertEquals(decodeAll([WIRE.subarray(0, at), WIRE.subarray(at)]), EXPECTED);
  }
});

Deno.test(`SentinelDecoder gives what was put in, however it is cut (seed ${SEED})`, () => {
  // What follows a lookalike must not complete it.
  const text = fc.oneof(fc.constantFrom(...LOOKALIKES), fc.string({ maxLength: 10 }))
    .map((bytes) => `${bytes}|`);
  const each = fc.oneof(
    text.map((bytes) => ({ wire: bytes, piece: bytes })),
    fc.tuple(fc.constantFrom("C", "N", "K"), fc.string({ maxLength: 40 }))
      .map(([kind, payload]) => ({ wire: mark(kind, payload), piece: { mark: kind, payload } })),
  );
  const cuts = fc.array(fc.nat(2000), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(each, { maxLength: 12 }), cuts, (parts, at) => {
      const wire = bytesOf(parts.map((part) => part.wire));
      assertEquals(decodeAll(cutAt(wire, at)), joined(parts.map((part) => part.piece)));
    }),
    seeded(500),
  );
});

Deno.test(`SentinelDecoder never loses a byte of what is no mark (seed ${SEED})`, () => {
  const byte = fc.oneof(fc.constant(0x1e), fc.constantFrom(...NONCE).map(codeOf), fc.nat(255));
  const bytes = fc.array(byte, { maxLength: 300 }).map((all) => Uint8Array.from(all));
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(300), { maxLength: 8 }), (all, cuts) => {
      const decoder = expecting(NONCE);
      const out: Uint8Array[] = [];
      for (const chunk of cutAt(all, cuts)) {
        decoder.push(chunk);
        for (let piece = decoder.next(); piece; piece = decoder.next()) {
          assert(piece.kind === "bytes");
          out.push(piece.bytes);
        }
      }
      assertEquals(concat([...out, decoder.rest()]), all);
    }),
    seeded(1000),
  );
});

Deno.test("SentinelDecoder holds back no more than what may become a mark", () => {
  const decoder = expecting(NONCE);
  decoder.push(bytesOf(["text" + RS + NONCE.slice(0, 9)]));
  assertEquals(textOf(decoder.next()), "text");
  assertEquals(decoder.next(), undefined);
  decoder.push(bytesOf(["!"]));
  assertEquals(textOf(decoder.next()), RS + NONCE.slice(0, 9) + "!");
});

Deno.test("SentinelDecoder looks for the marks of whoever is expected, and for no one else's", () => {
  const decoder = expecting(NONCE);
  decoder.push(bytesOf(["a", mark("K"), "b", mark("K", "", OTHER), "c", mark("K")]));
  const found: Found = [];
  for (let piece = decoder.next(); piece; piece = decoder.next()) {
    if (piece.kind === "bytes") found.push(text(piece.bytes));
    else {
      found.push({ mark: piece.mark, payload: "" });
      decoder.expect(OTHER);
    }
  }
  const k = { mark: "K", payload: "" };
  assertEquals(found, ["a", k, "b", k, "c" + mark("K")]);
});

Deno.test("SentinelDecoder that expects another sees the marks that already lie in it", () => {
  const decoder = expecting(NONCE);
  decoder.push(bytesOf([mark("K"), mark("E", "{}", OTHER), mark("K")]));
  assertEquals(markOf(decoder.next()), "K");
  decoder.expect(OTHER);
  assertEquals(markOf(decoder.next()), "E");
  decoder.expect(NONCE);
  assertEquals(markOf(decoder.next()), "K");
  assertEquals(decoder.next(), undefined);
});

Deno.test("SentinelDecoder refuses a forged length, and loses nothing by it", () => {
  const lengths = ["zzzzzzzz", "ffffffff", "00400001", "-0000001", "        ", "\0\0\0\0\0\0\0\0"];
  for (const length of [...lengths, "0000001g", "+0000001", "0x000001", " 0000001"]) {
    const decoder = expecting(NONCE);
    const forged = `${RS}${NONCE}K${length}`;
    decoder.push(bytesOf([forged]));
    const error = assertThrows(() => decoder.next(), RtoolError, undefined, length);
    assertEquals(error.code, "bad_frame");
    assertEquals(text(decoder.rest()), forged);
  }
});

Deno.test("SentinelDecoder takes a mark of four mebibytes, and waits for all of it", () => {
  const decoder = expecting(NONCE);
  decoder.push(bytesOf([`${RS}${NONCE}C00400000`]));
  assertEquals(decoder.next(), undefined);
  decoder.push(new Uint8Array(4 << 20));
  const piece = decoder.next();
  assert(piece?.kind === "mark");
  assertEquals(piece.payload.length, 4 << 20);
});

Deno.test("SentinelDecoder keeps an unfinished mark as the user's bytes at the end", () => {
  const decoder = expecting(NONCE);
  const unfinished = `${RS}${NONCE}C00000009{`;
  decoder.push(bytesOf([unfinished]));
  assertEquals(decoder.next(), undefined);
  assertEquals(text(decoder.rest()), unfinished);
  assertEquals(decoder.rest().length, 0);
});

Deno.test("SentinelDecoder takes a nonce of 32 characters and no other", () => {
  for (const nonce of ["", "abc", NONCE + "0", "é".repeat(32)]) {
    const error = assertThrows(() => new SentinelDecoder().expect(nonce), RtoolError);
    assertEquals(error.code, "internal");
  }
});

Deno.test("SentinelDecoder passes 50 MB without a mark in linear time", () => {
  assertLinear(new Uint8Array(65536).fill(65), 50e6);
  assertLinear(new Uint8Array(65536).fill(0x1e), 5e6); // Every byte may begin a sentinel.
  assertLinear(bytesOf(Array.from({ length: 2048 }, () => RS + NONCE.slice(0, 31))), 5e6);
});

/** Pushes so many bytes; linear takes a fraction of the limit, quadratic would take minutes. */
function assertLinear(chunk: Uint8Array, total: number): void {
  const decoder = expecting(NONCE);
  const startedAt = performance.now();
  let passed = 0;
  for (let pushed = 0; pushed < total; pushed += chunk.length) {
    decoder.push(chunk);
    for (let piece = decoder.next(); piece; piece = decoder.next()) {
      assert(piece.kind === "bytes");
      passed += piece.bytes.length;
    }
  }
  assert(passed + decoder.rest().length >= total);
  assertLess(performance.now() - startedAt, 5000);
}

/** Everything the chunks hold, the user's bytes joined. */
function decodeAll(chunks: readonly Uint8Array[]): Found {
  const decoder = expecting(NONCE);
  const found: Found = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let piece = decoder.next(); piece; piece = decoder.next()) {
      if (piece.kind === "bytes") found.push(text(piece.bytes));
      else found.push({ mark: piece.mark, payload: text(piece.payload) });
    }
  }
  return joined([...found, text(decoder.rest())]);
}

function joined(pieces: Found): Found {
  const all: Found = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (piece === "") continue;
    if (typeof piece === "string" && typeof last === "string") all[all.length - 1] = last + piece;
    else all.push(piece);
  }
  return all;
}

function expecting(nonce: string): SentinelDecoder {
  const decoder = new SentinelDecoder();
  decoder.expect(nonce);
  return decoder;
}

/** A mark as R writes it. */
function mark(kind: string, payload = "", nonce = NONCE): string {
  return `${RS}${nonce}${kind}${bytesOf([payload]).length.toString(16).padStart(8, "0")}${payload}`;
}

function bytesOf(parts: readonly string[]): Uint8Array {
  return new TextEncoder().encode(parts.join(""));
}

function text(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function textOf(piece: ReturnType<SentinelDecoder["next"]>): string | undefined {
  return piece?.kind === "bytes" ? text(piece.bytes) : undefined;
}

function markOf(piece: ReturnType<SentinelDecoder["next"]>): string | undefined {
  return piece?.kind === "mark" ? piece.mark : undefined;
}

function codeOf(character: string): number {
  return character.charCodeAt(0);
}
