/**
 * What a server of TLS shows and trusts: certificate, key, and the authority of its clients.
 *
 * Reads the files; a set that cannot be used is `bad_config`. Must not know connections.
 */

import { X509Certificate } from "node:crypto";
import { type Handle, type OpenSsl, openssl, present } from "./openssl.ts";
import { readCertificates, readPrivateKey, unusable } from "./pem_file.ts";
import { newContext, showCertificate, withCertificate } from "./tls_material.ts";
import { TlsStream } from "./tls_stream.ts";

/** Files in PEM. */
export interface TlsFiles {
  /** The server's certificate, then those between it and an authority. */
  readonly cert: string;
  readonly key: string;
  /** Certificates of those who sign our clients'; without it no client is asked for one. */
  readonly ca: string | undefined;
}

const SSL_VERIFY_PEER = 1;

/** Certificate, key and authority, ready to take connections. */
export class TlsContext implements Disposable {
  /** When the server's certificate ends. */
  readonly validTo: string;
  readonly #lib: OpenSsl;
  readonly #handle: Handle;

  /** Reads the files and checks that they belong together and hold at this time. */
  constructor(files: TlsFiles, now = Date.now()) {
    const chain = readCertificates(files.cert);
    const key = readPrivateKey(files.key);
    const authorities = files.ca === undefined ? [] : readCertificates(files.ca);
    this.validTo = refuseTime(files.cert, chain[0], now);
    for (const each of authorities) refuseNoAuthority(files.ca!, each);
    this.#lib = openssl();
    this.#handle = newContext(this.#lib, this.#lib.TLS_server_method());
    try {
      this.#lib.SSL_CTX_set_num_tickets(this.#handle, 0n);
      showCertificate(this.#lib, this.#handle, { chain, key }, files);
      if (authorities.length > 0) this.#askClients(authorities);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** A connection that is to speak TLS. */
  accept(conn: Deno.TcpConn): TlsStream {
    return new TlsStream(conn, this.#lib, this.#handle);
  }

  /** Connections that are open keep what they need of it. */
  [Symbol.dispose](): void {
    this.#lib.SSL_CTX_free(this.#handle);
  }

  /** One that is shown has to be good; that one is shown at all is for the admission to ask. */
  #askClients(authorities: readonly string[]): void {
    const lib = this.#lib;
    const store = present(lib, lib.SSL_CTX_get_cert_store(this.#handle));
    for (const pem of authorities) {
      withCertificate(lib, pem, (certificate) => {
        lib.X509_STORE_add_cert(store, certificate);
        lib.SSL_CTX_add_client_CA(this.#handle, certificate);
      });
    }
    lib.SSL_CTX_set_verify(this.#handle, SSL_VERIFY_PEER, null);
  }
}

function refuseTime(path: string, pem: string, now: number): string {
  const { validFrom, validTo } = new X509Certificate(pem);
  if (Date.parse(validTo) < now) throw unusable(path, `it expired at ${validTo}`);
  if (Date.parse(validFrom) > now) throw unusable(path, `it is not valid before ${validFrom}`);
  return new Date(validTo).toISOString();
}

/** Otherwise any client whose own certificate is in the file could sign others. */
function refuseNoAuthority(path: string, pem: string): void {
  if (new X509Certificate(pem).ca) return;
  throw unusable(path, "it holds a certificate that may not sign others");
}
