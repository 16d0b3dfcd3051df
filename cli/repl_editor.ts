/**
 * The line a user types: edited, completed and remembered by node:readline.
 *
 * The keys are read here, not there: what is typed or pasted while nobody asks for a line is kept
 * for whoever asks next, line by line. Must not know jobs.
 */

import { EventEmitter } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { consoleSize } from "./console_size.ts";

/** What came of asking for a line. */
export type Typed =
  | { readonly kind: "line"; readonly text: string }
  /** Ctrl-C. */
  | { readonly kind: "interrupt" }
  /** Ctrl-D on an empty line, or the terminal has gone. */
  | { readonly kind: "end" }
  /** Nobody waits for it any more. */
  | { readonly kind: "abandoned" };

/** Finds what the text before the cursor could become: candidates for its last part, and that. */
export type Completer = (before: string) => Promise<[candidates: string[], part: string]>;

/** How a line is asked for. */
export interface Asking {
  readonly prompt: string;
  /** Earlier lines, the newest first. */
  readonly history: readonly string[];
  /** Without one, Tab does nothing. */
  readonly complete: Completer | undefined;
}

/** What readline keeps of a line; its types do not say that these can be set. */
interface Line {
  line: string;
  cursor: number;
  history: string[];
}

/** Characters typed ahead that are kept; a paste this long is a mistake. */
const TYPED_AHEAD_MAX = 1 << 24;

/** Nobody types so many characters at once. */
const PASTED = 256;

const [CTRL_C, CTRL_D, BELL] = ["\x03", "\x04", "\x07"];

const LEAVING: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGTERM", "SIGHUP"];

/** The terminal as a place to ask for lines, until its disposal. */
export class Editor implements Disposable {
  /** Called at a Ctrl-C while nobody asks for a line. */
  onInterrupt: (() => void) | undefined;
  readonly #keys = new EventEmitter();
  readonly #screen = new EventEmitter();
  readonly #readline: Interface & Line;
  readonly #listeners: [Deno.Signal, () => void][] = [];
  #typed = "";
  #gone = false;
  #asking: Asking | undefined;
  #answer: ((typed: Typed) => void) | undefined;
  #completing = false;

  constructor() {
    this.#readline = this.#createReadline();
    for (const signal of LEAVING) this.#listen(signal, () => this.#die(signal));
    if (Deno.build.os !== "windows") this.#listen("SIGWINCH", () => this.#screen.emit("resize"));
    Deno.stdin.setRaw(true);
    void this.#readKeys(); // Never rejects.
  }

  /** Asks for a line. One at a time. */
  read(asking: Asking): Promise<Typed> {
    this.#asking = asking;
    this.#readline.history = [...asking.history];
    this.#clear();
    this.#readline.setPrompt(asking.prompt);
    this.#readline.prompt();
    const { promise, resolve } = Promise.withResolvers<Typed>();
    this.#answer = resolve;
    this.#feed();
    return promise;
  }

  /** Whoever asks for a line wants it no more. */
  abandon(): void {
    if (!this.#answer) return;
    write("\n");
    this.#settle({ kind: "abandoned" });
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
    this.#readline.close();
    Deno.stdin.setRaw(false);
  }

  #createReadline(): Interface & Line {
    const input = Object.assign(this.#keys, { resume: () => {}, pause: () => {} });
    const output = Object.assign(this.#screen, { write });
    Object.defineProperty(output, "columns", { get: () => consoleSize().columns });
    const readline = createInterface({
      input: input as unknown as NodeJS.ReadableStream,
      output: output as unknown as NodeJS.WritableStream,
      terminal: true,
      completer: (before: string, done: Completed) => void this.#complete(before, done),
    });
    readline.on("line", (text) => this.#settle({ kind: "line", text }));
    readline.on("SIGINT", () => {
      write("^C\n");
      this.#settle({ kind: "interrupt" });
    });
    readline.on("SIGTSTP", () => this.#suspend());
    return readline as Interface & Line;
  }

  #listen(signal: Deno.Signal, listener: () => void): void {
    Deno.addSignalListener(signal, listener);
    this.#listeners.push([signal, listener]);
  }

  async #readKeys(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const bytes of Deno.stdin.readable) {
        this.#take(decoder.decode(bytes, { stream: true }));
      }
    } catch {
      // The terminal has gone.
    }
    this.#gone = true;
    this.#feed();
  }

  #take(keys: string): void {
    if (this.#typed.length + keys.length > TYPED_AHEAD_MAX) return write(BELL);
    this.#typed += keys;
    if (this.#answer) return this.#feed();
    // As a terminal does it: what was typed before a Ctrl-C is not wanted any more.
    const [last = "", ...interrupted] = this.#typed.split(CTRL_C).reverse();
    this.#typed = last;
    for (const _ of interrupted) this.onInterrupt?.();
  }

  /** Gives readline what is typed, up to the end of the line that is asked for. */
  #feed(): void {
    while (this.#answer && !this.#completing && this.#typed !== "") {
      const [keys, rest] = cutKeys(this.#typed);
      this.#typed = rest;
      if (keys === CTRL_D && this.#readline.line === "") {
        write("\n");
        this.#settle({ kind: "end" });
      } else this.#keys.emit("data", keys);
    }
    if (this.#gone && this.#typed === "") this.#settle({ kind: "end" });
  }

  #settle(typed: Typed): void {
    const answer = this.#answer;
    this.#answer = undefined;
    this.#clear();
    answer?.(typed);
  }

  #clear(): void {
    this.#readline.line = "";
    this.#readline.cursor = 0;
  }

  async #complete(before: string, done: Completed): Promise<void> {
    const complete = this.#asking?.complete;
    if (!complete || before.trim() === "") return done(null, [[], before]);
    this.#completing = true; // What is typed meanwhile waits: it belongs behind the completion.
    const found = await complete(before).catch((): [string[], string] => [[], before]);
    done(null, found);
    this.#completing = false;
    this.#feed();
  }

  /** Ctrl-Z: the shell gets its terminal back, until it continues us. */
  #suspend(): void {
    Deno.stdin.setRaw(false);
    Deno.kill(Deno.pid, "SIGTSTP");
    Deno.stdin.setRaw(true);
    this.#readline.prompt(true);
  }

  /** Dies of the signal, with the terminal as it was. */
  #die(signal: Deno.Signal): void {
    this[Symbol.dispose]();
    Deno.kill(Deno.pid, signal);
  }
}

type Completed = (error: null, result: [string[], string]) => void;

/**
 * Keys up to and with the first that ends a line, or Ctrl-D by itself; and what follows. Of keys
 * that come together readline completes at the last only: tabs go one by one, and one at the end of
 * much that came at once was pasted.
 */
export function cutKeys(typed: string): [keys: string, rest: string] {
  const end = /\r\n|[\r\n\x03\x04]/.exec(typed);
  if (/^\t+$/.test(typed)) return ["\t", typed.slice(1)];
  if (!end) return [typed.length > PASTED ? typed.replace(/\t$/, " ") : typed, ""];
  const isApart = end[0] === CTRL_D && end.index > 0;
  const at = isApart ? end.index : end.index + end[0].length;
  return [typed.slice(0, at), typed.slice(at)];
}

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  } catch {
    // The terminal has gone: its end is noticed where it is read.
  }
}
