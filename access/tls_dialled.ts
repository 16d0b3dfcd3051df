/**
 * TLS as a client that shows a certificate, over a connection that is open already.
 *
 * Deno's own shows one only when TLS comes first, and NATS greets in plain text; its `node:tls`
 * tells of a wrong certificate only when something is written, and as "write UNKNOWN". The peer's
 * certificate is checked always: who has signed it, its time, and its name.
 */

import { type CertificateFault, maybeRefusal, untrusted } from "../core/certificate_fault.ts";
import { RtoolError } from "../core/errors.ts";
import { type Handle, type OpenSsl, openssl, type OpenSslFault, present } from "./openssl.ts";
import { readCertificates, readPrivateKey } from "./pem_file.ts";
import { newContext, showCertificate, withCertificate } from "./tls_material.ts";
import { owned, SealedConn } from "./tls_sealed.ts";

/** Files in PEM. */
export interface IdentityFiles {
  /** Our certificate, then those between it and an authority. */
  readonly cert: string;
  readonly key: string;
  /** Who may have signed the peer's; without it, whom the machine trusts. */
  readonly ca: string | undefined;
}

/** What to do about a fault, for whom the caller talks to. */
export type IdentityHints = Readonly<Record<CertificateFault | "refused", string>>;

const SSL_VERIFY_PEER = 1;
const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55;
const NAME_TYPE_HOST = 0n;

/** A certificate in the file of authorities is trusted itself, as Deno's own TLS does. */
const X509_V_FLAG_PARTIAL_CHAIN = 0x80000n;

/** No wildcards within a label, and no common names in place of those that count. */
const X509_CHECK_FLAGS = 0x4 | 0x20;

/** What OpenSSL's check says. */
const VERDICTS: Readonly<Record<number, CertificateFault>> = {
  9: "early",
  10: "expired",
  18: "issuer",
  19: "issuer",
  20: "issuer",
  21: "issuer",
  7: "issuer",
  62: "name",
  64: "name",
};

const ADDRESS = /^[\d.]+$|:/;

/** A connection under TLS, its handshake done. */
export class TlsDialled {
  readonly #sealed: SealedConn;
  readonly #peer: string;
  readonly #hints: IdentityHints;

  private constructor(sealed: SealedConn, peer: string, hints: IdentityHints) {
    this.#sealed = sealed;
    this.#peer = peer;
    this.#hints = hints;
  }

  /**
   * Reads the files, and shakes hands with who is called `hostname`, until `signal`. Owns `conn`
   * from here on.
   */
  static async start(
    conn: Deno.TcpConn,
    hostname: string,
    files: IdentityFiles,
    hints: IdentityHints,
    signal: AbortSignal,
  ): Promise<TlsDialled> {
    let sealed: SealedConn | undefined;
    const giveUp = () => sealed?.close();
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      signal.throwIfAborted();
      const lib = openssl();
      sealed = seal(lib, conn, files);
      expectName(lib, sealed.ssl, hostname);
      const fault = await sealed.shakeHands();
      if (!fault) return new TlsDialled(sealed, hostname, hints);
      const verdict = Number(lib.SSL_get_verify_result(sealed.ssl));
      await sealed.sendOutbox().catch(() => {}); // The peer hears why, if it still listens.
      throw toHandshakeFault(lib, fault, verdict, hostname, hints);
    } catch (error) {
      if (sealed) sealed.close();
      else conn.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** A peer refuses our certificate after its part of the handshake: the first read tells. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#sealed.read(into, (fault) => toFault(fault, this.#peer, this.#hints));
  }

  /** Takes bytes, 0 when it has to be called again for the same ones. */
  write(bytes: Uint8Array): Promise<number> {
    return this.#sealed.write(bytes);
  }

  close(): void {
    this.#sealed.close();
  }
}

/** The connection keeps what it needs of the context; files are read anew for each. */
function seal(lib: OpenSsl, conn: Deno.TcpConn, files: IdentityFiles): SealedConn {
  const identity = { chain: readCertificates(files.cert), key: readPrivateKey(files.key) };
  const authorities = files.ca === undefined ? undefined : readCertificates(files.ca);
  const context = newContext(lib, lib.TLS_client_method());
  try {
    showCertificate(lib, context, identity, files);
    trust(lib, context, authorities);
    const sealed = new SealedConn(conn, lib, context);
    lib.SSL_set_connect_state(sealed.ssl);
    return sealed;
  } finally {
    lib.SSL_CTX_free(context);
  }
}

function trust(lib: OpenSsl, context: Handle, authorities: readonly string[] | undefined): void {
  if (authorities) {
    const store = present(lib, lib.SSL_CTX_get_cert_store(context));
    lib.X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    for (const pem of authorities) {
      withCertificate(lib, pem, (certificate) => lib.X509_STORE_add_cert(store, certificate));
    }
  } else {
    lib.SSL_CTX_set_default_verify_paths(context);
  }
  lib.SSL_CTX_set_verify(context, SSL_VERIFY_PEER, null);
}

function expectName(lib: OpenSsl, ssl: Handle, hostname: string): void {
  const name = new TextEncoder().encode(`${hostname}\0`);
  lib.SSL_set_hostflags(ssl, X509_CHECK_FLAGS);
  const isAddress = ADDRESS.test(hostname);
  const isSet = lib.SSL_set1_host(ssl, name) === 1 &&
    // An address is checked, and not sent.
    (isAddress || lib.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, NAME_TYPE_HOST, name) === 1n);
  if (!isSet) throw new RtoolError("bad_config", `Cannot use ${hostname} as a name in TLS`);
}

function toHandshakeFault(
  lib: OpenSsl,
  fault: OpenSslFault,
  verdict: number,
  peer: string,
  hints: IdentityHints,
): RtoolError {
  if (verdict === 0) return toFault(fault, peer, hints);
  const known = VERDICTS[verdict];
  if (known) return untrusted(peer, known, hints);
  const words = owned(lib.X509_verify_cert_error_string(BigInt(verdict)));
  const why = Deno.UnsafePointerView.getCString(words);
  return new RtoolError("cannot_connect", `Cannot trust ${peer}: ${why}`);
}

function toFault(
  { why, alert }: OpenSslFault,
  peer: string,
  { refused }: IdentityHints,
): RtoolError {
  const refusal = alert === undefined ? undefined : maybeRefusal(alert);
  if (refusal === undefined) return new RtoolError("connection_lost", `TLS failed: ${why}`);
  const message = `${peer} refuses our certificate: ${refusal}`;
  return new RtoolError("not_allowed", message, { hint: refused });
}
