/**
 * R's values as tables of Apache Arrow, and back; docs/values.md has the mapping.
 *
 * Knows where the library is and how it fails: it is large, so it is loaded late.
 */

import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import { checkFrames } from "./arrow_frames.ts";
import { readTable } from "./arrow_read.ts";
import { toRecordBatch } from "./arrow_write.ts";
import type { RValue } from "./types.ts";

/** A table needs a bit for each row at least, unless it is as small as this. */
const ROWS_UNCHECKED = 1_000_000;

/** The value in Arrow's file format: a data frame or named list as columns, a vector as one. */
export async function toArrow(value: RValue): Promise<Uint8Array> {
  return concat(await Array.fromAsync(toArrowParts(value)));
}

/** The same in parts, of which large columns are the value's own memory. */
export async function* toArrowParts(value: RValue): AsyncGenerator<Uint8Array> {
  const arrow = await import("apache-arrow");
  const batch = toRecordBatch(arrow, value);
  const table = new arrow.Table(batch.schema, [batch]);
  yield* arrow.RecordBatchFileWriter.writeAll(table);
}

/** The data frame that bytes in Arrow's file or stream format hold; numbers are not copied. */
export async function fromArrow(bytes: Uint8Array): Promise<RValue> {
  const arrow = await import("apache-arrow");
  try {
    checkFrames(bytes);
    const table = arrow.tableFromIPC(bytes);
    if (table.numRows > Math.max(ROWS_UNCHECKED, bytes.length * 8)) {
      throw new RtoolError("bad_value", `Cannot read Arrow: no room for ${table.numRows} rows`);
    }
    return readTable(arrow, table);
  } catch (cause) {
    if (cause instanceof RtoolError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new RtoolError("bad_value", `Cannot read Arrow: ${message}`, { cause });
  }
}
