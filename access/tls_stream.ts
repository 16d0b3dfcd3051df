/**
 * One connection under TLS, the server's side: plain bytes here, sealed ones on the socket.
 *
 * The handshake happens at the first read or write. Knows sockets and OpenSSL; must not know what
 * is said, nor who may come in.
 */

import { Buffer } from "node:buffer";
import { createHash, X509Certificate } from "node:crypto";
import { isCertificateName, type PeerCertificate } from "../core/certificate.ts";
import { RtoolError } from "../core/errors.ts";
import type { Wire } from "../wire.ts";
import { type Handle, lastFault, type OpenSsl } from "./openssl.ts";

const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_ZERO_RETURN = 6;

/** A record of TLS: the first byte of a greeting. Nothing else rtool speaks begins with it. */
const HANDSHAKE_RECORD = 0x16;

/** Sealed bytes asked of the socket at once. */
const SEALED_BYTES = 1 << 16;

/** Plain bytes sealed at once; what one write of the socket then has to take is a little more. */
const PLAIN_BYTES = 1 << 16;

/** A refused certificate costs as much time as a wrong token. */
const REFUSAL_MS = 100;

/** How long what a refused client still sends is taken from it, in milliseconds. */
const REFUSED_DRAIN_MS = 2000;

/** How long the last bytes of a connection may take. */
const GOODBYE_MS = 100;

/** A certificate is at most this large here. */
const CERTIFICATE_BYTES_MAX = 1 << 20;

/** A connection whose peer is to speak TLS. */
export class TlsStream implements Wire {
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  readonly #conn: Deno.TcpConn;
  readonly #lib: OpenSsl;
  readonly #ssl: Handle;
  /** Sealed bytes to OpenSSL, and from it. */
  readonly #inbox: Handle;
  readonly #outbox: Handle;
  readonly #sealed = new Uint8Array(SEALED_BYTES);
  /** What the socket has not taken yet, and how many plain bytes that is. */
  #unsent = new Uint8Array(0);
  #unsentPlain = 0;
  #greeting: Promise<void> | undefined;
  #early: Uint8Array | undefined;
  #isGreeted = false;
  #isSending = false;
  /** Whether the peer knows that nothing more comes. */
  #hasEnded = false;
  #closed = false;
  #certificate: PeerCertificate | undefined;

