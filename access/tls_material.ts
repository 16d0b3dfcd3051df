/**
 * What both sides of TLS give OpenSSL: bounds, a certificate and its key, and whom to trust.
 *
 * Must not know connections, nor who is to be trusted.
 */

import { Buffer } from "node:buffer";
import { type Handle, lastFault, type OpenSsl, present } from "./openssl.ts";
import { unusable } from "./pem_file.ts";

const SSL_CTRL_MODE = 33;
const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
const SSL_CTRL_CHAIN_CERT = 89;
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
const SSL_MODE_RELEASE_BUFFERS = 0x10n;
const TLS_1_2 = 0x0303n;

/** No tickets and no sessions: each connection shows its certificate, so none outlives its end. */
const OPTIONS = (1n << 14n) | (1n << 17n) | (1n << 30n); // NO_TICKET, COMPRESSION, RENEGOTIATION

/** A certificate with those between it and an authority, and its key; texts in PEM. */
export interface Identity {
  readonly chain: readonly string[];
  readonly key: string;
}

/** An SSL_CTX within our bounds, which the caller frees. */
export function newContext(lib: OpenSsl, method: Deno.PointerValue): Handle {
  const context = present(lib, lib.SSL_CTX_new(method));
  lib.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS_1_2, null);
  lib.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, 0n, null);
  lib.SSL_CTX_ctrl(context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, null);
  lib.SSL_CTX_set_options(context, OPTIONS);
  return context;
}

/** What is shown to the other side; `files` are named when they do not fit each other. */
export function showCertificate(
  lib: OpenSsl,
  context: Handle,
  { chain, key }: Identity,
  files: { readonly cert: string; readonly key: string },
): void {
  for (const [index, pem] of chain.entries()) {
    withCertificate(lib, pem, (certificate) => {
      const done = index === 0
        ? lib.SSL_CTX_use_certificate(context, certificate)
        : Number(lib.SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1n, certificate));
      if (done !== 1) throw unusable(files.cert, lastFault(lib));
    });
  }
  const secret = readPem(lib, key, lib.PEM_read_bio_PrivateKey);
  if (secret === null) throw unusable(files.key, `no private key: ${lastFault(lib)}`);
  const done = lib.SSL_CTX_use_PrivateKey(context, secret);
  lib.EVP_PKEY_free(secret);
  if (done === 1 && lib.SSL_CTX_check_private_key(context) === 1) return;
  throw unusable(files.key, `it is not the key of ${files.cert}`);
}

/** Uses a certificate of OpenSSL's, made of PEM, and frees it. */
export function withCertificate(
  lib: OpenSsl,
  pem: string,
  use: (certificate: Handle) => void,
): void {
  const certificate = present(lib, readPem(lib, pem, lib.PEM_read_bio_X509));
  try {
    use(certificate);
  } finally {
    lib.X509_free(certificate);
  }
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
