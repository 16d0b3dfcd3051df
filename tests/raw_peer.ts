/**
 * A peer of the port without manners: it sends what bytes it likes, and reads what comes.
 */

import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import {
  decodeJson,
  encodeFrame,
  encodeJson,
  type Frame,
  FrameDecoder,
  type Kind,
  PREFACE,
} from "../protocol.ts";

/** A test that waits for what never comes ends after this, in milliseconds. */
const PATIENCE_MS = 10_000;

/** A peer without manners: sends any bytes, and reads frames or bytes as a test asks for them. */
export class RawPeer implements Disposable {
  readonly conn: Deno.TcpConn;
  readonly #decoder = new FrameDecoder();
  readonly #limit: ReturnType<typeof setTimeout>;
  #closed = false;
  #preface: Uint8Array = new Uint8Array(0);

  private constructor(conn: Deno.TcpConn) {
    this.conn = conn;
    conn.setNoDelay(true);
    this.#limit = setTimeout(() => this[Symbol.dispose](), PATIENCE_MS);
  }

  static async connect(port: number): Promise<RawPeer> {
    return new RawPeer(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Connects and greets; the server's greeting has been read. */
  static async greeted(port: number): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    await peer.send(PREFACE, encodeJson("hello", 0, { version: 1, software: "test" }));
    assertEquals((await peer.frame()).kind, "hello");
    return peer;
  }

  /** Sends all of it in one write. */
  async send(...parts: (string | Uint8Array)[]): Promise<void> {
    const encoder = new TextEncoder();
    const bytes = concat(parts.map((p) => typeof p === "string" ? encoder.encode(p) : p));
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }

  /** Submits code on a stream. */
  async submit(stream: number, code: string, more: Record<string, unknown> = {}): Promise<void> {
    await this.send(...submission(stream, code, more));
  }

  /** The next frame; the server's preface before the first is checked. */
  async frame(): Promise<Frame> {
    const frame = await this.maybeFrame();
    assert(frame, "The server has closed the connection");
    return frame;
  }

  /** The next frame, or `undefined` at the end of the connection. */
  async maybeFrame(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#decoder.next();
      if (frame) return frame;
      const chunk = await this.read();
      if (!chunk) return undefined;
      this.#decoder.push(this.#afterPreface(chunk));
    }
  }

  /** Frames until one of this kind on this stream, which is the last of them. */
  async until(kind: Kind, stream: number): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (;;) {
      const frame = await this.frame();
      frames.push(frame);
      if (frame.kind === kind && frame.stream === stream) return frames;
    }
  }

  /** The JSON of the `end` of a stream; what comes before it is dropped. */
  async end(stream: number): Promise<Readonly<Record<string, unknown>>> {
    return decodeJson((await this.until("end", stream)).at(-1)!);
  }

  /** Whatever comes next, or `undefined` at the end. */
  async read(): Promise<Uint8Array | undefined> {
    const buffer = new Uint8Array(65536);
    const count = await this.conn.read(buffer).catch((error) => {
      if (this.#closed) throw new Error(`Nothing came for ${PATIENCE_MS} ms`);
      if (error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    });
    return count === null ? undefined : buffer.subarray(0, count);
  }

  /** All that comes until the end of the connection, as text. */
  async rest(): Promise<string> {
    const chunks: Uint8Array[] = [];
    for (let chunk = await this.read(); chunk; chunk = await this.read()) chunks.push(chunk);
    return new TextDecoder().decode(concat(chunks));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#limit);
    if (!this.#closed) this.conn.close();
    this.#closed = true;
  }

  #afterPreface(chunk: Uint8Array): Uint8Array {
    if (this.#preface.length === PREFACE.length) return chunk;
    const missing = PREFACE.length - this.#preface.length;
    this.#preface = concat([this.#preface, chunk.subarray(0, missing)]);
    assert(PREFACE.startsWith(new TextDecoder().decode(this.#preface)), "Not our preface");
    return chunk.subarray(missing);
  }
}

/** The frames of a whole submission. */
export function submission(
  stream: number,
  code: string,
  more: Record<string, unknown> = {},
): Uint8Array[] {
  const bytes = new TextEncoder().encode(code);
  const submit = encodeJson("submit", stream, {
    session: "main",
    code_bytes: bytes.length,
    ...more,
  });
  return bytes.length === 0 ? [submit] : [submit, encodeFrame("code", stream, bytes)];
}
