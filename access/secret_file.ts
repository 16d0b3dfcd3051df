/**
 * Files with secrets: nobody but their owner may read them, and they change as a whole.
 *
 * Must not know what they hold.
 */

import { RtoolError } from "../core/errors.ts";

const SECRET_MODE = 0o600;
const SECRET_DIR_MODE = 0o700;

/** Permissions of the group and of all others. */
const OTHERS_MODE = 0o077;

/** What tells one state of a file from the next. */
export interface SecretText {
  readonly text: string;
  /** Changes whenever the file does. */
  readonly stamp: string;
}

/** Reads a file only its owner may read; `undefined` when there is none. */
export function maybeSecret(path: string): SecretText | undefined {
  using file = maybeOpen(path);
  if (!file) return undefined;
  const info = file.statSync(); // Of what is open: the name may mean another file by now.
  refuseShared(path, info);
  const bytes = new Uint8Array(info.size);
  let length = 0;
  while (length < bytes.length) {
    const count = file.readSync(bytes.subarray(length));
    if (count === null) break; // It has been cut off meanwhile.
    length += count;
  }
  return { text: new TextDecoder().decode(bytes.subarray(0, length)), stamp: stampOf(info) };
}

/** What {@linkcode SecretText.stamp} would be; `none` when there is no such file. */
export function secretStamp(path: string): string {
  try {
    return stampOf(Deno.statSync(path));
  } catch {
    return "none";
  }
}

/** Replaces a file by another of mode 0600: whoever reads it sees the old text or the new one. */
export function writeSecret(path: string, text: string): void {
  const next = `${path}.${Deno.pid}.new`;
  try {
    using file = Deno.openSync(next, { write: true, create: true, truncate: true, mode: 0o600 });
    if (Deno.build.os !== "windows") Deno.chmodSync(next, SECRET_MODE);
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
    Deno.renameSync(next, path);
  } catch (cause) {
    removeQuietly(next);
    throw fault(`Cannot write ${path}`, cause);
  }
}

/** Does `change` while no other process of rtool changes that file; makes its directory. */
export function whileLocked<T>(path: string, change: () => T): T {
  const slash = path.lastIndexOf("/");
  try {
    if (slash > 0) {
      Deno.mkdirSync(path.slice(0, slash), { recursive: true, mode: SECRET_DIR_MODE });
    }
    using lock = Deno.openSync(`${path}.lock`, { write: true, create: true, mode: SECRET_MODE });
    lock.lockSync(true);
    return change();
  } catch (cause) {
    if (cause instanceof RtoolError) throw cause;
    throw fault(`Cannot write ${path}`, cause);
  }
}

function maybeOpen(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw fault(`Cannot read ${path}`, cause);
  }
}

function refuseShared(path: string, { mode, uid }: Deno.FileInfo): void {
  if (mode !== null && (mode & OTHERS_MODE) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(4, "0");
    throw new RtoolError("bad_config", `Cannot use ${path}: others may use it, too (${shown})`, {
      hint: `chmod 600 ${path}`,
    });
  }
  if (uid !== null && uid !== 0 && uid !== Deno.uid()) {
    throw new RtoolError("bad_config", `Cannot use ${path}: it belongs to user ${uid}`, {
      hint: `chown ${Deno.uid()} ${path}`,
    });
  }
}

/** A file that replaces another has another inode, however fast it came. */
function stampOf({ ino, mtime, size, mode }: Deno.FileInfo): string {
  return [ino, mtime?.getTime(), size, mode].join(" ");
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was not made.
  }
}

function fault(what: string, cause: unknown): RtoolError {
  const why = cause instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new RtoolError("bad_config", `${what}: ${why}`, { cause });
}
