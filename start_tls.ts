/**
 * TLS of `rtool serve`: its certificate, and the new one when that is read again. Part of start.ts.
 */

import { TlsContext, type TlsFiles } from "./access/tls_context.ts";
import type { TlsStream } from "./access/tls_stream.ts";
import type { Log } from "./core/log.ts";

/** TLS with these files, if there are any to be used. */
export function maybeTls(files: TlsFiles | undefined, log: Log): ServerTls | undefined {
  return files && new ServerTls(files, log);
}

/** The certificates of a server, and what is to come of those read again. */
export class ServerTls implements Disposable {
  readonly #files: TlsFiles;
  readonly #log: Log;
  #context: TlsContext;
  #next: TlsContext | undefined;

  /** Throws when the files cannot be used. */
  constructor(files: TlsFiles, log: Log) {
    this.#files = files;
    this.#log = log;
    this.#context = new TlsContext(files);
    this.#tell();
  }

  /** Whether clients may show certificates. */
  get hasAuthority(): boolean {
    return this.#files.ca !== undefined;
  }

  /** Puts TLS on a connection, with the certificate that holds now. */
  readonly secure = (conn: Deno.TcpConn): TlsStream => this.#context.accept(conn);

  /** Reads the files again; throws when they cannot be used, and changes nothing. */
  check(): void {
    const next = new TlsContext(this.#files);
    this.#next?.[Symbol.dispose]();
    this.#next = next;
  }

  /** Goes on with what was read; connections that are open keep what they have. */
  apply(): void {
    if (!this.#next) return;
    this.#context[Symbol.dispose]();
    this.#context = this.#next;
    this.#next = undefined;
    this.#tell();
  }

  [Symbol.dispose](): void {
    this.#next?.[Symbol.dispose]();
    this.#context[Symbol.dispose]();
  }

  #tell(): void {
    const { cert, ca } = this.#files;
    this.#log.info("certificate read", { cert, expires: this.#context.validTo, ca: ca ?? "none" });
  }
}
