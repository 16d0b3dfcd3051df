/**
 * Where lines of results go when there is no file of them: out in the order of their items, or as
 * they come.
 */

import { untilAborted } from "./map_pause.ts";

/** Most items that may be begun behind one that has not ended. */
export const AHEAD_MAX = 1024;

/** Bytes of lines that wait for one before them; above it nothing more is begun. */
export const HELD_BYTES_MAX = 64 << 20;

/** Takes the lines of a map. */
export interface ResultLines {
  /** Resolves when there is room for the line of this item, or when the signal is aborted. */
  room(index: number, signal: AbortSignal): Promise<void>;
  /** Resolves when the line is out, or held. */
  add(index: number, line: Uint8Array): Promise<void>;
  /** Lets out what is held: what is before it will not come. */
  release(): Promise<void>;
}

type Write = (line: Uint8Array) => Promise<void> | void;

/** Lines go out as they come, one at a time. */
export class LinesAsFinished implements ResultLines {
  readonly #write: Write;
  #last: Promise<void> = Promise.resolve();

  constructor(write: Write) {
    this.#write = write;
  }

  room(): Promise<void> {
    return Promise.resolve();
  }

  add(_index: number, line: Uint8Array): Promise<void> {
    return this.#last = this.#last.then(() => this.#write(line));
  }

  release(): Promise<void> {
    return Promise.resolve();
  }
}

/** Lines go out in the order of their items, which are numbered from 0. */
export class LinesInOrder implements ResultLines {
  readonly #write: Write;
  readonly #held = new Map<number, Uint8Array>();
  #heldBytes = 0;
  /** The item whose line is to go out next. */
  #next = 0;
  #writing: Promise<void> | undefined;
  #moved: PromiseWithResolvers<void> | undefined;

  constructor(write: Write) {
    this.#write = write;
  }

  async room(index: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#isFar(index)) {
      this.#moved ??= Promise.withResolvers<void>();
      await untilAborted(this.#moved.promise, signal);
    }
  }

  async add(index: number, line: Uint8Array): Promise<void> {
    this.#held.set(index, line);
    this.#heldBytes += line.length;
    if (this.#held.has(this.#next)) await (this.#writing ??= this.#drain());
  }

  async release(): Promise<void> {
    await this.#writing;
    const lines = [...this.#held].sort(([a], [b]) => a - b);
    for (const [, line] of lines) await this.#write(line);
    this.#held.clear();
  }

  /** What all the others wait for must always have room. */
  #isFar(index: number): boolean {
    if (index === this.#next) return false;
    return index >= this.#next + AHEAD_MAX || this.#heldBytes >= HELD_BYTES_MAX;
  }

  async #drain(): Promise<void> {
    try {
      for (let line = this.#held.get(this.#next); line; line = this.#held.get(this.#next)) {
        await this.#write(line);
        this.#held.delete(this.#next++);
        this.#heldBytes -= line.length;
        this.#moved?.resolve();
        this.#moved = undefined;
      }
    } finally {
      this.#writing = undefined;
    }
  }
}
