/**
 * Who asks for a queued job, signed by whoever admitted it; and the keys that sign.
 *
 * Must not know where keys are kept.
 */

import { RtoolError } from "../core/errors.ts";
import type { JobId, Principal } from "../core/job.ts";
import { digestHex } from "./names.ts";

/** What the signature covers. */
export interface Claim {
  readonly queue: string;
  readonly id: JobId;
  /** When it was admitted, in milliseconds since 1970. */
  readonly at: number;
  /** SHA-256 of the job message's body. */
  readonly digest: string;
  /** The principal's name and its profile's. */
  readonly principal: string;
  readonly profile: string;
  /** Public key of the signer. */
  readonly key: string;
}

/** Who may ask, as a claim and a profile of this server make it. */
export type ClaimedPrincipal = Pick<Claim, "principal" | "profile">;

/** A signed claim as it stands in the headers of a message. */
export interface SignedClaim {
  readonly text: string;
  readonly signature: string;
}

/** A key pair; the public half names it. */
export interface ClusterKey {
  readonly publicKey: string;
  readonly privateKey: CryptoKey;
}

/** Older claims are refused; their logs may be gone, which else show that they have run. */
export const CLAIM_AGE_MAX_MS = 24 * 3600_000;

/** Clocks of two hosts may differ by so much. */
const CLOCK_SKEW_MS = 5 * 60_000;

const PREFIX = "rtool-cluster-key ";

/** The text of a new key file. */
export async function generateKeyText(): Promise<string> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new RtoolError("internal", "No key pair was made");
  return `${PREFIX}${toBase64(await crypto.subtle.exportKey("pkcs8", pair.privateKey))}\n`;
}

/** Reads the text of a key file; `path` is for people. */
export async function parseKeyText(text: string, path: string): Promise<ClusterKey> {
  try {
    if (!text.startsWith(PREFIX)) throw new TypeError("no key");
    const bytes = fromBase64(text.slice(PREFIX.length).trim());
    const privateKey = await crypto.subtle.importKey("pkcs8", bytes, "Ed25519", true, ["sign"]);
    const { x = "" } = await crypto.subtle.exportKey("jwk", privateKey);
    return { publicKey: x, privateKey };
  } catch (cause) {
    // Never shows what it was given: it may be a secret of another kind.
    throw new RtoolError("bad_config", `Cannot use ${path}: it holds no key of a cluster`, {
      cause,
      hint: "make one with: rtool cluster key FILE",
    });
  }
}

/** Signs who asks for a job with this body. */
export async function signClaim(
  { publicKey, privateKey }: ClusterKey,
  claim: Omit<Claim, "at" | "digest" | "key">,
  body: Uint8Array<ArrayBuffer>,
): Promise<SignedClaim> {
  const whole: Claim = { ...claim, at: Date.now(), digest: await digestHex(body), key: publicKey };
  const text = JSON.stringify(whole);
  const bytes = new TextEncoder().encode(text);
  return { text, signature: toBase64(await crypto.subtle.sign("Ed25519", privateKey, bytes)) };
}

/** What a server admits jobs by. */
export interface ClaimCheck {
  readonly queue: string;
  readonly id: JobId;
  /** Public keys whose claims are believed. */
  readonly trusted: ReadonlySet<string>;
  /** Older claims are refused. @default {a day} */
  readonly ageMaxMs?: number;
}

/** The claim, once it is proved; throws `not_allowed` with what is wrong. */
export async function verifyClaim(
  { text, signature }: SignedClaim,
  body: Uint8Array<ArrayBuffer>,
  check: ClaimCheck,
): Promise<Claim> {
  const claim = parseClaim(text);
  if (!check.trusted.has(claim.key)) throw refused("the key that signed it is not trusted here");
  if (!await isSigned(text, signature, claim.key)) throw refused("its signature is wrong");
  if (claim.queue !== check.queue || claim.id !== check.id) {
    throw refused("it was signed for another");
  }
  const age = Date.now() - claim.at;
  if (age > (check.ageMaxMs ?? CLAIM_AGE_MAX_MS) || age < -CLOCK_SKEW_MS) {
    throw refused("it was signed too long ago, or the clocks of two hosts differ");
  }
  if (claim.digest !== await digestHex(body)) throw refused("it is not what was signed");
  return claim;
}

/** Whether the key made this signature of this text; what is no signature is none. */
async function isSigned(text: string, signature: string, x: string): Promise<boolean> {
  try {
    const jwk = { kty: "OKP", crv: "Ed25519", x };
    const key = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["verify"]);
    const bytes = new TextEncoder().encode(text);
    return await crypto.subtle.verify("Ed25519", key, fromBase64(signature), bytes);
  } catch {
    return false;
  }
}

/** What a principal's claim says of it. */
export function claimedOf({ name, profile }: Principal): ClaimedPrincipal {
  return { principal: name, profile: profile.name };
}

function parseClaim(text: string): Claim {
  try {
    const { queue, id, at, digest, principal, profile, key } = JSON.parse(text);
    const texts = [queue, id, digest, principal, profile, key];
    if (texts.every((each) => typeof each === "string") && typeof at === "number") {
      return { queue, id, at, digest, principal, profile, key };
    }
  } catch {
    // Said below.
  }
  throw refused("nobody has signed it");
}

function refused(why: string): RtoolError {
  return new RtoolError("not_allowed", `The server refused the job: ${why}`);
}

function toBase64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
