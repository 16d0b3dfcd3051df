/**
 * Where the audit is kept: a file of whole lines that is replaced when it is full, or stderr.
 *
 * Knows lines and bytes. Must not know what they say.
 */

import { RtoolError } from "../core/errors.ts";
import { type Log, plainJson } from "../core/log.ts";
import type { AuditFacts, AuditSink } from "./audit.ts";

/** What a file is kept by. */
export interface AuditFileOptions {
  readonly path: string;
  /** Bytes after which it becomes `path.1`, and a new one begins. */
  readonly bytesMax: number;
  readonly log: Log;
}

/** What is not its owner's alone would let others read who does what. */
const OTHERS_MODE = 0o077;

/** Lines that may wait for a slow stderr; one more is lost. */
const PENDING_CHARS_MAX = 1 << 20;

const encoder = new TextEncoder();

/** A file that only its owner can read, and only grows by whole lines. */
export class AuditFile implements AuditSink {
  readonly #options: AuditFileOptions;
  readonly #losses: Losses;
  #file: Deno.FsFile;

  /** Opens the file; throws `bad_config` when that cannot be, or when others could read it. */
  constructor(options: AuditFileOptions) {
    this.#options = options;
    this.#losses = new Losses(options.log);
    this.#file = openOwn(options.path);
  }

  write(facts: AuditFacts): boolean {
    try {
      this.#append(this.#losses.lines(facts));
    } catch (error) {
      this.#losses.add(error);
      return false;
    }
    this.#losses.clear();
    return true;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** All of it or nothing: a line that is cut off would spoil the next one. */
  #append(text: string): void {
    const bytes = encoder.encode(text);
    const size = this.#roomFor(bytes.length);
    try {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    } catch (error) {
      this.#file.truncateSync(size);
      throw error;
    }
  }

  /** Makes sure that so many bytes may be added, and tells what is there already. */
  #roomFor(bytes: number): number {
    const { path, bytesMax } = this.#options;
    const { size, nlink } = this.#file.statSync();
    const isFull = size > 0 && size + bytes > bytesMax;
    // Somebody has removed it: what is written there is lost.
    if (!isFull && nlink !== 0) return size;
    if (isFull) Deno.renameSync(path, `${path}.1`);
    const next = openOwn(path);
    this.#file.close();
    this.#file = next;
    return next.statSync().size;
  }
}

/** Lines for stderr. `write` is given whole lines, one call at a time. */
export class AuditStream implements AuditSink {
  readonly #write: (text: string) => Promise<void>;
  readonly #losses: Losses;
  #pending = "";
  #writing = false;

  constructor(write: (text: string) => Promise<void>, log: Log) {
    this.#write = write;
    this.#losses = new Losses(log);
  }

  write(facts: AuditFacts): boolean {
    if (this.#pending.length > PENDING_CHARS_MAX) {
      this.#losses.add("too many lines wait");
      return false;
    }
    this.#pending += this.#losses.lines(facts);
    this.#losses.clear();
    if (!this.#writing) void this.#flush(); // Never rejects.
    return true;
  }

  [Symbol.dispose](): void {}

  async #flush(): Promise<void> {
    this.#writing = true;
    while (this.#pending !== "") {
      const text = this.#pending;
      this.#pending = "";
      const lines = text.split("\n").length - 1;
      await this.#write(text).catch((error) => this.#losses.add(error, lines));
    }
    this.#writing = false;
  }
}

/** Lines that could not be written: the log hears of the first, the audit of their number. */
class Losses {
  readonly #log: Log;
  #lost = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** The text of a line, behind one that says how many are missing before it. */
  lines(facts: AuditFacts): string {
    const missing = this.#lost === 0 ? "" : lineOf({ event: "lost", lines: this.#lost });
    return missing + lineOf(facts);
  }

  add(error: unknown, lines = 1): void {
    const isFirst = this.#lost === 0;
    this.#lost += lines;
    if (!isFirst) return;
    this.#log.error("the audit cannot be written", { error: String(error) });
  }

  clear(): void {
    if (this.#lost === 0) return;
    this.#log.info("the audit is written again", { lost: this.#lost });
    this.#lost = 0;
  }
}

function lineOf(facts: AuditFacts): string {
  return `${plainJson({ time: new Date().toISOString(), ...facts })}\n`;
}

function openOwn(path: string): Deno.FsFile {
  const file = openToAppend(path);
  const { isFile, mode, uid } = file.statSync();
  const isOwn = Deno.build.os === "windows" ||
    (((mode ?? 0) & OTHERS_MODE) === 0 && uid === Deno.uid());
  if (isFile && isOwn) return file;
  file.close();
  const problem = isFile ? "others can read or change it" : "it is no ordinary file";
  throw new RtoolError("bad_config", `Cannot use the audit file ${path}: ${problem}`, {
    hint: isFile ? `chmod 600 ${path}, and let it belong to who runs the server` : "name another",
  });
}

function openToAppend(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RtoolError("bad_config", `Cannot open the audit file ${path}: ${why}`, { cause });
  }
}
