/**
 * The native wire, `rtool/1`: frames as types, their encoder, their decoder, their limits.
 *
 * The contract is docs/PROTOCOL.md; names here are names there. No I/O: imports words, awaits
 * nothing.
 */

import { RtoolError } from "./core/errors.ts";

/** The one version this program speaks. */
export const PROTOCOL_VERSION = 1;

/** First line of a native connection, both ways. */
export const PREFACE = "RTOOL/1\n";

/** Length u32, kind u8, stream u32. */
export const HEADER_BYTES = 9;

/** Most bytes of a payload. Larger things travel as several frames. */
export const PAYLOAD_BYTES_MAX = 1 << 16;

/** Output bytes either side may send on a stream before the other grants more. */
export const WINDOW_BYTES = 1 << 20;

/** How long a connection may be silent before a `ping`, in milliseconds. */
export const PING_INTERVAL_MS = 30_000;

/** Frame kinds as they stand on the wire. */
export const KINDS = {
  hello: 1,
  submit: 2,
  code: 3,
  cancel: 4,
  attach: 5,
  input: 6,
  window: 7,
  ping: 8,
  pong: 9,
  control: 10,
  upload: 11,
  accepted: 16,
  started: 17,
  stdout: 18,
  stderr: 19,
  condition: 20,
  end: 21,
  error: 22,
  waiting: 23,
  reply: 24,
  item: 25,
  item_bytes: 26,
  item_end: 27,
  prompt: 28,
} as const;

/** Name of a frame kind. */
export type Kind = keyof typeof KINDS;

/** Kinds from here on are skipped by whoever does not know them. */
const SKIPPABLE_KIND_MIN = 128;

/** A frame: who it is for, and bytes that its kind explains. */
export interface Frame {
  readonly kind: Kind;
  /** Chosen by the client; 0 is the connection itself. */
  readonly stream: number;
  readonly payload: Uint8Array;
}

const NAMES = new Map<number, Kind>(
  (Object.keys(KINDS) as Kind[]).map((kind) => [KINDS[kind], kind]),
);
const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A whole frame as bytes. */
export function encodeFrame(kind: Kind, stream: number, payload: Uint8Array = EMPTY): Uint8Array {
  if (payload.length > PAYLOAD_BYTES_MAX) {
    throw new RtoolError("internal", `Cannot send ${payload.length} bytes in one '${kind}' frame`);
  }
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  putU32(bytes, 0, payload.length);
  bytes[4] = KINDS[kind];
  putU32(bytes, 5, stream);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** A frame whose payload is JSON. */
export function encodeJson(kind: Kind, stream: number, value: unknown): Uint8Array {
  return encodeFrame(kind, stream, encoder.encode(JSON.stringify(value)));
}

/** A `window` frame: so many bytes more may be sent. */
export function encodeWindow(stream: number, bytes: number): Uint8Array {
  const payload = new Uint8Array(4);
  putU32(payload, 0, bytes);
  return encodeFrame("window", stream, payload);
}

/** Grant of a `window` frame, in bytes. */
export function decodeWindow(frame: Frame): number {
  if (frame.payload.length !== 4) {
    throw new RtoolError("bad_frame", `A window frame holds 4 bytes, not ${frame.payload.length}`);
  }
  return getU32(frame.payload, 0);
}

/** The JSON object of a frame; anything else is the peer's fault. */
export function decodeJson(frame: Frame): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(decoder.decode(frame.payload));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (cause) {
    throw new RtoolError("bad_frame", `The '${frame.kind}' frame holds no JSON`, { cause });
  }
  throw new RtoolError("bad_frame", `The '${frame.kind}' frame holds no JSON object`);
}

/**
 * Cuts bytes into frames. `push` bytes as they come, take frames with `next` until it has none.
 *
 * Invariant: `0 <= #start <= #end <= #buffer.length`; the bytes between are not yet frames.
 */
export class FrameDecoder {
  #buffer: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;

  /** Bytes of a frame that is not whole yet. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** Takes a chunk; frames' payloads may point into it. */
  push(chunk: Uint8Array): void {
    if (this.#start === this.#end) {
      this.#buffer = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    const pending = this.pendingBytes;
    const joined = new Uint8Array(pending + chunk.length);
    joined.set(this.#buffer.subarray(this.#start, this.#end));
    joined.set(chunk, pending);
    this.#buffer = joined;
    this.#start = 0;
    this.#end = joined.length;
  }

  /** The next whole frame, or `undefined` when more bytes are needed. */
  next(): Frame | undefined {
    while (this.pendingBytes >= HEADER_BYTES) {
      const at = this.#start;
      const length = getU32(this.#buffer, at);
      // Checked before waiting for the payload: otherwise nine bytes could make us hold four
      // gigabytes.
      if (length > PAYLOAD_BYTES_MAX) {
        throw new RtoolError(
          "frame_too_big",
          `A frame of ${length} bytes was announced; the most is ${PAYLOAD_BYTES_MAX}`,
        );
      }
      const number = this.#buffer[at + 4]!;
      const kind = NAMES.get(number);
      if (kind === undefined && number < SKIPPABLE_KIND_MIN) {
        throw new RtoolError("bad_frame", `A frame of the unknown kind ${number} was sent`);
      }
      const end = at + HEADER_BYTES + length;
      if (end > this.#end) return undefined;
      this.#start = end;
      if (kind === undefined) continue;
      const payload = this.#buffer.subarray(at + HEADER_BYTES, end);
      return { kind, stream: getU32(this.#buffer, at + 5), payload };
    }
    return undefined;
  }
}

/** Reads u32 little-endian. */
function getU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;
}

/** Writes u32 little-endian. */
function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
