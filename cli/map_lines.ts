/**
 * Bytes in, lines out: where each stands, how long it is, and as much of it as is wanted.
 *
 * Knows nothing of what the lines mean.
 */

import { concat } from "../core/bytes.ts";

const LINE_END = 10;

/** One line. */
export interface Line {
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** Bytes without the line end. */
  readonly length: number;
  /** Its first bytes, as many as are kept. */
  readonly head: Uint8Array;
  /** Whether it has a line end; only the last may have none. */
  readonly isWhole: boolean;
}

/** The lines of a stream. Of each no more than `headMax` bytes are held. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  headMax: number,
): AsyncGenerator<Line> {
  let line = new OpenLine(0, headMax);
  for await (const chunk of chunks) {
    let at = 0;
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, at)) {
      line.add(chunk.subarray(at, end));
      yield line.close(true);
      line = new OpenLine(line.end + 1, headMax);
      at = end + 1;
    }
    line.add(chunk.subarray(at));
  }
  if (line.length > 0) yield line.close(false);
}

/** A line whose end has not come. */
class OpenLine {
  readonly #offset: number;
  readonly #headMax: number;
  readonly #parts: Uint8Array[] = [];
  #held = 0;
  #length = 0;

  constructor(offset: number, headMax: number) {
    this.#offset = offset;
    this.#headMax = headMax;
  }

  get length(): number {
    return this.#length;
  }

  get end(): number {
    return this.#offset + this.#length;
  }

  add(bytes: Uint8Array): void {
    this.#length += bytes.length;
    const kept = bytes.subarray(0, this.#headMax - this.#held);
    if (kept.length === 0) return;
    this.#held += kept.length;
    this.#parts.push(kept);
  }

  close(isWhole: boolean): Line {
    return { offset: this.#offset, length: this.#length, head: concat(this.#parts), isWhole };
  }
}
