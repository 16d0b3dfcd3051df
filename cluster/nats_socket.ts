/**
 * The bytes between the client of NATS and the broker, over Deno's own sockets.
 *
 * Not the client's own transport for Node: through Deno's `node:net` its small messages wait 40 ms
 * for each other, and its change to TLS fails.
 */

import { checkOptions, type Transport } from "@nats-io/nats-core/internal";
import type { ConnectionOptions, Server, ServerInfo } from "@nats-io/nats-core/internal";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import { settlesWithin } from "../core/time.ts";

/** What a broker says first is one line, and no longer. */
const INFO_BYTES_MAX = 64 * 1024;

const READ_BYTES = 64 * 1024;

/** What is left is sent within this when the connection is closed. */
const LAST_MS = 1_000;

const LINE_FEED = 10;

/** One connection to the broker; made anew for each try. */
export class NatsSocket implements Transport {
  readonly lang = "deno";
  readonly version = "3.4.0";
  readonly #closed = Promise.withResolvers<void | Error>();
  readonly #unsent: Uint8Array[] = [];
  #conn: Deno.TcpConn | Deno.TlsConn | undefined;
  #first: Uint8Array = new Uint8Array(0);
  #isEncrypted = false;
  #isClosed = false;
  #sending: Promise<void> | undefined;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Dials, reads the broker's greeting, and goes on in TLS if either side wants it. */
  async connect({ hostname, port, tlsName }: Server, options: ConnectionOptions): Promise<void> {
    const conn = await Deno.connect({ hostname, port });
    this.#conn = conn;
    if (this.#isClosed) return conn.close();
    conn.setNoDelay(true);
    this.#first = await readLine(conn);
    const info = parseInfo(this.#first);
    checkOptions(info, options);
    if (!info.tls_required && !(info.tls_available && options.tls)) return;
    const ca = options.tls?.ca;
    this.#conn = await Deno.startTls(conn, {
      hostname: tlsName || hostname,
      ...(ca === undefined ? {} : { caCerts: [ca] }),
    });
    await this.#conn.handshake();
    this.#isEncrypted = true;
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    yield this.#first;
    const conn = this.#conn;
    if (!conn) return;
    let problem: Error | undefined;
    try {
      while (!this.#isClosed) {
        const buffer = new Uint8Array(READ_BYTES);
        const count = await conn.read(buffer);
        if (count === null) break;
        yield buffer.subarray(0, count);
      }
    } catch (error) {
      if (error instanceof Error) problem = error;
    }
    this.#end(problem);
  }

  isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  send(frame: Uint8Array): void {
    if (this.#isClosed) return;
    this.#unsent.push(frame);
    // A failure is seen by whoever reads.
    this.#sending ??= this.#send().catch(() => {});
  }

  /** Sends what is left, and closes. */
  async close(error?: Error): Promise<void> {
    // Into a network that is cut nothing goes any more, and nothing tells so.
    if (!error && this.#sending) await settlesWithin(this.#sending, LAST_MS);
    this.#end(error);
  }

  disconnect(): void {
    this.#end();
  }

  closed(): Promise<void | Error> {
    return this.#closed.promise;
  }

  discard(): void {
    this.#end();
  }

  async #send(): Promise<void> {
    await Promise.resolve(); // What is sent in one turn goes in one write.
    while (this.#unsent.length > 0) {
      const bytes = concat(this.#unsent.splice(0));
      for (let at = 0; at < bytes.length;) at += await this.#conn!.write(bytes.subarray(at));
    }
    // At once: what is sent from here on must not be left to a loop that has ended.
    this.#sending = undefined;
  }

  #end(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#conn?.close();
    } catch {
      // The broker was first.
    }
    this.#closed.resolve(error);
  }
}

async function readLine(conn: Deno.TcpConn): Promise<Uint8Array> {
  let line: Uint8Array = new Uint8Array(0);
  const buffer = new Uint8Array(READ_BYTES);
  while (!line.includes(LINE_FEED)) {
    const count = line.length > INFO_BYTES_MAX ? null : await conn.read(buffer);
    if (count === null) throw notNats();
    line = concat([line, buffer.slice(0, count)]);
  }
  return line;
}

function parseInfo(line: Uint8Array): ServerInfo {
  const text = new TextDecoder().decode(line);
  const json = /^INFO\s+(\{.*\})/i.exec(text)?.[1];
  if (json === undefined) throw notNats();
  return JSON.parse(json);
}

function notNats(): RtoolError {
  return new RtoolError("cannot_connect", "What answers there is no NATS broker");
}
