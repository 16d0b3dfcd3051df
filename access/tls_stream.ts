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
import type { Handle, OpenSsl } from "./openssl.ts";
import { owned, SEALED_BYTES, SealedConn } from "./tls_sealed.ts";

/** A record of TLS: the first byte of a greeting. Nothing else rtool speaks begins with it. */
const HANDSHAKE_RECORD = 0x16;

/** A refused certificate costs as much time as a wrong token. */
const REFUSAL_MS = 100;

/** How long what a refused client still sends is taken from it, in milliseconds. */
const REFUSED_DRAIN_MS = 2000;

/** A certificate is at most this large here. */
const CERTIFICATE_BYTES_MAX = 1 << 20;

/** A connection whose peer is to speak TLS. */
export class TlsStream implements Wire {
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  readonly #conn: Deno.TcpConn;
  readonly #lib: OpenSsl;
  readonly #sealed: SealedConn;
  #greeting: Promise<void> | undefined;
  #early: Uint8Array | undefined;
  #certificate: PeerCertificate | undefined;

  /** `context` is OpenSSL's SSL_CTX, of which the connection keeps its own hold. */
  constructor(conn: Deno.TcpConn, lib: OpenSsl, context: Handle) {
    this.#conn = conn;
    this.localAddr = conn.localAddr;
    this.remoteAddr = conn.remoteAddr;
    this.#lib = lib;
    this.#sealed = new SealedConn(conn, lib, context);
    lib.SSL_set_accept_state(this.#sealed.ssl);
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
    return await this.#sealed.read(into);
  }

  /** Takes bytes, 0 when the socket takes no more of those taken: then it is called again. */
  async write(bytes: Uint8Array): Promise<number> {
    await this.greet();
    return this.isPlain ? await this.#conn.write(bytes) : await this.#sealed.write(bytes);
  }

  async closeWrite(): Promise<void> {
    await this.greet();
    this.#sealed.refuseClosed();
    if (!this.isPlain) await this.#sealed.end();
    await this.#conn.closeWrite();
  }

  close(): void {
    this.#sealed.close();
  }

  async #shakeHands(): Promise<void> {
    const first = new Uint8Array(SEALED_BYTES);
    const count = await this.#conn.read(first);
    this.#sealed.refuseClosed();
    if (count === null || first[0] !== HANDSHAKE_RECORD) {
      this.#early = first.subarray(0, count ?? 0);
      return;
    }
    const fault = await this.#sealed.shakeHands(first.subarray(0, count));
    if (fault) await this.#refuse(fault.why);
    this.#certificate = this.#maybeCertificate();
  }

  /** Lets the peer hear why, as TLS says it, before the connection ends. */
  async #refuse(fault: string): Promise<never> {
    this.#sealed.refuseClosed();
    const verdict = this.#lib.SSL_get_verify_result(this.#sealed.ssl);
    if (verdict !== 0n) await new Promise((resolve) => setTimeout(resolve, REFUSAL_MS));
    this.#sealed.refuseClosed();
    const timer = setTimeout(() => this.close(), REFUSED_DRAIN_MS);
    const rest = new Uint8Array(SEALED_BYTES);
    try {
      await this.#sealed.sendOutbox();
      await this.#conn.closeWrite();
      // Bytes that nobody reads would turn into a reset, and that would lose the reason.
      while (await this.#conn.read(rest) !== null) { /* Forgotten. */ }
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

  #maybeCertificate(): PeerCertificate | undefined {
    const shown = this.#lib.SSL_get1_peer_certificate(this.#sealed.ssl);
    if (shown === null) return undefined;
    try {
      return readCertificate(derOf(this.#lib, shown));
    } finally {
      this.#lib.X509_free(shown);
    }
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
