/**
 * The events of one job, kept: in memory at first, then in a file. Any number of readers replay
 * them from the first and follow.
 *
 * Knows no job and no clock.
 */

import { bytesOf, type JobEvent } from "../core/job.ts";

/** Bytes kept in memory; what follows goes to the file. */
const MEMORY_BYTES_MAX = 1 << 20;

/** Counted for an event beside its output. */
const EVENT_WEIGHT = 256;

/** Length u32 and kind u8, before each event in the file. */
const HEADER_BYTES = 5;
const KINDS = { json: 0, stdout: 1, stderr: 2, item_bytes: 3 } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One job's events. */
export class EventLog {
  readonly #path: string;
  readonly #memory: JobEvent[] = [];
  #memoryBytes = 0;
  #file: Deno.FsFile | undefined;
  #fileBytes = 0;
  #fileEvents = 0;
  #closed = false;
  #changed = Promise.withResolvers<void>();

  /** `path` is made when it is needed. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Bytes on disk. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  get length(): number {
    return this.#memory.length + this.#fileEvents;
  }

  /** Adds an event; throws when the file cannot be written. */
  append(event: JobEvent): void {
    if (this.#memoryBytes < MEMORY_BYTES_MAX && !this.#file) {
      this.#memory.push(event);
      this.#memoryBytes += EVENT_WEIGHT + bytesOf(event).length;
    } else this.#write(event);
    this.#tell();
  }

  /** No more events come. */
  close(): void {
    this.#closed = true;
    this.#file?.close();
    this.#file = undefined;
    this.#tell();
  }

  /** Forgets everything; readers come to an end. */
  discard(): void {
    this.close();
    this.#memory.length = 0;
    if (this.#fileEvents > 0) removeQuietly(this.#path);
  }

  /** Events behind the first `after`, then those that come, until `signal`. */
  async *read(after: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    const wake = () => this.#tell();
    signal.addEventListener("abort", wake, { once: true });
    try {
      let at = after;
      for (
        ;
        await this.#comes(() => at < this.#memory.length || this.#fileEvents > 0, signal);
        at++
      ) {
        const event = this.#memory[at];
        if (event === undefined) break;
        yield event;
      }
      if (this.#fileEvents > 0) yield* this.#readFile(at - this.#memory.length, signal);
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  /** Waits until it is there; false when it will not come any more, or nobody wants it. */
  async #comes(isThere: () => boolean, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted && !isThere() && !this.#closed) await this.#changed.promise;
    return !signal.aborted && isThere();
  }

  async *#readFile(skip: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    using file = await Deno.open(this.#path);
    for (let index = 0; await this.#comes(() => index < this.#fileEvents, signal); index++) {
      const header = await readExactly(file, HEADER_BYTES);
      const length = new DataView(header.buffer).getUint32(0, true);
      const event = decodeEvent(header[4]!, await readExactly(file, length));
      if (index >= skip) yield event;
    }
  }

  #write(event: JobEvent): void {
    this.#file ??= Deno.openSync(this.#path, { write: true, createNew: true, mode: 0o600 });
    const payload = "bytes" in event ? event.bytes : encoder.encode(JSON.stringify(event));
    const bytes = new Uint8Array(HEADER_BYTES + payload.length);
    new DataView(bytes.buffer).setUint32(0, payload.length, true);
    bytes[4] = "bytes" in event ? KINDS[event.kind] : KINDS.json;
    bytes.set(payload, HEADER_BYTES);
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    this.#fileBytes += bytes.length;
    this.#fileEvents++;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

function decodeEvent(kind: number, payload: Uint8Array): JobEvent {
  if (kind === KINDS.stdout) return { kind: "stdout", bytes: payload };
  if (kind === KINDS.stderr) return { kind: "stderr", bytes: payload };
  if (kind === KINDS.item_bytes) return { kind: "item_bytes", bytes: payload };
  return JSON.parse(decoder.decode(payload)) as JobEvent; // Our own words, written above.
}

async function readExactly(file: Deno.FsFile, count: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) at += await file.read(bytes.subarray(at)) ?? count;
  return bytes;
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Gone with the server's directory.
  }
}
