/**
 * One of R's two output streams: reads it, hands output to the job it belongs to, and marks to the
 * worker. Reads no further while that job's reader is behind.
 */

import type { EngineJob } from "./job.ts";
import { settlesWithin } from "../core/time.ts";
import { SentinelDecoder } from "./sentinel.ts";

/** A mark of the worker's R code, and where it stood. */
export interface Mark {
  readonly stream: StreamName;
  /** Whose mark it is. */
  readonly nonce: string;
  readonly mark: string;
  readonly payload: string;
}

/** Which of R's streams. */
export type StreamName = "stdout" | "stderr";

/** From so many jobs in R's pipe on, output is read at most once a millisecond. */
const CROWD = 16;

/** Bytes asked of R's pipe at once: what it can hold. */
const READ_BYTES = 1 << 16;

/** After so many reads in a row of so few bytes, R is printing in small pieces: gather them. */
const SMALL_READS = 32;
const SMALL_BYTES = 4096;

/** Bytes kept for the message of a crash. */
const TAIL_BYTES = 2048;

const decoder = new TextDecoder();

/** Reads one stream from the first byte to the last. */
export class WorkerStream {
  readonly name: StreamName;
  /** Whether the job's reader is behind, so that R's pipe is not being read. */
  paused = false;
  readonly #decoder = new SentinelDecoder();
  readonly #nonces = new Set<string>();
  readonly #expected: { nonce: string; job: EngineJob | undefined }[] = [];
  readonly #onMark: (mark: Mark) => void;
  readonly #onBroken: () => void;
  readonly #reader: ReadableStreamBYOBReader;
  #buffer = new ArrayBuffer(READ_BYTES);
  readonly #done: Promise<void>;
  #lastNonce = "";
  #tail: Uint8Array = new Uint8Array(0);
  #lastReadAt = 0;
  #smallReads = 0;

  constructor(
    name: StreamName,
    source: ReadableStream<Uint8Array>,
    onMark: (mark: Mark) => void,
    onBroken: () => void,
  ) {
    this.name = name;
    this.#decoder.expect(this.#nonces);
    this.#onMark = onMark;
    this.#onBroken = onBroken;
    this.#reader = source.getReader({ mode: "byob" });
    this.#done = this.#pump();
  }

  /** The last bytes that were no marks, as text. */
  get tail(): string {
    return decoder.decode(this.#tail);
  }

  /** Says whose marks come after those already expected. */
  expect(nonce: string, job: EngineJob | undefined): void {
    this.#expected.push({ nonce, job });
    this.#nonces.add(nonce);
  }

  /** The last mark of this nonce has come; what was expected before it does not come any more. */
  advance(nonce: string): void {
    this.#smallReads = 0;
    for (let first = this.#expected.shift(); first; first = this.#expected.shift()) {
      // The last one stays known: R says that it is about to end with whatever nonce it had.
      if (this.#lastNonce !== first.nonce) this.#nonces.delete(this.#lastNonce);
      this.#lastNonce = first.nonce;
      if (first.nonce === nonce) return;
    }
  }

  /** Resolves at the end of the stream. */
  get ended(): Promise<void> {
    return this.#done;
  }

  /** Resolves at the end of the stream, or once nothing has come for `quietMs` after R's end. */
  async finished(quietMs: number): Promise<void> {
    let ended = false;
    void this.#done.then(() => ended = true);
    this.#lastReadAt = performance.now();
    while (!ended) {
      await settlesWithin(this.#done, quietMs / 5);
      if (!this.paused && performance.now() - this.#lastReadAt > quietMs) break;
    }
    await this.#reader.cancel().catch(() => {});
  }

  async #pump(): Promise<void> {
    for (;;) {
      const value = await this.#read();
      if (!value) break;
      this.#lastReadAt = performance.now();
      this.#decoder.push(value);
      try {
        this.#cut();
      } catch {
        // Only user code that forges marks makes a mark nobody understands.
        this.#decoder.rest();
        this.#onBroken();
      }
      // With many short jobs or pieces in hand, reading each as it comes costs more than it brings.
      if (this.#expected.length >= CROWD || this.#smallReads > SMALL_READS) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const job = this.#expected[0]?.job;
      if (job?.events.full) {
        this.paused = true;
        await job.events.room();
        this.paused = false;
      }
    }
    this.#output(this.#decoder.rest());
  }

  /**
   * The next bytes, or `undefined` at the end. Few are copied, so that their buffer serves again.
   */
  async #read(): Promise<Uint8Array | undefined> {
    try {
      const { value, done } = await this.#reader.read(new Uint8Array(this.#buffer));
      if (done || value === undefined) return undefined;
      this.#smallReads = value.length <= SMALL_BYTES ? this.#smallReads + 1 : 0;
      if (value.length > READ_BYTES / 4) {
        this.#buffer = new ArrayBuffer(READ_BYTES);
        return value;
      }
      this.#buffer = value.buffer;
      return value.slice();
    } catch {
      return undefined;
    }
  }

  #cut(): void {
    for (let piece = this.#decoder.next(); piece; piece = this.#decoder.next()) {
      if (piece.kind === "bytes") {
        this.#output(piece.bytes);
      } else {
        const payload = decoder.decode(piece.payload);
        this.#onMark({ stream: this.name, nonce: piece.nonce, mark: piece.mark, payload });
      }
    }
  }

  /** Bytes that come when no job is open are of a child some job has left behind: dropped. */
  #output(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#expected[0]?.job?.output(this.name, bytes);
    if (this.name === "stderr") this.#keepTail(bytes);
  }

  #keepTail(bytes: Uint8Array): void {
    const last = bytes.subarray(-TAIL_BYTES);
    const kept = this.#tail.subarray(-(TAIL_BYTES - last.length) || this.#tail.length);
    const tail = new Uint8Array(kept.length + last.length);
    tail.set(kept);
    tail.set(last, kept.length);
    this.#tail = tail;
  }
}
