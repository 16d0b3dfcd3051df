/**
 * The lines typed into `rtool repl`, remembered across its runs in a file.
 *
 * Several may run at once: each appends a line in one write and keeps its own order meanwhile.
 */

import { fileFault } from "./local_file.ts";

/** Lines that are remembered. */
const LINES_MAX = 1000;

/** The file is shortened when it has become twice as long as it need be. */
const FILE_LINES_MAX = 2 * LINES_MAX;

/** Only so much of the file's end is read: a line may be long. */
const READ_BYTES_MAX = 4 << 20;

/** Only the user may read it. */
const MODE = 0o600;

/** Earlier lines. */
export class History {
  readonly #path: string | undefined;
  readonly #say: (line: string) => void;
  #lines: string[] = [];
  #broken = false;

  /** Without `path` nothing is kept. `say` is told, once, why nothing can be. */
  constructor(path: string | undefined, say: (line: string) => void) {
    this.#path = path;
    this.#say = say;
    if (path !== undefined) this.#attempt(() => this.#load(path));
  }

  /** The newest first, none of them twice. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Remembers a line. */
  add(line: string): void {
    if (line.trim() === "" || line === this.#lines[0]) return;
    this.#remember(line);
    const path = this.#path;
    if (path === undefined || this.#broken) return;
    this.#attempt(() => {
      const file = Deno.openSync(path, { append: true, create: true, mode: MODE });
      try {
        file.writeSync(new TextEncoder().encode(`${line}\n`));
      } finally {
        file.close();
      }
    });
  }

  #remember(line: string): void {
    this.#lines = [line, ...this.#lines.filter((each) => each !== line)].slice(0, LINES_MAX);
  }

  #load(path: string): void {
    Deno.mkdirSync(path.replace(/\/[^/]*$/, ""), { recursive: true, mode: 0o700 });
    const lines = readEnd(path).split("\n").filter((line) => line !== "");
    for (const line of lines.slice(-FILE_LINES_MAX)) this.#remember(line);
    if (lines.length <= FILE_LINES_MAX) return;
    const short = `${path}.part-${crypto.randomUUID().slice(0, 8)}`;
    const text = this.#lines.toReversed().map((line) => `${line}\n`).join("");
    Deno.writeTextFileSync(short, text, { mode: MODE });
    Deno.renameSync(short, path);
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (cause) {
      this.#broken = true;
      this.#say(
        fileFault("unwritable_output", `Cannot keep the history in ${this.#path}`, cause).message,
      );
    }
  }
}

/** Where the history is; XDG says that relative paths are to be ignored. */
export function historyPath(env: (name: string) => string | undefined): string {
  const xdg = env("XDG_STATE_HOME");
  const base = xdg?.startsWith("/") ? xdg : `${env("HOME") ?? ""}/.local/state`;
  return `${base}/rtool/history`;
}

/** The whole lines at the end of a file; nothing when there is none. */
function readEnd(path: string): string {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return "";
    throw cause;
  }
  try {
    const { size } = file.statSync();
    const skipped = Math.max(0, size - READ_BYTES_MAX);
    file.seekSync(skipped, Deno.SeekMode.Start);
    const bytes = new Uint8Array(size - skipped);
    let end = 0;
    for (let n = file.readSync(bytes); n; n = file.readSync(bytes.subarray(end))) end += n;
    const text = new TextDecoder().decode(bytes.subarray(0, end));
    return skipped > 0 ? text.slice(text.indexOf("\n") + 1) : text;
  } finally {
    file.close();
  }
}