  /** `context` is OpenSSL's SSL_CTX, of which the connection keeps its own hold. */
  constructor(conn: Deno.TcpConn, lib: OpenSsl, context: Handle) {
    this.#conn = conn;
    this.localAddr = conn.localAddr;
    this.remoteAddr = conn.remoteAddr;
    this.#lib = lib;
    this.#ssl = owned(lib.SSL_new(context));
    this.#inbox = owned(lib.BIO_new(lib.BIO_s_mem()));
    this.#outbox = owned(lib.BIO_new(lib.BIO_s_mem()));
    lib.SSL_set_bio(this.#ssl, this.#inbox, this.#outbox); // Frees both with the rest.
    lib.SSL_set_accept_state(this.#ssl);
  }

  /** The certificate the peer has shown, after the handshake. Our authority has signed it. */
  get certificate(): PeerCertificate | undefined {
    return this.#certificate;
  }

  /** Whether the peer has begun in plain text: what is read and written then is that. */
  get isPlain(): boolean {
    return this.#early !== undefined;
  }

  setNoDelay(noDelay?: boolean): void {
    this.#conn.setNoDelay(noDelay);
  }

  /** Shakes hands, once; the first read or write does it, too. */
  greet(): Promise<void> {
    return this.#greeting ??= this.#shakeHands();
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    await this.greet();
    if (this.#early) return await this.#readPlain(into, this.#early);
    while (true) {
      this.#refuseClosed();
      this.#lib.ERR_clear_error();
      const count = this.#lib.SSL_read(this.#ssl, into, into.length);
      if (count > 0) return count;
      const error = this.#lib.SSL_get_error(this.#ssl, count);
      if (error === SSL_ERROR_ZERO_RETURN) return null;
      if (error !== SSL_ERROR_WANT_READ) throw this.#broken();
      if (!await this.#receive()) return null; // The frames say whether it is the whole.
    }
  }

  /** Takes bytes, 0 when the socket takes no more of those taken: then it is called again. */
  async write(bytes: Uint8Array): Promise<number> {
    await this.greet();
    if (this.isPlain) return await this.#conn.write(bytes);
    this.#refuseClosed();
    if (this.#unsent.length === 0) this.#seal(bytes.subarray(0, PLAIN_BYTES));
    this.#isSending = true;
    const count = await this.#conn.write(this.#unsent);
    this.#isSending = false;
    this.#unsent = this.#unsent.subarray(count);
    return this.#unsent.length === 0 ? this.#unsentPlain : 0;
  }

  async closeWrite(): Promise<void> {
    await this.greet();
    this.#refuseClosed();
    if (!this.isPlain) {
      this.#hasEnded = true;
      this.#lib.SSL_shutdown(this.#ssl);
      await this.#sendOutbox();
    }
    await this.#conn.closeWrite();
  }

  close(): void {
    if (this.#closed) return;
    const goodbye = this.#maybeGoodbye();
    this.#closed = true;
    this.#lib.SSL_free(this.#ssl);
    if (!goodbye) return this.#conn.close();
    const late = setTimeout(() => this.#conn.close(), GOODBYE_MS);
    void this.#conn.write(goodbye).catch(() => {}).then(() => {
      clearTimeout(late);
      closeQuietly(this.#conn);
    });
  }

  /** Without it the peer could not tell an end from a cut; between two pieces it is no good. */
  #maybeGoodbye(): Uint8Array | undefined {
    if (!this.#isGreeted || this.#hasEnded || this.#isSending) return undefined;
    if (this.#unsent.length > 0) return undefined;
    this.#lib.ERR_clear_error();
    this.#lib.SSL_shutdown(this.#ssl);
    return this.#takeOutbox();
  }

  async #shakeHands(): Promise<void> {
    const first = new Uint8Array(SEALED_BYTES);
    const count = await this.#conn.read(first);
    this.#refuseClosed();
    if (count === null || first[0] !== HANDSHAKE_RECORD) {
      this.#early = first.subarray(0, count ?? 0);
      return;
    }
    this.#lib.BIO_write(this.#inbox, first, count);
    while (true) {
      this.#refuseClosed();
      this.#lib.ERR_clear_error();
      const done = this.#lib.SSL_do_handshake(this.#ssl);
      if (done === 1) break;
      if (this.#lib.SSL_get_error(this.#ssl, done) !== SSL_ERROR_WANT_READ) await this.#refuse();
      await this.#sendOutbox();
      if (!await this.#receive()) {
        throw new RtoolError("connection_lost", "The peer left during the TLS handshake");
      }
    }
    await this.#sendOutbox();
    this.#refuseClosed();
    this.#certificate = this.#maybeCertificate();
    this.#isGreeted = true;
  }

  /** Lets the peer hear why, as TLS says it, before the connection ends. */
  async #refuse(): Promise<never> {
    const fault = lastFault(this.#lib);
    const verdict = this.#lib.SSL_get_verify_result(this.#ssl);
    if (verdict !== 0n) await new Promise((resolve) => setTimeout(resolve, REFUSAL_MS));
    this.#refuseClosed();
    const timer = setTimeout(() => this.close(), REFUSED_DRAIN_MS);
    try {
      await this.#sendOutbox();
      await this.#conn.closeWrite();
      // Bytes that nobody reads would turn into a reset, and that would lose the reason.
      while (await this.#conn.read(this.#sealed) !== null) { /* Forgotten. */ }
    } catch {
      // The peer is gone.
    } finally {
      clearTimeout(timer);
    }
    if (verdict === 0n) throw new RtoolError("bad_request", `The TLS handshake failed: ${fault}`);
    const words = owned(this.#lib.X509_verify_cert_error_string(verdict));
    const why = Deno.UnsafePointerView.getCString(words);
    throw new RtoolError("not_allowed", `The client's certificate is refused: ${why}`);
  }

  #readPlain(into: Uint8Array<ArrayBuffer>, early: Uint8Array): Promise<number | null> {
    if (early.length === 0) return this.#conn.read(into);
    const count = Math.min(early.length, into.length);
    into.set(early.subarray(0, count));
    this.#early = early.subarray(count);
    return Promise.resolve(count);
  }

  #seal(plain: Uint8Array): void {
    this.#lib.ERR_clear_error();
    // Memory takes all there is, so it is all or an error.
    const count = this.#lib.SSL_write(this.#ssl, plain as Uint8Array<ArrayBuffer>, plain.length);
    if (count !== plain.length) throw this.#broken();
    this.#unsent = this.#takeOutbox();
    this.#unsentPlain = count;
  }

  async #receive(): Promise<boolean> {
    const count = await this.#conn.read(this.#sealed);
    this.#refuseClosed();
    if (count !== null) this.#lib.BIO_write(this.#inbox, this.#sealed, count);
    return count !== null;
  }

  async #sendOutbox(): Promise<void> {
    const bytes = this.#takeOutbox();
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  #takeOutbox(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Number(this.#lib.BIO_ctrl_pending(this.#outbox)));
    if (bytes.length > 0) this.#lib.BIO_read(this.#outbox, bytes, bytes.length);
    return bytes;
  }

  #maybeCertificate(): PeerCertificate | undefined {
    const shown = this.#lib.SSL_get1_peer_certificate(this.#ssl);
    if (shown === null) return undefined;
    try {
      return readCertificate(derOf(this.#lib, shown));
    } finally {
      this.#lib.X509_free(shown);
    }
  }

  /** What OpenSSL has freed must not be touched again. */
  #refuseClosed(): void {
    if (this.#closed) throw new RtoolError("connection_lost", "The connection was closed");
  }

  #broken(): RtoolError {
    return new RtoolError("connection_lost", `TLS failed: ${lastFault(this.#lib)}`);
  }
}

/** Who a certificate is for. Two common names are none: tools do not agree on which one counts. */
export function readCertificate(der: Uint8Array): PeerCertificate {
  const sha256 = createHash("sha256").update(der).digest("hex");
  const { subject } = new X509Certificate(Buffer.from(der));
  const names = subject.split("\n").filter((part) => part.startsWith("CN="));
  const name = names.length === 1 ? names[0]!.slice("CN=".length) : "";
  return { name: isCertificateName(name) ? name : undefined, sha256 };
}

function derOf(lib: OpenSsl, certificate: Handle): Uint8Array {
  const length = lib.i2d_X509(certificate, null);
  if (length <= 0 || length > CERTIFICATE_BYTES_MAX) {
    throw new RtoolError("not_allowed", "The client's certificate is too large");
  }
  const der = new Uint8Array(length);
  // i2d_X509 takes the address of the address it writes to.
  const place = new BigUint64Array([Deno.UnsafePointer.value(Deno.UnsafePointer.of(der))]);
  lib.i2d_X509(certificate, place);
  return der;
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // It took too long, and was closed.
  }
}

/** OpenSSL gives none of these only when there is no memory. */
function owned(handle: Deno.PointerValue): Handle {
  if (handle === null) throw new RtoolError("internal", "OpenSSL has no memory");
  return handle;
}
