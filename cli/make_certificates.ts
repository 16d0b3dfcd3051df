/**
 * Makes certificates: an authority of one's own, and what it signs.
 *
 * Knows X.509 through its library; must not know files. Loaded only by `rtool tls`.
 */

import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { isIP } from "node:net";

/** A certificate and its private key, in PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** How long a certificate is good, in milliseconds since 1970. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

/** What servers and clients understand alike, Deno's library included. */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** Positive and never the same: 127 bits of chance. */
const SERIAL_BYTES = 16;

/** Makes an authority that signs servers and clients, and no other authority. */
export async function makeAuthority(name: string, validity: Validity): Promise<CertificatePair> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: makeSerial(),
    name: [{ CN: [name] }],
    notBefore: new Date(validity.from),
    notAfter: new Date(validity.to),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return await pairOf(certificate, keys.privateKey);
}

/** Makes the certificate of a server that is reached by these names and addresses. */
export async function makeServer(
  authority: CertificatePair,
  hosts: readonly [string, ...string[]],
  validity: Validity,
): Promise<CertificatePair> {
  return await makeSigned(authority, hosts[0], SERVER_AUTH, alternatives(hosts), validity);
}

/** Makes the certificate of a client. */
export async function makeClient(
  authority: CertificatePair,
  name: string,
  validity: Validity,
): Promise<CertificatePair> {
  const names = [{ type: "dns" as const, value: name }];
  return await makeSigned(authority, name, CLIENT_AUTH, names, validity);
}

/** Whether an authority's certificate and key belong together. */
export async function isPair({ cert, key }: CertificatePair): Promise<boolean> {
  const message = new TextEncoder().encode("rtool");
  const signature = await crypto.subtle.sign(ALGORITHM, await readKey(key), message);
  const publicKey = await new x509.X509Certificate(cert).publicKey.export(ALGORITHM, ["verify"]);
  return await crypto.subtle.verify(ALGORITHM, publicKey, signature, message);
}

/** What a certificate is for. */
export function kindOf(pem: string): "authority" | "server" | "client" | "other" {
  const certificate = new x509.X509Certificate(pem);
  if (certificate.getExtension(x509.BasicConstraintsExtension)?.ca) return "authority";
  const usages = certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [];
  if (usages.includes(SERVER_AUTH)) return "server";
  return usages.includes(CLIENT_AUTH) ? "client" : "other";
}

async function makeSigned(
  authority: CertificatePair,
  name: string,
  usage: string,
  names: x509.JsonGeneralNames,
  validity: Validity,
): Promise<CertificatePair> {
  const keys = await makeKeys();
  const issuer = new x509.X509Certificate(authority.cert);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: makeSerial(),
    subject: [{ CN: [name] }],
    issuer: issuer.subjectName,
    notBefore: new Date(validity.from),
    // What outlives its authority is refused all the same.
    notAfter: new Date(Math.min(validity.to, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: await readKey(authority.key),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return await pairOf(certificate, keys.privateKey);
}

function alternatives(hosts: readonly string[]): x509.JsonGeneralNames {
  return hosts.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }));
}

async function makeKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function readKey(pem: string): Promise<CryptoKey> {
  const bytes = x509.PemConverter.decodeFirst(pem);
  return crypto.subtle.importKey("pkcs8", bytes, ALGORITHM, false, ["sign"]);
}

async function pairOf(cert: x509.X509Certificate, key: CryptoKey): Promise<CertificatePair> {
  const secret = await crypto.subtle.exportKey("pkcs8", key);
  return {
    cert: `${cert.toString("pem")}\n`,
    key: `${x509.PemConverter.encode(secret, "PRIVATE KEY")}\n`,
  };
}

/** The first bit is 0 and the next 1: a positive number that has all its bytes. */
function makeSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
