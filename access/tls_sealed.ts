/**
 * The bytes of one connection under OpenSSL: plain ones here, sealed ones on the socket.
 *
 * Either side's. Knows sockets and OpenSSL; must not know what is said, nor whom to trust.
 */

import { RtoolError } from "../core/errors.ts";
import { type Handle, lastOpenSslFault, type OpenSsl, type OpenSslFault } from "./openssl.ts";

const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_ZERO_RETURN = 6;

/** Sealed bytes asked of the socket at once. */
export const SEALED_BYTES = 1 << 16;

/** Plain bytes sealed at once; what one write of the socket then has to take is a little more. */
const PLAIN_BYTES = 1 << 16;

/** How long the last bytes of a connection may take. */
const GOODBYE_MS = 100;

/** A connection with OpenSSL's state of it. */
export class SealedConn {
  readonly ssl: Handle;
  readonly #conn: Deno.TcpConn;
  readonly #lib: OpenSsl;
  /** Sealed bytes to OpenSSL, and from it. */
  readonly #inbox: Handle;
  readonly #outbox: Handle;
  readonly #sealed = new Uint8Array(SEALED_BYTES);
  /** What the socket has not taken yet, and how many plain bytes that is. */
  #unsent = new Uint8Array(0);
  #unsentPlain = 0;
  #isGreeted = false;
  #isSending = false;
  /** Whether the peer knows that nothing more comes. */
  #hasEnded = false;
  #closed = false;

  /** `context` is OpenSSL's SSL_CTX, of which the connection keeps its own hold. */
  constructor(conn: Deno.TcpConn, lib: OpenSsl, context: Handle) {
    this.#conn = conn;
    this.#lib = lib;
    this.ssl = owned(lib.SSL_new(context));
    this.#inbox = owned(lib.BIO_new(lib.BIO_s_mem()));
    this.#outbox = owned(lib.BIO_new(lib.BIO_s_mem()));
    lib.SSL_set_bio(this.ssl, this.#inbox, this.#outbox); // Frees both with the rest.
  }

  /** Shakes hands; what went wrong, or `undefined`. `first` is what has been read already. */
  async shakeHands(first = new Uint8Array(0)): Promise<OpenSslFault | undefined> {
    if (first.length > 0) this.#lib.BIO_write(this.#inbox, first, first.length);
    while (true) {
      this.refuseClosed();
      this.#lib.ERR_clear_error();
      const done = this.#lib.SSL_do_handshake(this.ssl);
      if (done === 1) break;
      if (this.#lib.SSL_get_error(this.ssl, done) !== SSL_ERROR_WANT_READ) {
        return lastOpenSslFault(this.#lib);
      }
      await this.sendOutbox();
      if (!await this.#receive()) {
        throw new RtoolError("connection_lost", "The peer left during the TLS handshake");
      }
    }
    await this.sendOutbox();
    this.refuseClosed();
    this.#isGreeted = true;
    return undefined;
  }

  /** `toError` says what a fault of TLS is to whoever reads. */
  async read(
    into: Uint8Array<ArrayBuffer>,
    toError: (fault: OpenSslFault) => RtoolError = broken,
  ): Promise<number | null> {
    while (true) {
      this.refuseClosed();
      this.#lib.ERR_clear_error();
      const count = this.#lib.SSL_read(this.ssl, into, into.length);
      if (count > 0) return count;
      const error = this.#lib.SSL_get_error(this.ssl, count);
      if (error === SSL_ERROR_ZERO_RETURN) return null;
      if (error !== SSL_ERROR_WANT_READ) throw toError(lastOpenSslFault(this.#lib));
      if (!await this.#receive()) return null; // The frames say whether it is the whole.
    }
  }

  /** Takes bytes, 0 when the socket takes no more of those taken: then it is called again. */
  async write(bytes: Uint8Array): Promise<number> {
    this.refuseClosed();
    if (this.#unsent.length === 0) this.#seal(bytes.subarray(0, PLAIN_BYTES));
    this.#isSending = true;
    const count = await this.#conn.write(this.#unsent);
    this.#isSending = false;
    this.#unsent = this.#unsent.subarray(count);
    return this.#unsent.length === 0 ? this.#unsentPlain : 0;
  }

  /** Says that nothing more comes. */
  async end(): Promise<void> {
    this.refuseClosed();
    this.#hasEnded = true;
    this.#lib.SSL_shutdown(this.ssl);
    await this.sendOutbox();
  }

  close(): void {
    if (this.#closed) return;
    const goodbye = this.#maybeGoodbye();
    this.#closed = true;
    this.#lib.SSL_free(this.ssl);
    if (!goodbye) return this.#conn.close();
    const late = setTimeout(() => this.#conn.close(), GOODBYE_MS);
    void this.#conn.write(goodbye).catch(() => {}).then(() => {
      clearTimeout(late);
      closeQuietly(this.#conn);
    });
  }

  /** What OpenSSL has freed must not be touched again. */
  refuseClosed(): void {
    if (this.#closed) throw new RtoolError("connection_lost", "The connection was closed");
  }

  /** Sends what OpenSSL has to say by itself. */
  async sendOutbox(): Promise<void> {
    const bytes = this.#takeOutbox();
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Without it the peer could not tell an end from a cut; between two pieces it is no good. */
  #maybeGoodbye(): Uint8Array | undefined {
    if (!this.#isGreeted || this.#hasEnded || this.#isSending) return undefined;
    if (this.#unsent.length > 0) return undefined;
    this.#lib.ERR_clear_error();
    this.#lib.SSL_shutdown(this.ssl);
    return this.#takeOutbox();
  }

  #seal(plain: Uint8Array): void {
    this.#lib.ERR_clear_error();
    // Memory takes all there is, so it is all or an error.
    const count = this.#lib.SSL_write(this.ssl, plain as Uint8Array<ArrayBuffer>, plain.length);
    if (count !== plain.length) throw broken(lastOpenSslFault(this.#lib));
    this.#unsent = this.#takeOutbox();
    this.#unsentPlain = count;
  }

  async #receive(): Promise<boolean> {
    const count = await this.#conn.read(this.#sealed);
    this.refuseClosed();
    if (count !== null) this.#lib.BIO_write(this.#inbox, this.#sealed, count);
    return count !== null;
  }

  #takeOutbox(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Number(this.#lib.BIO_ctrl_pending(this.#outbox)));
    if (bytes.length > 0) this.#lib.BIO_read(this.#outbox, bytes, bytes.length);
    return bytes;
  }
}

function broken({ why }: OpenSslFault): RtoolError {
  return new RtoolError("connection_lost", `TLS failed: ${why}`);
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // It took too long, and was closed.
  }
}

/** OpenSSL gives none of these only when there is no memory. */
export function owned(handle: Deno.PointerValue): Handle {
  if (handle === null) throw new RtoolError("internal", "OpenSSL has no memory");
  return handle;
}
