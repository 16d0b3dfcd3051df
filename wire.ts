/**
 * A TCP connection as rtool uses it: bytes in on demand, frames out through one writer.
 *
 * Shared by the doors and the client. Knows sockets and frames; must not know jobs or R.
 */

import { setImmediate } from "node:timers";
import { concat } from "./core/bytes.ts";
import type { PeerCertificate } from "./core/certificate.ts";
import { RtoolError } from "./core/errors.ts";
import { type Frame, FrameDecoder } from "./protocol.ts";

/** Bytes asked of the socket at once, and how few are still worth asking for. */
const READ_BYTES = 1 << 16;
const READ_BYTES_MIN = 1 << 13;

/** Bytes that may wait for a slow peer before {@linkcode Link.flushed} makes the sender wait. */
const PENDING_BYTES_MAX = 1 << 18;

/** How long the peer may take no byte at all while some wait for it, in milliseconds. */
const WRITE_STALL_MS = 30_000;

/** What carries a connection's bytes: a socket, or TLS on one. */
export interface Wire {
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  /** What the peer has shown to say who it is, once it has. */
  readonly certificate?: PeerCertificate | undefined;
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** Takes some of the bytes; 0 when it has to be called again for the same ones. */
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay?(noDelay?: boolean): void;
}

/** One connection. */
export class Link {
  /** When the peer was last heard of, on the monotonic clock. */
  heardAt = performance.now();
  readonly #conn: Wire;
  #rest: Uint8Array | undefined;
  #buffer = new Uint8Array(0);
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #flushing: Promise<void> | undefined;
  #failure: RtoolError | undefined;
  #closed = false;

  constructor(conn: Wire) {
    this.#conn = conn;
    conn.setNoDelay?.(true);
  }

  /** Both ends of the connection. */
  get ends(): {
    readonly local: Deno.NetAddr;
    readonly remote: Deno.NetAddr;
    readonly certificate: PeerCertificate | undefined;
  } {
    const { localAddr: local, remoteAddr: remote, certificate } = this.#conn;
    return { local, remote, certificate };
  }

  /** The next bytes, or `undefined` at the end of the stream. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#rest) {
      const rest = this.#rest;
      this.#rest = undefined;
      return rest;
    }
    if (this.#buffer.length < READ_BYTES_MIN) this.#buffer = new Uint8Array(READ_BYTES);
    try {
      const count = await this.#conn.read(this.#buffer);
      this.heardAt = performance.now();
      if (count === null) return undefined;
      const bytes = this.#buffer.subarray(0, count);
      // Frames point into what was read: the next read goes behind it.
      this.#buffer = this.#buffer.subarray(count);
      return bytes;
    } catch (cause) {
      if (this.#closed) return undefined;
      if (cause instanceof RtoolError) throw cause;
      throw new RtoolError("connection_lost", "The connection was lost", { cause });
    }
  }

  /** Gives bytes back, to be read next. */
  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#rest = bytes;
  }

  /**
   * Reads up to and with the first line end; `undefined` when the stream ends before there is one,
   * `bad_request` when `bytesMax` pass. What follows the line is read next.
   */
  async maybeLine(bytesMax: number): Promise<Uint8Array | undefined> {
    let line = new Uint8Array(0);
    while (line.length <= bytesMax) {
      const chunk = await this.read();
      if (!chunk) return undefined;
      const joined = new Uint8Array(line.length + chunk.length);
      joined.set(line);
      joined.set(chunk, line.length);
      line = joined;
      const end = line.indexOf(10);
      if (end >= 0 && end < bytesMax) {
        this.unread(line.subarray(end + 1));
        return line.subarray(0, end);
      }
    }
    throw new RtoolError("bad_request", `The first line has more than ${bytesMax} bytes`);
  }

  /** Frames as they come. An end inside a frame is the peer's fault. */
  async *frames(): AsyncGenerator<Frame> {
    const decoder = new FrameDecoder();
    for (let chunk = await this.read(); chunk; chunk = await this.read()) {
      decoder.push(chunk);
      for (let frame = decoder.next(); frame; frame = decoder.next()) yield frame;
    }
    if (decoder.pendingBytes > 0) {
      throw new RtoolError(
        "connection_lost",
        `The peer closed with ${decoder.pendingBytes} bytes of a frame`,
      );
    }
  }

  /** Queues bytes behind those already queued; they leave in as few writes as may be. */
  send(bytes: Uint8Array): void {
    if (this.#failure || this.#closed) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#flushing ??= this.#flush();
  }

  /** Resolves when there is room for more; rejects when the connection is lost. */
  async flushed(all = false): Promise<void> {
    while (this.#flushing && (all || this.#pendingBytes > PENDING_BYTES_MAX)) {
      await this.#flushing;
    }
    if (this.#failure) throw this.#failure;
  }

  /** Whether {@linkcode flushed} would wait. */
  get congested(): boolean {
    return this.#pendingBytes > PENDING_BYTES_MAX || this.#failure !== undefined;
  }

  /** Sends what is queued, as far as the peer takes it within `graceMs`, and closes. */
  async finish(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.close(), graceMs);
    await this.flushed(true).catch(() => {});
    clearTimeout(timer);
    this.close();
  }

  /** Says that nothing more is sent, then forgets what the peer still sends, at most so long. */
  async drain(ms: number): Promise<void> {
    const timer = setTimeout(() => this.close(), ms);
    try {
      await this.flushed(true);
      await this.#conn.closeWrite();
      while (await this.read()) { /* Forgotten. */ }
    } catch {
      // The connection is lost: nothing more comes.
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes at once. Safe to call again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // Already closed by the peer's reset.
    }
  }

  async #flush(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve)); // One write for a whole turn.
    try {
      while (this.#pending.length > 0 && !this.#closed) {
        const bytes = concat(this.#pending);
        this.#pending = [];
        await this.#writeAll(bytes);
        this.#pendingBytes -= bytes.length;
      }
    } catch (cause) {
      this.#failure = new RtoolError("connection_lost", "The connection was lost", { cause });
      this.#pending = [];
      this.close();
    }
    this.#flushing = undefined;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const timer = setTimeout(() => this.close(), WRITE_STALL_MS);
      try {
        at += await this.#conn.write(at === 0 ? bytes : bytes.subarray(at));
      } finally {
        clearTimeout(timer);
      }
    }
  }
}
