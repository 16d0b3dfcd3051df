/**
 * The bytes that come with a job, kept in files until the engine takes them.
 *
 * Part of the native door.
 */

import { RtoolError } from "../core/errors.ts";
import type { Upload } from "../core/item.ts";

/** One submission's uploads, one file each. */
export class Spool {
  readonly #dir: string;
  readonly #uploads: readonly Upload[];
  readonly #paths: string[] = [];
  #file: Deno.FsFile | undefined;
  /** Bytes the open file is still to be given. */
  #missing = 0;

  /** Files are made in `dir`, which nobody else may read. */
  constructor(dir: string, uploads: readonly Upload[]) {
    this.#dir = dir;
    this.#uploads = uploads;
    this.#openNext();
  }

  /** Whether all has come that was announced. */
  get complete(): boolean {
    return this.#file === undefined;
  }

  /** The uploads, with the files that hold them. */
  get files(): readonly Upload[] {
    return this.#uploads.map((upload, index) => ({ ...upload, path: this.#paths[index] }));
  }

  /** Takes the next bytes. */
  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (!this.#file) throw new RtoolError("bad_frame", "More was uploaded than was announced");
      const part = bytes.subarray(at, at + this.#missing);
      writeAll(this.#file, part);
      at += part.length;
      this.#missing -= part.length;
      if (this.#missing === 0) this.#openNext();
    }
  }

  /** Takes the files away, unless the engine has taken them over. */
  discard(): void {
    this.#file?.close();
    this.#file = undefined;
    for (const path of this.#paths.splice(0)) removeQuietly(path);
  }

  /** The files are the engine's from here on. */
  release(): void {
    this.#paths.length = 0;
  }

  #openNext(): void {
    this.#file?.close();
    this.#file = undefined;
    while (!this.#file && this.#paths.length < this.#uploads.length) {
      const { bytes } = this.#uploads[this.#paths.length]!;
      const path = `${this.#dir}/up-${crypto.randomUUID()}`;
      const file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
      this.#paths.push(path);
      this.#missing = bytes;
      if (bytes > 0) this.#file = file;
      else file.close();
    }
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RtoolError("busy", `The server has no room for what comes with the job: ${why}`, {
      cause,
    });
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Gone with the server's directory.
  }
}
