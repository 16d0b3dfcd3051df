/**
 * The machine's OpenSSL 3, as far as TLS needs it that Deno does not offer.
 *
 * Deno's own cannot ask a client for its certificate, and cannot show one when a connection changes
 * to TLS on its way. Bytes go in and out through memory, so
 * OpenSSL does no I/O of its own. Must not know sockets, files or who may come in.
 */

import { RtoolError } from "../core/errors.ts";

/** A pointer of OpenSSL's, which whoever made it frees. */
export type Handle = NonNullable<Deno.PointerValue>;

/** Where the library is called what, the likeliest first. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  linux: ["libssl.so.3"],
  darwin: [
    "/opt/homebrew/opt/openssl@3/lib/libssl.3.dylib",
    "/usr/local/opt/openssl@3/lib/libssl.3.dylib",
    "libssl.3.dylib",
  ],
};

const pointer = "pointer" as const;
const buffer = "buffer" as const;
const int = "i32" as const;
const long = "i64" as const;
const size = "usize" as const;
const nothing = "void" as const;

/** libssl brings libcrypto with it: its symbols are found here, too. */
const SYMBOLS = {
  TLS_server_method: { parameters: [], result: pointer },
  TLS_client_method: { parameters: [], result: pointer },
  SSL_CTX_new: { parameters: [pointer], result: pointer },
  SSL_CTX_free: { parameters: [pointer], result: nothing },
  SSL_CTX_ctrl: { parameters: [pointer, int, long, pointer], result: long },
  SSL_CTX_set_options: { parameters: [pointer, "u64"], result: "u64" },
  SSL_CTX_set_num_tickets: { parameters: [pointer, size], result: int },
  SSL_CTX_set_verify: { parameters: [pointer, int, pointer], result: nothing },
  SSL_CTX_use_certificate: { parameters: [pointer, pointer], result: int },
  SSL_CTX_use_PrivateKey: { parameters: [pointer, pointer], result: int },
  SSL_CTX_check_private_key: { parameters: [pointer], result: int },
  SSL_CTX_get_cert_store: { parameters: [pointer], result: pointer },
  SSL_CTX_add_client_CA: { parameters: [pointer, pointer], result: int },
  SSL_CTX_set_default_verify_paths: { parameters: [pointer], result: int },
  X509_STORE_set_flags: { parameters: [pointer, "u64"], result: int },
  X509_STORE_add_cert: { parameters: [pointer, pointer], result: int },
  PEM_read_bio_X509: { parameters: [pointer, pointer, pointer, buffer], result: pointer },
  PEM_read_bio_PrivateKey: { parameters: [pointer, pointer, pointer, buffer], result: pointer },
  X509_free: { parameters: [pointer], result: nothing },
  EVP_PKEY_free: { parameters: [pointer], result: nothing },
  i2d_X509: { parameters: [pointer, buffer], result: int },
  X509_verify_cert_error_string: { parameters: [long], result: pointer },
  SSL_new: { parameters: [pointer], result: pointer },
  SSL_free: { parameters: [pointer], result: nothing },
  SSL_set_bio: { parameters: [pointer, pointer, pointer], result: nothing },
  SSL_set_accept_state: { parameters: [pointer], result: nothing },
  SSL_set_connect_state: { parameters: [pointer], result: nothing },
  SSL_ctrl: { parameters: [pointer, int, long, buffer], result: long },
  SSL_set1_host: { parameters: [pointer, buffer], result: int },
  SSL_set_hostflags: { parameters: [pointer, "u32"], result: nothing },
  SSL_do_handshake: { parameters: [pointer], result: int },
  SSL_read: { parameters: [pointer, buffer, int], result: int },
  SSL_write: { parameters: [pointer, buffer, int], result: int },
  SSL_shutdown: { parameters: [pointer], result: int },
  SSL_get_error: { parameters: [pointer, int], result: int },
  SSL_get_verify_result: { parameters: [pointer], result: long },
  SSL_get1_peer_certificate: { parameters: [pointer], result: pointer },
  BIO_new: { parameters: [pointer], result: pointer },
  BIO_s_mem: { parameters: [], result: pointer },
  BIO_free: { parameters: [pointer], result: int },
  BIO_read: { parameters: [pointer, buffer, int], result: int },
  BIO_write: { parameters: [pointer, buffer, int], result: int },
  BIO_ctrl_pending: { parameters: [pointer], result: size },
  ERR_clear_error: { parameters: [], result: nothing },
  ERR_get_error: { parameters: [], result: "u64" },
  ERR_reason_error_string: { parameters: ["u64"], result: pointer },
} as const;

/** OpenSSL's functions, under its names. */
export type OpenSsl = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let loaded: OpenSsl | undefined;

/** Loads the library, once; `bad_config` where there is none. It stays for the process's life. */
export function openssl(names = NAMES[Deno.build.os] ?? []): OpenSsl {
  loaded ??= load(names);
  return loaded;
}

/** Why OpenSSL said no. */
export interface OpenSslFault {
  /** In its words. */
  readonly why: string;
  /** What the peer has said, as a number of RFC 8446, 6; `undefined` when it was not the peer. */
  readonly alert: number | undefined;
}

/** Its errors hold the reason in their lower bits; a peer's alerts are reasons from 1000 on. */
const REASON_BITS = 0x7fffffn;
const ALERTS_FROM = 1000;
const ALERTS_MAX = 255;

/** What went wrong last. Asked in the turn in which it happened: the next call forgets it. */
export function lastOpenSslFault(ssl: OpenSsl): OpenSslFault {
  const error = ssl.ERR_get_error();
  const text = ssl.ERR_reason_error_string(error);
  const alert = Number(error & REASON_BITS) - ALERTS_FROM;
  return {
    why: text === null ? "unknown reason" : Deno.UnsafePointerView.getCString(text),
    alert: alert >= 0 && alert <= ALERTS_MAX ? alert : undefined,
  };
}

/** Why OpenSSL said no, in its words. */
export function lastFault(ssl: OpenSsl): string {
  return lastOpenSslFault(ssl).why;
}

/** The pointer, or an error: OpenSSL gives none when there is no memory, or nothing to read. */
export function present(ssl: OpenSsl, handle: Deno.PointerValue): Handle {
  if (handle !== null) return handle;
  throw new RtoolError("bad_config", `OpenSSL failed: ${lastFault(ssl)}`);
}

function load(names: readonly string[]): OpenSsl {
  for (const name of names) {
    try {
      return Deno.dlopen(name, SYMBOLS).symbols;
    } catch {
      // Under another name, or nowhere.
    }
  }
  throw new RtoolError("bad_config", "Cannot use TLS: OpenSSL 3 is not on this machine", {
    hint: "install it (libssl3 in Debian and Ubuntu, openssl-libs in Fedora, openssl@3 in brew)",
  });
}
