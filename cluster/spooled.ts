/**
 * The files that come with a queued job, as the engine wants them: in files.
 */

import { RtoolError } from "../core/errors.ts";
import type { Upload } from "../core/item.ts";
import { randomId } from "./names.ts";

/**
 * Writes the uploads into files of their own in `dir`; the engine removes them. Rejects with `busy`
 * when there is no room, and leaves none of them.
 */
export async function spoolUploads(
  uploads: readonly Upload[],
  contents: Uint8Array,
  dir: string,
): Promise<readonly Upload[]> {
  const total = uploads.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total !== contents.length) {
    throw new RtoolError("bad_request", "The job's files are not as long as it says");
  }
  let at = 0;
  const spooled: Upload[] = [];
  for (const upload of uploads) {
    const path = `${dir}/queued-${randomId()}`;
    spooled.push({ ...upload, path });
    try {
      await Deno.writeFile(path, contents.subarray(at, at + upload.bytes), { mode: 0o600 });
    } catch (cause) {
      await removeSpooled(spooled);
      // Another host may have room.
      throw new RtoolError("busy", "The host cannot keep the job's files", { cause });
    }
    at += upload.bytes;
  }
  return spooled;
}

/** Removes uploads that nobody has taken. */
export async function removeSpooled(uploads: readonly Upload[]): Promise<void> {
  for (const { path } of uploads) {
    if (path !== undefined) await Deno.remove(path).catch(() => {}); // It was taken after all.
  }
}

/** The bytes of uploads that lie in files, one behind the other. */
export async function readSpooled(uploads: readonly Upload[]): Promise<Uint8Array> {
  const total = uploads.reduce((sum, { bytes }) => sum + bytes, 0);
  const contents = new Uint8Array(total);
  let at = 0;
  for (const { path, bytes } of uploads) {
    if (path === undefined) throw new RtoolError("internal", "An upload has no file");
    contents.set(await Deno.readFile(path), at);
    at += bytes;
    await Deno.remove(path);
  }
  return contents;
}
