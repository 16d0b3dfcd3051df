/**
 * What the items of a map print: nowhere, or on stderr line by line, each behind its item's index.
 */

import { concat } from "../core/bytes.ts";
import type { Output } from "./terminal.ts";

/** Bytes of a line; what is longer is shown in pieces. */
const LINE_BYTES_MAX = 8192;

const LINE_END = 10;

/** Takes what one item prints. */
export interface Prints {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Nothing more comes. */
  end(): Promise<void>;
}

type WriteLine = (line: Uint8Array) => Promise<void>;

const NOWHERE: Output = { write: () => Promise.resolve() };

/** Prints go nowhere. */
export const NO_PRINTS: Prints = {
  stdout: NOWHERE,
  stderr: NOWHERE,
  end: () => Promise.resolve(),
};

/** The prints of one item as whole lines. */
export function linePrints(index: number, write: WriteLine): Prints {
  const [stdout, stderr] = [new PrefixedLines(index, write), new PrefixedLines(index, write)];
  return {
    stdout,
    stderr,
    end: async () => {
      await stdout.end();
      await stderr.end();
    },
  };
}

/** One stream of an item. */
class PrefixedLines implements Output {
  readonly #prefix: Uint8Array;
  readonly #write: WriteLine;
  #held: Uint8Array = new Uint8Array(0);

  constructor(index: number, write: WriteLine) {
    this.#prefix = new TextEncoder().encode(`${index}: `);
    this.#write = write;
  }

  /** Shows the lines that are whole. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#held = concat([this.#held, bytes]);
    for (let end = this.#findEnd(); end >= 0; end = this.#findEnd()) {
      const hasEnd = this.#held[end] === LINE_END;
      await this.#show(this.#held.subarray(0, end));
      this.#held = this.#held.subarray(end + (hasEnd ? 1 : 0));
    }
  }

  /** Shows what has no line end. */
  async end(): Promise<void> {
    if (this.#held.length > 0) await this.#show(this.#held);
    this.#held = new Uint8Array(0);
  }

  #findEnd(): number {
    const end = this.#held.indexOf(LINE_END);
    if (end >= 0 && end <= LINE_BYTES_MAX) return end;
    return this.#held.length > LINE_BYTES_MAX ? LINE_BYTES_MAX : -1;
  }

  #show(line: Uint8Array): Promise<void> {
    return this.#write(concat([this.#prefix, line, Uint8Array.of(LINE_END)]));
  }
}
