/**
 * A file that is there whole or not at all: written under another name, and renamed at its end.
 */

import { fileFault } from "./local_file.ts";

/** A file on its way. */
export class PartFile {
  readonly #path: string;
  readonly #part: string;
  readonly #file: Deno.FsFile;

  /** Throws `unwritable_output` when `path` cannot be written. */
  constructor(path: string) {
    const { target, mode } = found(path);
    this.#path = target;
    this.#part = `${target}.part-${crypto.randomUUID().slice(0, 8)}`;
    this.#file = attempt(path, () => {
      return Deno.openSync(this.#part, { write: true, createNew: true, ...mode });
    });
  }

  write(bytes: Uint8Array): void {
    attempt(this.#path, () => {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    });
  }

  /** It is whole: what was there before is replaced. */
  commit(): void {
    attempt(this.#path, () => {
      try {
        this.#file.syncDataSync();
      } finally {
        this.#file.close();
      }
      try {
        Deno.renameSync(this.#part, this.#path);
      } catch (cause) {
        Deno.removeSync(this.#part);
        throw cause;
      }
    });
  }

  /** It will not be whole: what was there before stays. */
  abandon(): void {
    this.#file.close();
    Deno.removeSync(this.#part);
  }
}

/** The file that is to be replaced, behind a link too, and who may read it. */
function found(path: string): { target: string; mode: { mode?: number } } {
  try {
    const { isFile, mode } = Deno.statSync(path);
    if (!isFile || mode === null) return { target: path, mode: {} };
    return { target: Deno.realPathSync(path), mode: { mode: mode & 0o777 } };
  } catch {
    return { target: path, mode: {} }; // There is none.
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw fileFault("unwritable_output", `Cannot write ${path}`, cause);
  }
}
