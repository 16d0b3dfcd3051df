/**
 * The line that a map writes for an item, and what is read of it when the map is resumed.
 *
 * No I/O.
 */

import { createHash } from "node:crypto";
import { concat } from "../core/bytes.ts";
import type { Condition, Outcome } from "../core/job.ts";

/** How an item ended. */
export type ItemEnd =
  | {
    readonly outcome: "ok";
    /** The value as JSON, on one line. */
    readonly json: Uint8Array;
  }
  | {
    readonly outcome: Exclude<Outcome["kind"], "ok">;
    readonly message: string;
    /** What R said of its error. */
    readonly error?: Condition;
  };

/** What a result came from: by these a resumption knows that script and item are still the same. */
export interface Digests {
  readonly script: string;
  readonly item: string;
}

/** What stands at the beginning of a line in a file of results. */
export interface ResultHead extends Digests {
  readonly index: number;
  readonly isOk: boolean;
}

/** More bytes than a head has. */
export const HEAD_BYTES_MAX = 200;

/** Hexadecimal digits of a digest: 64 bits, against changes and not against enemies. */
const DIGEST_DIGITS = 16;

const HEAD =
  /^\{"index":(\d{1,10}),"outcome":"([a-z]+)","script":"([0-9a-f]{16})","item":"([0-9a-f]{16})",/;

/** Of a head. */
const START = '{"index":';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The line of an item. The digests, which only files have, stand before what may be long. */
export function formatResult(index: number, end: ItemEnd, digests?: Digests): Uint8Array {
  const head = JSON.stringify({ index, outcome: end.outcome, ...digests }).slice(0, -1);
  if (end.outcome === "ok") {
    return concat([encoder.encode(`${head},"value":`), end.json, encoder.encode("}\n")]);
  }
  const { message, error } = end;
  return encoder.encode(`${head},${JSON.stringify({ message, error }).slice(1)}\n`);
}

/** What a line begins with, or `undefined` when it is no result with digests. */
export function maybeHead(line: Uint8Array): ResultHead | undefined {
  const [, index, outcome, script, item] = HEAD.exec(decoder.decode(line)) ?? [];
  if (script === undefined || item === undefined) return undefined;
  return { index: Number(index), isOk: outcome === "ok", script, item };
}

/** Whether this may be the beginning of a result, which was not written to its end. */
export function mayBegin(line: Uint8Array): boolean {
  const text = decoder.decode(line.subarray(0, START.length));
  return START.startsWith(text);
}

/** A short digest of these parts, with their borders. */
export function digestOf(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? encoder.encode(part) : part;
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest("hex").slice(0, DIGEST_DIGITS);
}
