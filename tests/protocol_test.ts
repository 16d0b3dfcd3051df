/**
 * The frames of the native wire: any cutting of the same bytes gives the same frames, and any
 * garbage gives frames or our one error.
 */

import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import {
  decodeJson,
  decodeWindow,
  encodeFrame,
  encodeJson,
  encodeWindow,
  type Frame,
  FrameDecoder,
  HEADER_BYTES,
  type Kind,
  KINDS,
  PAYLOAD_BYTES_MAX,
} from "../protocol.ts";
import { chunksOf, cutAt, SEED, seeded } from "./random.ts";

const ALL_KINDS = Object.keys(KINDS) as Kind[];
const STREAM_MAX = 2 ** 32 - 1;

/** One frame of every kind, with payloads of every size that matters. */
const FRAMES: readonly Frame[] = ALL_KINDS.map((kind, index) => ({
  kind,
  stream: [0, 1, 255, 256, 65536, STREAM_MAX][index % 6]!,
  payload: pattern([0, 1, 9, 255, 257, 70, 4096][index % 7]!),
}));
const WIRE = encodeAll(FRAMES);

Deno.test("encodeFrame() and FrameDecoder agree on every kind", () => {
  for (const frame of FRAMES) assertEquals(decodeAll([encodeAll([frame])]), [frame]);
});

Deno.test("encodeFrame() writes length, kind and stream in little-endian order", () => {
  const bytes = encodeFrame("stdout", 0x01020304, new Uint8Array(258));
  assertEquals([...bytes.subarray(0, HEADER_BYTES)], [2, 1, 0, 0, 18, 4, 3, 2, 1]);
});

Deno.test("encodeFrame() takes 64 KiB and refuses one byte more as our own fault", () => {
  const largest = new Uint8Array(PAYLOAD_BYTES_MAX);
  assertEquals(decodeAll([encodeFrame("stdout", 1, largest)])[0]?.payload.length, 65536);
  const tooBig = new Uint8Array(PAYLOAD_BYTES_MAX + 1);
  assertEquals(codeOf(() => encodeFrame("stdout", 1, tooBig)), "internal");
});

Deno.test("encodeJson() and decodeJson() agree", () => {
  const value = { text: "naïve 😀 \u0000\u2028", list: [1, null, true], nested: { a: {} } };
  assertEquals(decodeJson(only(encodeJson("end", 7, value))), value);
});

Deno.test("decodeJson() takes nothing but a JSON object in UTF-8", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const payloads = [
    ...["", "{", "null", "1", '"text"', "[]", "[{}]", "{}{}", "\ufeff{}x", "{'a':1}"].map(encode),
    encode("[".repeat(60_000)),
    Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d),
    Uint8Array.of(0xed, 0xa0, 0x80),
  ];
  for (const payload of payloads) {
    assertEquals(codeOf(() => decodeJson({ kind: "submit", stream: 1, payload })), "bad_frame");
  }
});

Deno.test("encodeWindow() and decodeWindow() agree up to four gigabytes", () => {
  for (const bytes of [0, 1, 1 << 20, 2 ** 31, STREAM_MAX]) {
    assertEquals(decodeWindow(only(encodeWindow(3, bytes))), bytes);
  }
});

Deno.test("decodeWindow() refuses a payload that is not four bytes", () => {
  for (const length of [0, 3, 5, 4096]) {
    const frame = only(encodeFrame("window", 1, new Uint8Array(length)));
    assertEquals(codeOf(() => decodeWindow(frame)), "bad_frame");
  }
});

for (const size of [1, 2, 3, 5, 7, 4096, WIRE.length]) {
  Deno.test(`FrameDecoder gives the same frames in chunks of ${size}`, () => {
    assertEquals(decodeAll(chunksOf(WIRE, size)), FRAMES);
  });
}

Deno.test(`FrameDecoder gives the same frames however they are cut (seed ${SEED})`, () => {
  const cuts = fc.array(fc.nat(WIRE.length), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(arbitraryFrame(), { maxLength: 12 }), cuts, (frames, at) => {
      assertEquals(decodeAll(cutAt(encodeAll(frames), at)), frames);
    }),
    seeded(300),
  );
});

