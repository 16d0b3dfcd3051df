/**
 * Files of the user's own, and what to say when they cannot be read or written.
 */

import { type ErrorCode, RtoolError } from "../core/errors.ts";

/** All of a file; throws `unreadable_input` with the reason. */
export async function readLocal(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (cause) {
    throw fileFault("unreadable_input", `Cannot read ${path}`, cause);
  }
}

/** The error of a file that cannot be used, with the system's reason in words. */
export function fileFault(code: ErrorCode, what: string, cause: unknown): RtoolError {
  const why = cause instanceof Deno.errors.NotFound
    ? "there is no such file"
    : cause instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new RtoolError(code, `${what}: ${why}`, { cause });
}
