/**
 * Tokens: secrets that name a principal. Made once, shown once, kept as their SHA-256.
 *
 * Knows the token file. Must not know connections, nor what a profile gives.
 */

import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { asFields, type Fields } from "../core/condition.ts";
import { RtoolError } from "../core/errors.ts";
import { isReservedName } from "../core/job.ts";
import { isProfileName, PROFILE_NAME_HINT } from "../core/profile.ts";
import { maybeSecret, whileLocked, writeSecret } from "./secret_file.ts";

/** What is kept of a token. */
export interface TokenRecord {
  /** Its principal is called `token:` and this. */
  readonly name: string;
  /** In hexadecimal. */
  readonly sha256: string;
  /** Name of the profile its principal gets. */
  readonly profile: string;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  /** From here on it is refused; never, when undefined. */
  readonly expiresAt: number | undefined;
}

/** What `token new` is told. */
export interface TokenWish {
  readonly name: string;
  readonly profile: string;
  readonly expiresAt: number | undefined;
}

/** How the program that reads a token tells it from other text. */
const PREFIX = "rtool_";
const TOKEN_BYTES = 32;
const TOKEN = /^rtool_[A-Za-z0-9_-]{43}$/;

/** Principals are logged, and their names are typed. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** What is said of the name of a principal of rtool's own. */
const RESERVED = "no token may be called";

const SHA256 = /^[0-9a-f]{64}$/;
const FILE_VERSION = 1;

/** The tokens of a file; none when there is no file. */
export function readTokens(path: string): readonly TokenRecord[] {
  const secret = maybeSecret(path);
  return secret ? parseTokens(secret.text, path) : [];
}

/** Makes a token and keeps its digest; what is returned is nowhere else. */
export function addToken(path: string, wish: TokenWish, now: number): string {
  checkTokenName(wish.name);
  checkProfileName(wish.profile);
  const random = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  const token = PREFIX + random.toBase64({ alphabet: "base64url", omitPadding: true });
  const record = { ...wish, sha256: digestOf(token).toString("hex"), madeAt: now };
  whileLocked(path, () => {
    const records = readTokens(path);
    if (records.some(({ name }) => name === wish.name)) {
      throw new RtoolError("usage", `There is a token '${wish.name}' already`, {
        hint: `choose another name, or: rtool token revoke ${wish.name}`,
      });
    }
    writeSecret(path, formatTokens([...records, record]));
  });
  return token;
}

/** Forgets a token; from then on it is as wrong as any other. */
export function revokeToken(path: string, name: string): void {
  checkTokenName(name);
  whileLocked(path, () => {
    const records = readTokens(path);
    const left = records.filter((each) => each.name !== name);
    if (left.length === records.length) {
      throw new RtoolError("usage", `There is no token '${name}'`, {
        hint: "see: rtool token list",
      });
    }
    writeSecret(path, formatTokens(left));
  });
}

/** The record this token belongs to; every digest is compared, and each in constant time. */
export function maybeRecord(
  records: readonly TokenRecord[],
  token: string,
): TokenRecord | undefined {
  if (!isToken(token)) return undefined;
  const digest = digestOf(token);
  let found: TokenRecord | undefined;
  for (const record of records) {
    if (timingSafeEqual(digest, Buffer.from(record.sha256, "hex"))) found = record;
  }
  return found;
}

/** Whether a token's time is over. */
export function hasExpired({ expiresAt }: TokenRecord, now: number): boolean {
  return expiresAt !== undefined && now >= expiresAt;
}

/** Whether text has a token's form; what has not is never sent, nor looked up. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The tokens a file's text holds; throws `bad_config` for anything else. */
export function parseTokens(text: string, path: string): readonly TokenRecord[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new RtoolError("bad_config", `Cannot use ${path}: it is no JSON`, { cause });
  }
  const { version, tokens } = asFields(document);
  if (version !== FILE_VERSION || !Array.isArray(tokens)) {
    throw new RtoolError("bad_config", `Cannot use ${path}: it is no token file of this version`);
  }
  const records = tokens.map((each, index) => parseRecord(asFields(each), path, index + 1));
  const names = new Set(records.map(({ name }) => name));
  if (names.size === records.length) return records;
  throw new RtoolError("bad_config", `Cannot use ${path}: two tokens have the same name`);
}

function parseRecord(fields: Fields, path: string, number: number): TokenRecord {
  const { name, sha256, profile, made_at: made, expires_at: expires } = fields;
  const madeAt = parseTime(made);
  const expiresAt = expires === null ? undefined : parseTime(expires);
  if (
    typeof name === "string" && NAME.test(name) && typeof sha256 === "string" &&
    SHA256.test(sha256) && typeof profile === "string" && isProfileName(profile) &&
    madeAt !== undefined &&
    (expires === null || expiresAt !== undefined)
  ) {
    if (isReservedName(name)) {
      throw new RtoolError("bad_config", `Cannot use ${path}: ${RESERVED} '${name}'`, {
        hint: "take it out of the file, and make one of another name",
      });
    }
    return { name, sha256, profile, madeAt, expiresAt };
  }
  throw new RtoolError("bad_config", `Cannot use ${path}: its token ${number} is damaged`);
}

function formatTokens(records: readonly TokenRecord[]): string {
  const tokens = records.map(({ name, sha256, profile, madeAt, expiresAt }) => ({
    name,
    sha256,
    profile,
    made_at: new Date(madeAt).toISOString(),
    expires_at: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
  }));
  return `${JSON.stringify({ version: FILE_VERSION, tokens }, null, 2)}\n`;
}

function parseTime(value: unknown): number | undefined {
  const ms = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function checkTokenName(name: string): void {
  if (isReservedName(name)) {
    throw new RtoolError("usage", `Cannot make the token: ${RESERVED} '${name}'`);
  }
  if (NAME.test(name)) return;
  throw new RtoolError("usage", `Cannot use the name ${JSON.stringify(name.slice(0, 80))}`, {
    hint: "a token's name is 1 to 64 letters, digits, '.', '_' or '-'",
  });
}

function checkProfileName(name: string): void {
  if (isProfileName(name)) return;
  throw new RtoolError("usage", `Cannot use the profile ${JSON.stringify(name.slice(0, 80))}`, {
    hint: PROFILE_NAME_HINT,
  });
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
