/**
 * Files that come out of the session's directory, with --get.
 */

import type { Item } from "../core/item.ts";
import { filePair } from "./file_pair.ts";
import type { ItemSink } from "./item_sink.ts";
import { PartFile } from "./part_file.ts";

/** Writes each file where it was asked to go. */
export class GetFiles implements ItemSink {
  /** The local path of each remote one that has not come yet. */
  readonly #wanted: Map<string, string>;
  readonly #say: (line: string) => void;
  #file: PartFile | undefined;
  #path = "";
  #failed = false;

  /** `pairs` as --get has them: REMOTE[:LOCAL]. */
  constructor(pairs: readonly string[], say: (line: string) => void) {
    this.#wanted = new Map(pairs.map(filePair).map(({ first, second }) => [first, second]));
    this.#say = say;
  }

  begin(item: Item): void {
    this.#path = item.kind === "file" ? item.path : "";
    const local = this.#wanted.get(this.#path);
    if (local === undefined) return;
    this.#wanted.delete(this.#path);
    this.#file = new PartFile(local);
  }

  take(bytes: Uint8Array): void {
    this.#file?.write(bytes);
  }

  end(problem: string | undefined): void {
    const file = this.#file;
    this.#file = undefined;
    if (problem === undefined) return file?.commit();
    file?.abandon();
    this.#failed = true;
    this.#say(`cannot get ${this.#path}: ${problem}`);
  }

  /** Whether every file has come; says which have not. */
  check(): boolean {
    for (const path of this.#wanted.keys()) this.#say(`cannot get ${path}: it did not come`);
    return this.#wanted.size === 0 && !this.#failed;
  }
}
