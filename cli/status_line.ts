/**
 * One line on a terminal that is rewritten, and gone when something else is to be written.
 */

/** Back to the line's beginning, and clear the line. */
const ERASE = "\r\x1b[K";

/** The line; nothing is written before something is to be said. */
export class StatusLine {
  readonly #write: (text: string) => void;
  readonly #columns: number;
  #shown = false;

  /** `columns`: what fits on a line; a longer text could not be erased. */
  constructor(write: (text: string) => void, columns: number) {
    this.#write = write;
    this.#columns = columns;
  }

  /** Shows this in place of what was there. */
  rewrite(text: string): void {
    this.#write(`${ERASE}${text.slice(0, this.#columns - 1)}`);
    this.#shown = true;
  }

  /** Makes room for what is written next. */
  erase(): void {
    if (this.#shown) this.#write(ERASE);
    this.#shown = false;
  }
}
