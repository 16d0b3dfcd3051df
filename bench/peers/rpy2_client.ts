/**
 * A client of the rpy2 wire: one request per connection, so a line here dials for each.
 *
 * Knows the wire format, in UTF-8. Must not know what is measured.
 */

import { ByteReader } from "./byte_reader.ts";
import { dial, type Line, writeAll } from "./service.ts";

const LABEL = new TextEncoder().encode("UTF-8\n");
const COUNT_BYTES = 8;

/** Dials for every request. */
export class Rpy2Client implements Line {
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** The bytes of the console output. */
  async evaluate(code: string): Promise<number> {
    using conn = await dial(this.#port);
    await writeAll(conn, encodeRequest(code));
    const reader = new ByteReader(conn);
    const count = await reader.take(COUNT_BYTES);
    const length = Number(new DataView(count.buffer, count.byteOffset).getBigUint64(0, true));
    await reader.skip(length);
    return length;
  }

  async evaluateMany(code: string, times: number): Promise<void> {
    for (let i = 0; i < times; i++) await this.evaluate(code);
  }

  [Symbol.dispose](): void {
    // Nothing is open between requests.
  }
}

function encodeRequest(code: string): Uint8Array {
  const body = new TextEncoder().encode(code);
  const request = new Uint8Array(LABEL.length + COUNT_BYTES + body.length);
  request.set(LABEL);
  new DataView(request.buffer).setBigUint64(LABEL.length, BigInt(body.length), true);
  request.set(body, LABEL.length + COUNT_BYTES);
  return request;
}
