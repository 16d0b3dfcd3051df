/**
 * What a server of TLS shows and trusts: certificate, key, and the authority of its clients.
 *
 * Reads the files; a set that cannot be used is `bad_config`. Must not know connections.
 */

import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { type Handle, lastFault, type OpenSsl, openssl, present } from "./openssl.ts";
import { readCertificates, readPrivateKey, unusable } from "./pem_file.ts";
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
const SSL_CTRL_MODE = 33;
const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
const SSL_CTRL_CHAIN_CERT = 89;
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
const SSL_MODE_RELEASE_BUFFERS = 0x10n;
const TLS_1_2 = 0x0303n;

/** No tickets and no sessions: each connection shows its certificate, so none outlives its end. */
const OPTIONS = (1n << 14n) | (1n << 17n) | (1n << 30n); // NO_TICKET, COMPRESSION, RENEGOTIATION

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
    this.#handle = present(this.#lib, this.#lib.SSL_CTX_new(this.#lib.TLS_server_method()));
    try {
      this.#limit();
      this.#showCertificate(chain, key, files);
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

  #limit(): void {
    const lib = this.#lib;
    lib.SSL_CTX_ctrl(this.#handle, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS_1_2, null);
    lib.SSL_CTX_ctrl(this.#handle, SSL_CTRL_SET_SESS_CACHE_MODE, 0n, null);
    lib.SSL_CTX_ctrl(this.#handle, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, null);
    lib.SSL_CTX_set_options(this.#handle, OPTIONS);
    lib.SSL_CTX_set_num_tickets(this.#handle, 0n);
  }

  #showCertificate(chain: readonly string[], key: string, files: TlsFiles): void {
    const lib = this.#lib;
    for (const [index, pem] of chain.entries()) {
      this.#withCertificate(pem, (certificate) => {
        const done = index === 0
          ? lib.SSL_CTX_use_certificate(this.#handle, certificate)
          : Number(lib.SSL_CTX_ctrl(this.#handle, SSL_CTRL_CHAIN_CERT, 1n, certificate));
        if (done !== 1) throw unusable(files.cert, lastFault(lib));
      });
    }
    const secret = readPem(lib, key, lib.PEM_read_bio_PrivateKey);
    if (secret === null) throw unusable(files.key, `no private key: ${lastFault(lib)}`);
    const done = lib.SSL_CTX_use_PrivateKey(this.#handle, secret);
    lib.EVP_PKEY_free(secret);
    if (done === 1 && lib.SSL_CTX_check_private_key(this.#handle) === 1) return;
    throw unusable(files.key, `it is not the key of ${files.cert}`);
  }

  /** One that is shown has to be good; that one is shown at all is for the admission to ask. */
  #askClients(authorities: readonly string[]): void {
    const lib = this.#lib;
    const store = present(lib, lib.SSL_CTX_get_cert_store(this.#handle));
    for (const pem of authorities) {
      this.#withCertificate(pem, (certificate) => {
        lib.X509_STORE_add_cert(store, certificate);
        lib.SSL_CTX_add_client_CA(this.#handle, certificate);
      });
    }
    lib.SSL_CTX_set_verify(this.#handle, SSL_VERIFY_PEER, null);
  }

  #withCertificate(pem: string, use: (certificate: Handle) => void): void {
    const lib = this.#lib;
    const certificate = present(lib, readPem(lib, pem, lib.PEM_read_bio_X509));
    try {
      use(certificate);
    } finally {
      lib.X509_free(certificate);
    }
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

function readPem(
  lib: OpenSsl,
  text: string,
  read: OpenSsl["PEM_read_bio_X509"],
): Deno.PointerValue {
  const bytes = new Uint8Array(Buffer.from(text));
  const bio = present(lib, lib.BIO_new(lib.BIO_s_mem()));
  lib.ERR_clear_error();
  lib.BIO_write(bio, bytes, bytes.length);
  const found = read(bio, null, null, new Uint8Array(1)); // An empty passphrase: none is asked for.
  lib.BIO_free(bio);
  return found;
}
