/**
 * Output to the user's terminal or pipe.
 *
 * Bytes go out unchanged when piped. On a terminal only text, line control and colour pass: any
 * other control sequence is shown, because R code may print what an attacker has put into its data.
 */

import { RtoolError } from "../core/errors.ts";

/** A place to write to. */
export interface Output {
  /** Writes all of it; throws `BrokenPipeSignal` when nobody reads any more. */
  write(bytes: Uint8Array): Promise<void>;
}

/** Thrown when the reader of our stdout has gone. */
export class BrokenPipeSignal extends Error {
  override readonly name = "BrokenPipeSignal";
}

/** Wraps a stream of the process; `escape` shows control sequences instead of sending them. */
export function createOutput(
  stream: { write(bytes: Uint8Array): Promise<number> },
  escape: boolean,
): Output {
  const filter = escape ? new TerminalFilter() : undefined;
  return {
    write: async (bytes) => {
      const out = filter ? filter.push(bytes) : bytes;
      try {
        for (let at = 0; at < out.length;) at += await stream.write(out.subarray(at));
      } catch (cause) {
        if (cause instanceof Deno.errors.BrokenPipe) throw new BrokenPipeSignal();
        throw new RtoolError("internal", `Cannot write the output: ${String(cause)}`, { cause });
      }
    },
  };
}

const ESC = 0x1b;

/** Longest colour sequence let through, so that no state grows. */
const SEQUENCE_MAX = 64;

/** Shows control sequences other than colour (SGR), whatever way the bytes are cut. */
export class TerminalFilter {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #encoder = new TextEncoder();
  #held = "";

  /** The bytes as the terminal may have them. An unfinished sequence is held back. */
  push(bytes: Uint8Array): Uint8Array {
    const text = this.#held + this.#decoder.decode(bytes, { stream: true });
    this.#held = unfinished(text);
    return this.#encoder.encode(shown(text.slice(0, text.length - this.#held.length)));
  }
}

/** The end of the text that may be the beginning of a colour sequence. */
function unfinished(text: string): string {
  const at = text.lastIndexOf("\x1b");
  if (at < 0 || text.length - at > SEQUENCE_MAX) return "";
  return /^\x1b(\[[\d;:]*)?$/.test(text.slice(at)) ? text.slice(at) : "";
}

/** Text with every control character shown, but for tab, line ends, backspace, bell and colour. */
export function shown(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /\x1b\[[\d;:]{0,60}m|[\x00-\x06\x0b\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (match) => match.charCodeAt(0) === ESC && match.length > 1 ? match : escaped(match),
  );
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 256
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
