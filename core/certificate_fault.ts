/**
 * What can be wrong with a certificate, ours or a server's, in rtool's words.
 *
 * Two libraries do TLS here, and each has its own for it: Deno's rustls, and OpenSSL.
 */

import { RtoolError } from "./errors.ts";

/** What is wrong with a server's certificate. */
export type CertificateFault = "issuer" | "early" | "expired" | "name";

const WHY: Readonly<Record<CertificateFault, string>> = {
  issuer: "nobody we trust has signed its certificate",
  early: "its certificate is not valid yet",
  expired: "its certificate has expired",
  name: "its certificate is for another name",
};

/** That a server cannot be trusted, and what to do about it. */
export function untrusted(
  peer: string,
  fault: CertificateFault,
  hints: Readonly<Record<CertificateFault, string>>,
  cause?: unknown,
): RtoolError {
  const message = `Cannot trust ${peer}: ${WHY[fault]}`;
  return new RtoolError("cannot_connect", message, { cause, hint: hints[fault] });
}

/** What rustls calls them; the first that is found counts. */
const IN_RUSTLS: readonly (readonly [pattern: RegExp, fault: CertificateFault])[] = [
  [/UnknownIssuer|BadSignature/, "issuer"],
  [/NotValidYet|not valid yet/, "early"],
  [/Expired|expired/, "expired"],
  [/NotValidForName|not valid for name/, "name"],
];

/** What a message of rustls says of the server's certificate, or `undefined`. */
export function maybeCertificateFault(text: string): CertificateFault | undefined {
  return IN_RUSTLS.find(([pattern]) => pattern.test(text))?.[1];
}

/** What a server says of our certificate (RFC 8446, 6.2): numbers, and the names rustls has. */
const REFUSALS: readonly (readonly [alerts: readonly number[], name: RegExp, why: string])[] = [
  [[45], /alert: CertificateExpired/, "it has expired"],
  [[44], /alert: CertificateRevoked/, "it is revoked"],
  [[48, 51], /alert: (UnknownCA|DecryptError)/, "nobody the server trusts has signed it"],
  [[40, 116], /alert: (CertificateRequired|HandshakeFailure)/, "the server wants one"],
  [[43], /alert: UnsupportedCertificate/, "it is not a client's"],
  [
    [42, 46],
    /alert: (BadCertificate|CertificateUnknown)/,
    "it is not valid, not yet, or not trusted there",
  ],
  [[49], /alert: AccessDenied/, "it is not admitted"],
];

/** Why a server does not want our certificate, from the alert it has sent; or `undefined`. */
export function maybeRefusal(alert: string | number): string | undefined {
  return REFUSALS.find(([numbers, name]) => {
    return typeof alert === "number" ? numbers.includes(alert) : name.test(alert);
  })?.[2];
}
