/**
 * Reads exact numbers of bytes from a connection. Knows no wire format.
 */

const CHUNK_BYTES = 65536;

/** Invariant: what was received and not yet taken is `#buffer[#start, #end)`. */
export class ByteReader {
  readonly #conn: Deno.Conn;
  #buffer = new Uint8Array(CHUNK_BYTES);
  #start = 0;
  #end = 0;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** The next `length` bytes, valid until the next call. */
  async take(length: number): Promise<Uint8Array> {
    if (this.#start + length > this.#buffer.length) this.#makeRoom(length);
    while (this.#end - this.#start < length) await this.#fill();
    this.#start += length;
    return this.#buffer.subarray(this.#start - length, this.#start);
  }

  /** Passes over the next `length` bytes without keeping them. */
  async skip(length: number): Promise<void> {
    let left = length - Math.min(length, this.#end - this.#start);
    this.#start += length - left;
    while (left > 0) {
      this.#start = this.#end = 0;
      await this.#fill();
      this.#start = Math.min(left, this.#end);
      left -= this.#start;
    }
  }

  #makeRoom(length: number): void {
    const pending = this.#buffer.subarray(this.#start, this.#end);
    const buffer = length > this.#buffer.length ? new Uint8Array(length) : this.#buffer;
    buffer.set(pending);
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = pending.length;
  }

  async #fill(): Promise<void> {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    const read = await this.#conn.read(this.#buffer.subarray(this.#end));
    if (read === null) throw new Error("The server closed the connection");
    this.#end += read;
  }
}
