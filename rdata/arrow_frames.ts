/**
 * The lengths in Arrow's bytes, checked before its library follows them.
 *
 * With a length below zero the library goes back and reads the same message for ever.
 */

import { RtoolError } from "../core/errors.ts";

/** `ARROW1`, at both ends of a file. */
const MAGIC = new TextEncoder().encode("ARROW1");
/** The first and its padding. */
const FILE_START = 8;

/** Stands before the length of each message, but for those of Arrow before 0.15. */
const CONTINUATION = -1;

/** Where a message's table of fields has the place of `bodyLength`, the fourth of them. */
const BODY_LENGTH_FIELD = 4 + 3 * 2;

/** Refuses bytes whose messages do not follow one another to the end. */
export function checkFrames(bytes: Uint8Array): void {
  const isMagic = (at: number) => MAGIC.every((byte, index) => bytes[at + index] === byte);
  const isFile = isMagic(0);
  if (bytes.length < FILE_START || (isFile && !isMagic(bytes.length - MAGIC.length))) {
    throw new RtoolError("bad_value", "Cannot read Arrow: the bytes are cut short");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at: number | undefined = isFile ? FILE_START : 0;
  while (at !== undefined && at < bytes.length) at = nextMessage(view, at);
}

/** Where the message after this one begins, or `undefined` where the last mark stands. */
function nextMessage(view: DataView, at: number): number | undefined {
  const first = view.getInt32(at, true);
  const start = first === CONTINUATION ? at + 8 : at + 4;
  const length = first === CONTINUATION ? view.getInt32(at + 4, true) : first;
  if (length === 0) return undefined;
  const body = length < 0 ? -1 : Number(bodyLength(view, start));
  const end = start + length + body;
  if (body >= 0 && end <= view.byteLength) return end;
  throw new RtoolError("bad_value", `Cannot read Arrow: the message at byte ${at} is too long`);
}

/** The length of what follows a message, from the flatbuffer that the message is. */
function bodyLength(view: DataView, start: number): bigint {
  const table = start + view.getUint32(start, true);
  const fields = table - view.getInt32(table, true);
  if (view.getUint16(fields, true) <= BODY_LENGTH_FIELD) return 0n;
  const place = view.getUint16(fields + BODY_LENGTH_FIELD, true);
  return place === 0 ? 0n : view.getBigInt64(table + place, true);
}
