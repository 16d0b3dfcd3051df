/**
 * Files in PEM: certificates, and private keys nobody else may read.
 *
 * Must not know what they are used for.
 */

import { X509Certificate } from "node:crypto";
import { RtoolError } from "../core/errors.ts";
import { maybeSecret } from "./secret_file.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a file, one PEM each; at least one. */
export function readCertificates(path: string): readonly [string, ...string[]] {
  const [first, ...more] = readText(path).match(CERTIFICATE) ?? [];
  if (first === undefined) throw unusable(path, "it holds no certificate");
  const found: [string, ...string[]] = [first, ...more];
  for (const pem of found) {
    try {
      new X509Certificate(pem);
    } catch (cause) {
      throw unusable(path, "it holds what is no certificate", cause);
    }
  }
  return found;
}

/** A private key. One with a passphrase is refused: a server has nobody to ask for it. */
export function readPrivateKey(path: string): string {
  const secret = maybeSecret(path);
  if (!secret) throw unusable(path, "there is no such file");
  if (!secret.text.includes("PRIVATE KEY-----")) throw unusable(path, "it holds no private key");
  if (secret.text.includes("ENCRYPTED")) throw unusable(path, "a passphrase protects it");
  return secret.text;
}

/** Where the key of a certificate is, unless something else is said: `alice.key`, `alice.pem`. */
export function keyBeside(path: string): string {
  return `${path.replace(/\.(pem|crt|cer)$/, "")}.key`;
}

/** What is wrong with a file, as `bad_config`. */
export function unusable(path: string, why: string, cause?: unknown): RtoolError {
  return new RtoolError("bad_config", `Cannot use ${path}: ${why}`, { cause });
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) throw unusable(path, "there is no such file", cause);
    throw unusable(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}
