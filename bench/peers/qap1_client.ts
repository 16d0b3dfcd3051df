/**
 * As much of a QAP1 client as it takes to evaluate a string: Rserve's wire.
 *
 * Knows the message header and the string parameter. Must not know R's values: a reply is only
 * told to be an error or not, and measured.
 */

import { ByteReader } from "./byte_reader.ts";
import { dial, type Line, writeAll } from "./service.ts";

const ID_BYTES = 32;
const HEADER_BYTES = 16;
const COMMAND_EVAL = 3;
const TYPE_STRING = 4;
const RESPONSE_OK = 0x00010001;

/** Requests written at once; Rserve reads no further while it answers. */
const BATCH_MAX = 100;

/** A connection to Rserve. */
export class Qap1Client implements Line {
  readonly #conn: Deno.TcpConn;
  readonly #reader: ByteReader;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.#reader = new ByteReader(conn);
  }

  /** Dials, and reads the server's greeting. */
  static async connect(port: number): Promise<Qap1Client> {
    const client = new Qap1Client(await dial(port));
    const id = new TextDecoder().decode(await client.#reader.take(ID_BYTES));
    if (!/^Rsrv\d{4}QAP1/.test(id)) throw new Error(`This is no Rserve: ${JSON.stringify(id)}`);
    return client;
  }

  /** The bytes of the value. */
  async evaluate(code: string): Promise<number> {
    await writeAll(this.#conn, encodeEval(code));
    return await this.#reply();
  }

  async evaluateMany(code: string, times: number): Promise<void> {
    const request = encodeEval(code);
    const batch = new Uint8Array(request.length * BATCH_MAX);
    for (let i = 0; i < BATCH_MAX; i++) batch.set(request, i * request.length);
    for (let left = times; left > 0; left -= BATCH_MAX) {
      const count = Math.min(left, BATCH_MAX);
      await writeAll(this.#conn, batch.subarray(0, count * request.length));
      for (let i = 0; i < count; i++) await this.#reply();
    }
  }

  async #reply(): Promise<number> {
    const header = await this.#reader.take(HEADER_BYTES);
    const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
    const response = view.getUint32(0, true);
    const length = view.getUint32(4, true) + view.getUint32(12, true) * 2 ** 32;
    await this.#reader.skip(length);
    if (response !== RESPONSE_OK) throw new Error(`Rserve answered 0x${response.toString(16)}`);
    return length;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** Header, then one string parameter that ends in a zero and is padded to four bytes. */
function encodeEval(code: string): Uint8Array {
  const text = new TextEncoder().encode(code);
  const stringBytes = (text.length + 4) & ~3;
  const message = new Uint8Array(HEADER_BYTES + 4 + stringBytes);
  const view = new DataView(message.buffer);
  view.setUint32(0, COMMAND_EVAL, true);
  view.setUint32(4, 4 + stringBytes, true);
  view.setUint32(HEADER_BYTES, TYPE_STRING | stringBytes << 8, true);
  message.set(text, HEADER_BYTES + 4);
  return message;
}
