/**
 * Certificates for tests, made once a process by what `rtool tls` makes them with, and files of
 * them.
 */

import { openssl } from "../access/openssl.ts";
import type { TlsFiles } from "../access/tls_context.ts";
import type { ClientTls } from "../client_dial.ts";
import {
  type CertificatePair,
  makeAuthority,
  makeClient,
  makeServer,
} from "../cli/make_certificates.ts";

// The library stays open, and is opened once: not in a test.
openssl();

const DAY_MS = 864e5;
const NOW = Date.now();

/** From an hour ago to tomorrow. */
export const TODAY = { from: NOW - 36e5, to: NOW + DAY_MS };
/** Over since an hour. */
export const YESTERDAY = { from: NOW - DAY_MS, to: NOW - 36e5 };
/** Begins in an hour. */
export const TOMORROW = { from: NOW + 36e5, to: NOW + DAY_MS };

const LONG = { from: NOW - 2 * DAY_MS, to: NOW + 30 * DAY_MS };

/** The authority all trust, and one that nobody does. */
export const AUTHORITY = await makeAuthority("tests", LONG);
/** Of the same name as the other. */
export const STRANGER = await makeAuthority("tests", LONG);
/** A server that is reached by loopback. */
export const SERVER = await makeServer(AUTHORITY, ["localhost", "127.0.0.1", "::1"], TODAY);
/** A client with a good certificate. */
export const ALICE = await makeClient(AUTHORITY, "alice", TODAY);

/** Files for a test, of mode 0600; gone with it. */
export class TlsPlace implements Disposable {
  readonly dir = Deno.makeTempDirSync({ prefix: "rtool-tls-" });

  /** Writes a pair; the path of its certificate. */
  write(name: string, { cert, key }: CertificatePair): string {
    this.text(`${name}.key`, key);
    return this.text(`${name}.pem`, cert);
  }

  text(name: string, text: string): string {
    const path = `${this.dir}/${name}`;
    Deno.writeTextFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** The files of a server with this pair, which trusts {@linkcode AUTHORITY}. */
  serverFiles(pair = SERVER): TlsFiles {
    const cert = this.write("server", pair);
    return { cert, key: `${this.dir}/server.key`, ca: this.write("ca", AUTHORITY) };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

/** A client that trusts {@linkcode AUTHORITY} and shows this pair. */
export function clientTls(identity?: CertificatePair): ClientTls {
  return { authorities: [AUTHORITY.cert], identity };
}
