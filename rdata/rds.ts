/**
 * Files of `saveRDS()`: R's serialization format, as it is or compressed by gzip.
 */

import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import { decodeValue } from "./read.ts";
import type { RValue } from "./types.ts";

/** How much a file may hold. */
export interface RdsBounds {
  /** Bytes of what is compressed. @default {1 GiB} */
  readonly bytesMax?: number;
}

/** First bytes of compressed files, and what they are compressed by. */
const MAGIC: readonly (readonly [bytes: readonly number[], by: string])[] = [
  [[0x1f, 0x8b], "gzip"],
  [[0x42, 0x5a, 0x68], "bzip2"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz"],
];

/** The value a file holds; throws `bad_value`. */
export async function fromRds(
  bytes: Uint8Array<ArrayBuffer>,
  { bytesMax = 1 << 30 }: RdsBounds = {},
): Promise<RValue> {
  const by = MAGIC.find(([magic]) => magic.every((byte, index) => bytes[index] === byte))?.[1];
  if (by === undefined) return decodeValue(bytes);
  if (by === "gzip") return decodeValue(await gunzip(bytes, bytesMax));
  throw new RtoolError("bad_value", `The file is compressed by ${by}, which is not read`, {
    hint: 'write it with saveRDS(x, file, compress = "gzip")',
  });
}

async function gunzip(bytes: Uint8Array<ArrayBuffer>, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let count = 0;
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    for await (const part of stream) {
      count += part.length;
      if (count > bytesMax) break;
      parts.push(part);
    }
  } catch (cause) {
    throw new RtoolError("bad_value", "The file's gzip data is damaged", { cause });
  }
  if (count <= bytesMax) return concat(parts);
  throw new RtoolError("bad_value", `The file holds more than ${bytesMax} bytes`);
}
