/**
 * Where the files of TLS are, for a server and for a client.
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { keyBeside, readCertificates, readPrivateKey, unusable } from "../access/pem_file.ts";
import type { TlsFiles } from "../access/tls_context.ts";
import type { ClientTls } from "../client_dial.ts";
import { RtoolError } from "../core/errors.ts";
import type { Options } from "../core/options.ts";
import { resolves } from "../core/path_state.ts";
import type { Context } from "./context.ts";
import { configDir } from "./parse.ts";

/** What `rtool tls init` makes in its directory. */
export const AUTHORITY = "ca";
/** The server's. */
export const SERVER = "server";

/** Where certificates are, unless something else is said. */
export function tlsDir(env: Context["env"]): string {
  return `${configDir(env)}/tls`;
}

/** The files of a server; `undefined` when it is to speak plain text. */
export function maybeServerFiles(options: Options, env: Context["env"]): TlsFiles | undefined {
  const named = options.maybeText("tls-cert");
  if (named === undefined && !options.flag("tls")) {
    const idle = ["tls-key", "tls-ca"].find((name) => options.maybeText(name) !== undefined);
    if (idle === undefined) return undefined;
    throw new RtoolError("bad_config", `Cannot use --${idle} without --tls-cert or --tls`);
  }
  const cert = named ?? `${tlsDir(env)}/${SERVER}.pem`;
  if (named === undefined && !resolves(cert)) {
    throw new RtoolError("bad_config", `Cannot speak TLS: there is no ${cert}`, {
      hint: "make it with: rtool tls init",
    });
  }
  const beside = cert.replace(/[^/]*$/, `${AUTHORITY}.pem`);
  return {
    cert,
    key: options.maybeText("tls-key") ?? keyBeside(cert),
    ca: options.maybeText("tls-ca") ?? (resolves(beside) ? beside : undefined),
  };
}

/** What a client trusts and shows; all of it has been checked: the library trusts it. */
export function readClientTls(options: Options, env: Context["env"]): ClientTls {
  const usual = `${tlsDir(env)}/${AUTHORITY}.pem`;
  const ca = options.maybeText("tls-ca") ?? (resolves(usual) ? usual : undefined);
  return {
    authorities: ca === undefined ? [] : readCertificates(ca),
    identity: maybeIdentity(options),
  };
}

function maybeIdentity(options: Options): ClientTls["identity"] {
  const path = options.maybeText("tls-cert");
  if (path === undefined) {
    if (options.maybeText("tls-key") === undefined) return undefined;
    throw new RtoolError("usage", "Option --tls-key needs --tls-cert: whose key is it?");
  }
  return readIdentity(path, options.maybeText("tls-key") ?? keyBeside(path));
}

/** A certificate and its key; throws when one cannot be read, or they do not belong together. */
export function readIdentity(
  path: string,
  keyPath: string,
): NonNullable<ClientTls["identity"]> {
  const chain = readCertificates(path);
  const key = readPrivateKey(keyPath);
  if (!fits(chain[0], key, keyPath)) throw unusable(keyPath, `it is not the key of ${path}`);
  return { cert: chain.join("\n"), key };
}

/** Deno ends the process when it is given a key that does not fit. */
function fits(cert: string, key: string, keyPath: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw unusable(keyPath, "it holds no private key that can be read", cause);
  }
}
