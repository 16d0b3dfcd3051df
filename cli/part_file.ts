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
    this.#path = path;
    this.#part = `${path}.part-${crypto.randomUUID().slice(0, 8)}`;
    this.#file = attempt(path, () => Deno.openSync(this.#part, { write: true, createNew: true }));
  }

  write(bytes: Uint8Array): void {
    attempt(this.#path, () => {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    });
  }

  /** It is whole: what was there before is replaced. */
  commit(): void {
    this.#file.close();
    attempt(this.#path, () => {
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

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw fileFault("unwritable_output", `Cannot write ${path}`, cause);
  }
}
