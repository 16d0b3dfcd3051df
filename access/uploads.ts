/**
 * What comes with a job, checked before R is given it: paths stay inside, values are data.
 *
 * R never unserializes a client's bytes: they are decoded here, and written anew.
 */

import { Buffer } from "node:buffer";
import { RtoolError } from "../core/errors.ts";
import type { JobWants, Upload } from "../core/item.ts";
import { decodeValue } from "../rdata/read.ts";
import type { RList, RValue } from "../rdata/types.ts";
import { encodeValue } from "../rdata/write.ts";

const PATH_CHARS_MAX = 1024;
const NAME_CHARS_MAX = 256;

/** A function to be called: `name`, or `package::name`. */
export const FUNCTION_NAME = /^(?:[A-Za-z][A-Za-z0-9.]*::)?(?:[A-Za-z]|\.(?![0-9]))[A-Za-z0-9._]*$/;

// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

/** Checks what a request names, without looking into anything. */
export function checkItems(
  uploads: readonly Upload[],
  { files }: JobWants,
  call: string | undefined,
): void {
  for (const path of files) checkPath(path);
  for (const { target } of uploads) {
    if (target.kind === "file") checkPath(target.path);
    if (target.kind === "data") checkName(target.name);
  }
  const names = uploads.map(({ target }) => JSON.stringify(target));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new RtoolError("bad_request", `${twice} comes twice`);
  const hasArguments = uploads.some(({ target }) => target.kind === "arguments");
  if (hasArguments && call === undefined) {
    throw new RtoolError("bad_request", "Arguments came, and no function is to be called");
  }
  if (call !== undefined && !FUNCTION_NAME.test(call)) {
    const shown = JSON.stringify(call.slice(0, 80));
    throw new RtoolError("bad_request", `Cannot call ${shown}: it is no function's name`);
  }
}

/** Puts the values that came into words of our own, in their files. */
export async function cleanUploads(uploads: readonly Upload[]): Promise<void> {
  for (const { target, path } of uploads) {
    if (target.kind !== "file" && path !== undefined) await cleanValue(path, target.kind);
  }
}

/** The arguments that came, decoded; throws `bad_value`. */
export async function readArguments({ path }: Upload): Promise<RList> {
  if (path === undefined) throw new RtoolError("internal", "The arguments of a call have no file");
  return checkArguments(decodeValue(await Deno.readFile(path)));
}

/** Puts a value in the place of the one that came. */
export async function writeValue(path: string, value: RValue): Promise<void> {
  await writeParts(path, encodeValue(value));
}

async function cleanValue(path: string, kind: "data" | "arguments"): Promise<void> {
  const given = await Deno.readFile(path);
  const value = decodeValue(given);
  if (kind === "arguments") checkArguments(value);
  const parts = encodeValue(value);
  if (!isWritten(parts, given)) await writeParts(path, parts);
}

function checkArguments(value: RValue): RList {
  if (value.type === "list" && value.form === "list") return value;
  throw new RtoolError("bad_value", "The arguments of a call must be a list");
}

async function writeParts(path: string, parts: readonly Uint8Array[]): Promise<void> {
  using file = await Deno.open(path, { write: true, truncate: true });
  for (const part of parts) {
    for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
  }
}

/** Whether the bytes are just these parts, as those of rtool's own clients are. */
function isWritten(parts: readonly Uint8Array[], bytes: Uint8Array): boolean {
  let at = 0;
  for (const part of parts) {
    const same = Buffer.compare(part, bytes.subarray(at, at + part.length)) === 0;
    if (!same) return false;
    at += part.length;
  }
  return at === bytes.length;
}

function checkPath(path: string): void {
  const parts = path.split("/");
  const isInside = parts.every((part) => part !== "" && part !== "." && part !== "..");
  if (isInside && path.length <= PATH_CHARS_MAX && !CONTROL.test(path)) return;
  const shown = JSON.stringify(path.slice(0, 80));
  throw new RtoolError("bad_request", `Cannot use ${shown}: a path must stay below the session's`);
}

function checkName(name: string): void {
  if (name !== "" && name.length <= NAME_CHARS_MAX) return;
  const shown = JSON.stringify(name.slice(0, 80));
  throw new RtoolError("bad_request", `Cannot bind a value to the name ${shown}`);
}