Deno.test(`FrameDecoder meets garbage with frames or our one error (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryGarbage(), fc.array(fc.nat(4096), { maxLength: 20 }), (bytes, cuts) => {
      const whole = consume([bytes]);
      const cut = consume(cutAt(bytes, cuts));
      assertEquals(cut, whole, "The cutting changed what came of it");
    }),
    seeded(2000),
  );
});

Deno.test(`FrameDecoder survives every change of a single byte (seed ${SEED})`, () => {
  const wire = encodeAll(FRAMES.filter(({ payload }) => payload.length < 300));
  fc.assert(
    fc.property(
      fc.nat(wire.length - 1),
      fc.nat(255),
      fc.integer({ min: 1, max: 99 }),
      (at, to, n) => {
        const changed = wire.slice();
        changed[at] = to;
        consume(chunksOf(changed, n));
      },
    ),
    seeded(1000),
  );
});

Deno.test("FrameDecoder refuses a length over the limit before any of the payload", () => {
  for (const length of [PAYLOAD_BYTES_MAX + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    for (const kind of [KINDS.stdout, 127, 200]) {
      const decoder = new FrameDecoder();
      decoder.push(header(length, kind, 1));
      assertEquals(codeOf(() => decoder.next()), "frame_too_big");
    }
  }
});

Deno.test("FrameDecoder takes a frame of exactly the limit", () => {
  const decoder = new FrameDecoder();
  decoder.push(header(PAYLOAD_BYTES_MAX, KINDS.stdout, 1));
  assertEquals(decoder.next(), undefined);
  decoder.push(new Uint8Array(PAYLOAD_BYTES_MAX));
  assertEquals(decoder.next()?.payload.length, PAYLOAD_BYTES_MAX);
  assertEquals(decoder.pendingBytes, 0);
});

Deno.test("FrameDecoder skips every unknown kind from 128 on, however it is cut", () => {
  const known = encodeFrame("ping", 0, pattern(5));
  const parts = [known];
  for (let kind = 128; kind < 256; kind++) {
    parts.push(header(kind % 7, kind, kind), new Uint8Array(kind % 7), known);
  }
  const wire = concat(parts);
  for (const size of [1, 4, 11, wire.length]) {
    const frames = decodeAll(chunksOf(wire, size));
    assertEquals(frames.length, 129);
    assert(frames.every(({ kind }) => kind === "ping"));
  }
});

Deno.test("FrameDecoder refuses every unknown kind below 128 and names its number", () => {
  const known = new Set<number>(Object.values(KINDS));
  for (let kind = 0; kind < 128; kind++) {
    if (known.has(kind)) continue;
    const decoder = new FrameDecoder();
    decoder.push(header(0, kind, 1));
    const error = assertThrows(() => decoder.next(), RtoolError, `kind ${kind} `);
    assertEquals(error.code, "bad_frame");
  }
});

Deno.test("FrameDecoder needs no more than the header to know that there is no payload", () => {
  const decoder = new FrameDecoder();
  decoder.push(header(0, KINDS.cancel, 9).subarray(0, 8));
  assertEquals(decoder.next(), undefined);
  assertEquals(decoder.pendingBytes, 8);
  decoder.push(Uint8Array.of(0));
  assertEquals(decoder.next(), { kind: "cancel", stream: 9, payload: new Uint8Array(0) });
  assertEquals(decoder.next(), undefined);
});

/** Frames of bytes in chunks; fails when some are left. Payloads are copied: they may move. */
function decodeAll(chunks: readonly Uint8Array[]): Frame[] {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(copyOf(frame));
  }
  assertEquals(decoder.pendingBytes, 0);
  return frames;
}

/** What a decoder makes of any bytes: frames, then perhaps an error. Nothing may grow meanwhile. */
function consume(chunks: readonly Uint8Array[]): { frames: Frame[]; error: string | undefined } {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    try {
      for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(copyOf(frame));
    } catch (error) {
      assert(error instanceof RtoolError, `Not our error: ${error}`);
      assert(["bad_frame", "frame_too_big"].includes(error.code), `Not our code: ${error.code}`);
      return { frames, error: error.message };
    }
    assertLessOrEqual(decoder.pendingBytes, PAYLOAD_BYTES_MAX + HEADER_BYTES + chunk.length);
  }
  return { frames, error: undefined };
}

function only(bytes: Uint8Array): Frame {
  const frames = decodeAll([bytes]);
  assertEquals(frames.length, 1);
  return frames[0]!;
}

function encodeAll(frames: readonly Frame[]): Uint8Array {
  return concat(frames.map((frame) => encodeFrame(frame.kind, frame.stream, frame.payload)));
}

function copyOf({ kind, stream, payload }: Frame): Frame {
  return { kind, stream, payload: payload.slice() };
}

function header(length: number, kind: number, stream: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint8(4, kind);
  view.setUint32(5, stream, true);
  return bytes;
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + length) & 255);
}

function arbitraryFrame(): fc.Arbitrary<Frame> {
  return fc.record({
    kind: fc.constantFrom(...ALL_KINDS),
    stream: fc.integer({ min: 0, max: STREAM_MAX }),
    payload: fc.uint8Array({ maxLength: 600 }),
  });
}

/** Bytes that look like frames often enough to get past the first header. */
function arbitraryGarbage(): fc.Arbitrary<Uint8Array> {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const nearly = fc.tuple(fc.nat(40), fc.nat(255), fc.nat(9), bytes)
    .map(([length, kind, stream, rest]) => concat([header(length, kind, stream), rest]));
  const valid = arbitraryFrame().map((frame) => encodeAll([frame]));
  return fc.array(fc.oneof(bytes, nearly, valid), { maxLength: 8 }).map(concat);
}

function codeOf(fn: () => unknown): string {
  return assertThrows(fn, RtoolError).code;
}
