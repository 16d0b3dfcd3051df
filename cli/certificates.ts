/**
 * Whose certificates are admitted: the tables `[certificate.NAME]` of the configuration.
 *
 * Knows what such a table may hold; must not know files, connections or who signs.
 */

import { maybeFingerprint, type PeerCertificate } from "../core/certificate.ts";
import type { OptionSpec, RawValues } from "../core/options.ts";
import { isReservedName } from "../core/job.ts";
import { DEFAULT_PROFILE_NAME } from "../core/profile.ts";

/** The table that holds all of them. */
export const CERTIFICATE_TABLE = "certificate";

const PROFILE = "profile";
const SHA256 = "sha256";

const KEYS: readonly OptionSpec[] = [
  { name: PROFILE, kind: "text", help: "What whoever shows such a certificate gets" },
  {
    name: SHA256,
    kind: "text",
    help: "The certificates that count, whatever name they carry",
    repeat: true,
    list: true,
  },
];

/** Whom certificates stand for. */
export interface Holder {
  readonly name: string;
  readonly profile: string;
  /** Fingerprints; undefined: any certificate for this name. */
  readonly sha256: readonly string[] | undefined;
}

/** What cannot be used: a key's value, or the table without a key. */
export interface CertificateFault {
  readonly key: string | undefined;
  readonly detail: string;
}

/** The keys of one table, as they stand in the file. */
export function certificateSpecs(name: string): readonly OptionSpec[] {
  return KEYS.map((spec) => {
    return { ...spec, key: `${CERTIFICATE_TABLE}.${name}.${spec.name}`, reload: true };
  });
}

/** What is wrong with one table whose values are each of their kind. */
export function* findCertificateFaults(
  name: string,
  values: RawValues,
  profiles: readonly string[],
): Generator<CertificateFault> {
  const valuesOf = (key: string) => values[`${CERTIFICATE_TABLE}.${name}.${key}`];
  const profile = valuesOf(PROFILE)?.[0];
  if (isReservedName(name)) {
    yield { key: undefined, detail: `found ${name}, a name that rtool gives itself` };
  }
  if (profile === undefined) {
    yield { key: undefined, detail: "found no profile, wanted the name of one" };
  } else if (profile !== DEFAULT_PROFILE_NAME && !profiles.includes(profile)) {
    const found = JSON.stringify(profile.slice(0, 80));
    yield { key: PROFILE, detail: `found ${found}, and there is no [profile] of that name` };
  }
  const odd = valuesOf(SHA256)?.find((text) => maybeFingerprint(text) === undefined);
  if (odd === undefined) return;
  const found = JSON.stringify(odd.slice(0, 80));
  yield { key: SHA256, detail: `found ${found}, wanted 64 hexadecimal digits, colons or not` };
}

/** The holders of a file that has been checked. */
export function readHolders(values: RawValues): readonly Holder[] {
  const names = new Set(Object.keys(values).map((path) => path.split(".")[0]!));
  return [...names].map((name) => ({
    name,
    profile: values[`${name}.${PROFILE}`]?.[0] ?? DEFAULT_PROFILE_NAME,
    sha256: values[`${name}.${SHA256}`]?.map((text) => maybeFingerprint(text)!),
  }));
}

/** Who shows this certificate: a fingerprint says more than a name. */
export function maybeHolder(
  holders: readonly Holder[],
  { name, sha256 }: PeerCertificate,
): Holder | undefined {
  return holders.find((holder) => holder.sha256?.includes(sha256)) ??
    holders.find((holder) => holder.sha256 === undefined && holder.name === name);
}
