/**
 * A client's certificate, as far as it says who the client is.
 *
 * Imports nothing. Who signed it has been checked by whoever makes one of these.
 */

/** What is known of the certificate a peer has shown. */
export interface PeerCertificate {
  /** Its one common name; `undefined` when it has none, several, or one that is no name here. */
  readonly name: string | undefined;
  /** SHA-256 of the whole certificate, in hexadecimal. */
  readonly sha256: string;
}

/** Principals are logged, and their names are typed. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** What {@linkcode isCertificateName} wants, in words. */
export const CERTIFICATE_NAME_HINT = "a certificate's name is 1 to 64 letters, digits, '_' or '-'";

/** Whether a client's certificate can be called this. */
export function isCertificateName(name: string): boolean {
  return NAME.test(name);
}

/** A fingerprint as tools print it, with or without colons; `undefined` when it is none. */
export function maybeFingerprint(text: string): string | undefined {
  const digits = text.replaceAll(":", "").toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined;
}
