/**
 * What has been printed on the terminal since the last end of line: a prompt stands behind it.
 */

import { consoleSize } from "./console_size.ts";
import { createOutput, type Output } from "./terminal.ts";

/** Half a line must leave so many columns for the prompt and what is typed. */
const ROOM = 20;

/** The last line's beginning; its text is what the terminal got. */
export class Screen {
  readonly stdout: Output = this.#outputTo(Deno.stdout);
  readonly stderr: Output = this.#outputTo(Deno.stderr);
  #decoder = new TextDecoder();
  #half = "";

  /** Ends the line if it has begun. */
  async endLine(): Promise<void> {
    if (this.#half !== "") await this.stdout.write(Uint8Array.of(10));
  }

  /** Half a line, for a prompt to begin with: it is drawn again with it. Too long, it is ended. */
  async takeHalf(): Promise<string> {
    const half = this.#half;
    const fits = half.length < consoleSize().columns - ROOM && !/[\x07-\x0d]/.test(half);
    if (!fits) await this.endLine();
    this.#half = "";
    return fits ? half : "";
  }

  #outputTo(stream: typeof Deno.stdout): Output {
    const isTerminal = stream.isTerminal();
    const write = async (bytes: Uint8Array) => {
      if (isTerminal) this.#note(bytes);
      return await stream.write(bytes);
    };
    return createOutput({ write }, isTerminal);
  }

  #note(bytes: Uint8Array): void {
    // A colour is no text: what has only that on its last line is at its beginning.
    const text = this.#half + this.#decoder.decode(bytes, { stream: true });
    const line = text.slice(text.lastIndexOf("\n") + 1);
    const last = line.slice(line.lastIndexOf("\r") + 1);
    this.#half = /^(\x1b\[[\d;:]*m)*$/.test(last) ? "" : last.slice(-LINE_MAX);
  }
}

/** Longer than any terminal is wide. */
const LINE_MAX = 10_000;
