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
import { type Carrier, socketFault, startDenoTls, type StartTls } from "./broker_tls.ts";

/** The client's options, and ours beside them: it hands all of them on. */
export interface SocketOptions extends ConnectionOptions {
  /** Another TLS than Deno's: it shows a certificate. */
  readonly startTls?: StartTls;
  /** Is told why a try failed, and `undefined` when one begins. */
  readonly tellFault?: (fault: Error | undefined) => void;
}

/** What a broker says first is one line, and no longer. */
const INFO_BYTES_MAX = 64 * 1024;

const READ_BYTES = 64 * 1024;

/** What is left is sent within this when the connection is closed. */
const LAST_MS = 1_000;

const LINE_FEED = 10;

/** Words on which the client of NATS gives a try up; else it would wait until its time is over. */
const NOT_LET_IN = "-ERR 'Authorization Violation'\r\n";

/** One connection to the broker; made anew for each try. */
export class NatsSocket implements Transport {
  readonly lang = "deno";
  readonly version = "3.4.0";
  readonly #closed = Promise.withResolvers<void | Error>();
  readonly #unsent: Uint8Array[] = [];
  readonly #stop = new AbortController();
  #conn: Carrier | undefined;
  #first: Uint8Array = new Uint8Array(0);
  #isEncrypted = false;
  #isClosed = false;
  #sending: Promise<void> | undefined;
  #tellFault: SocketOptions["tellFault"];

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Dials, reads the broker's greeting, and goes on in TLS if either side wants it. */
  async connect(server: Server, options: SocketOptions): Promise<void> {
    this.#tellFault = options.tellFault;
    this.#tellFault?.(undefined);
    try {
      await this.#open(server, options);
    } catch (cause) {
      if (this.#isClosed) throw cause; // Given up: it is not the broker's fault.
      throw this.#told(cause);
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    yield this.#first;
    let isAnswered = false;
    let problem: Error | undefined;
    try {
      while (!this.#isClosed && this.#conn) {
        const buffer = new Uint8Array(READ_BYTES);
        const count = await this.#conn.read(buffer);
        if (count === null) break;
        isAnswered = true;
        yield buffer.subarray(0, count);
      }
    } catch (error) {
      if (error instanceof Error) problem = error;
    }
    if (!isAnswered && !this.#isClosed) {
      this.#told(problem ?? silentEnd());
      yield new TextEncoder().encode(NOT_LET_IN);
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

  async #open({ hostname, port, tlsName }: Server, options: SocketOptions): Promise<void> {
    const conn = await Deno.connect({ hostname, port });
    this.#hold(conn);
    conn.setNoDelay(true);
    this.#first = await readLine(conn);
    const info = parseInfo(this.#first);
    checkOptions(info, options);
    if (!info.tls_required && !(info.tls_available && options.tls)) return;
    // What follows in plain text may be anybody's: it must not pass for the broker's.
    if (this.#first.indexOf(LINE_FEED) < this.#first.length - 1) throw notNats();
    const startTls = options.startTls ?? startDenoTls(options.tls?.caFile);
    this.#conn = undefined; // The connection is consumed.
    this.#hold(await startTls(conn, tlsName || hostname, this.#stop.signal));
    this.#isEncrypted = true;
  }

  /** Whoever has given up meanwhile could not close what was not there yet. */
  #hold(conn: Carrier): void {
    this.#conn = conn;
    if (!this.#isClosed) return;
    conn.close();
    throw new RtoolError("cannot_connect", "The connection was closed");
  }

  #told(cause: unknown): Error {
    const fault = socketFault(cause);
    this.#tellFault?.(fault);
    return fault;
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
    this.#stop.abort();
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
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw notNats(cause);
  }
}

function notNats(cause?: unknown): RtoolError {
  return new RtoolError("cannot_connect", "What answers there is no NATS broker", { cause });
}

function silentEnd(): RtoolError {
  return new RtoolError("cannot_connect", "The broker has closed the connection without a word");
}
