/**
 * The user's terminal as a screen that is redrawn, until a key or a signal: it is left as it was.
 */

import { shown } from "./terminal.ts";

/** Alternate screen, cursor hidden; and back. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE_END = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** `q`, `Q`, Ctrl-C, Ctrl-D: a terminal that is read key by key may give these as bytes. */
const LEAVING_KEYS = [0x71, 0x51, 0x03, 0x04];

/** The screen, from its making to its disposal. */
export class LiveTerminal {
  /** Resolves when the user wants to leave. */
  readonly left: Promise<undefined>;
  readonly #leave: () => void;
  readonly #readsKeys = Deno.stdin.isTerminal();

  constructor() {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.left = promise;
    this.#leave = () => resolve(undefined);
    for (const signal of SIGNALS) Deno.addSignalListener(signal, this.#leave);
    if (this.#readsKeys) {
      Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
      void this.#readKeys(); // Never rejects.
    }
    write(ENTER);
  }

  /** Shows these lines in place of what was there. */
  draw(lines: readonly string[]): void {
    const text = lines.map((line) => `${shown(line)}${CLEAR_LINE_END}`).join("\r\n");
    write(`${HOME}${text}${CLEAR_BELOW}`);
  }

  [Symbol.dispose](): void {
    write(LEAVE);
    if (this.#readsKeys) Deno.stdin.setRaw(false);
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#leave);
  }

  async #readKeys(): Promise<void> {
    const buffer = new Uint8Array(64);
    try {
      for (
        let count = await Deno.stdin.read(buffer);
        count;
        count = await Deno.stdin.read(buffer)
      ) {
        if (buffer.subarray(0, count).some((key) => LEAVING_KEYS.includes(key))) break;
      }
    } catch {
      // The terminal has gone.
    }
    this.#leave();
  }
}

function write(text: string): void {
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  } catch {
    // The terminal has gone: there is nobody to show it to.
  }
}
