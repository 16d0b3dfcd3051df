/**
 * One of R's two output streams: reads it, hands output to the job it belongs to, and marks to the
 * worker. Reads no further while that job's reader is behind.
 */

import type { EngineJob } from "./job.ts";
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

/** Bytes kept for the message of a crash. */
const TAIL_BYTES = 2048;

const decoder = new TextDecoder();

/** Reads one stream from the first byte to the last. */
export class WorkerStream {
  readonly name: StreamName;
  /** Whether the job's reader is behind, so that R's pipe is not being read. */
  paused = false;
  readonly #decoder = new SentinelDecoder();
  readonly #expected: { nonce: string; job: EngineJob | undefined }[] = [];
  readonly #onMark: (mark: Mark) => void;
  readonly #onBroken: () => void;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #done: Promise<void>;
  #lastNonce = "";
  #tail: Uint8Array = new Uint8Array(0);
  #lastReadAt = 0;

  constructor(
    name: StreamName,
    source: ReadableStream<Uint8Array>,
    onMark: (mark: Mark) => void,
    onBroken: () => void,
  ) {
    this.name = name;
    this.#onMark = onMark;
    this.#onBroken = onBroken;
    this.#reader = source.getReader();
    this.#done = this.#pump();
  }

  /** The last bytes that were no marks, as text. */
  get tail(): string {
    return decoder.decode(this.#tail);
  }

  /** Says whose marks come after those already expected. */
  expect(nonce: string, job: EngineJob | undefined): void {
    this.#expected.push({ nonce, job });
    if (this.#expected.length === 1) this.#decoder.expect(nonce);
  }

  /** The first of those expected has sent its last mark on this stream. */
  advance(): void {
    this.#lastNonce = this.#expected.shift()?.nonce ?? this.#lastNonce;
    const next = this.#expected[0];
    if (next) this.#decoder.expect(next.nonce);
  }

  /** Resolves at the end of the stream, or once nothing has come for `quietMs` after R's end. */
  async finished(quietMs: number): Promise<void> {
    let ended = false;
    void this.#done.then(() => ended = true);
    this.#lastReadAt = performance.now();
    while (!ended) {
      await Promise.race([this.#done, new Promise((resolve) => setTimeout(resolve, quietMs / 5))]);
      if (!this.paused && performance.now() - this.#lastReadAt > quietMs) break;
    }
    await this.#reader.cancel().catch(() => {});
  }

  async #pump(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#reader.read().catch(() => ({
        value: undefined,
        done: true,
      }));
      if (done || value === undefined) break;
      this.#lastReadAt = performance.now();
      this.#decoder.push(value);
      try {
        this.#cut();
      } catch {
        // Only user code that forges marks makes a mark nobody understands.
        this.#decoder.rest();
        this.#onBroken();
      }
      // With many short jobs in hand, reading each line as it comes would cost more than it brings.
      if (this.#expected.length >= CROWD) await new Promise((resolve) => setTimeout(resolve, 1));
      const job = this.#expected[0]?.job;
      if (job?.events.full) {
        this.paused = true;
        await job.events.room();
        this.paused = false;
      }
    }
    this.#output(this.#decoder.rest());
  }

  #cut(): void {
    for (let piece = this.#decoder.next(); piece; piece = this.#decoder.next()) {
      if (piece.kind === "bytes") {
        this.#output(piece.bytes);
      } else {
        const nonce = this.#expected[0]?.nonce ?? this.#lastNonce;
        const payload = decoder.decode(piece.payload);
        this.#onMark({ stream: this.name, nonce, mark: piece.mark, payload });
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
