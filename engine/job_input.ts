/**
 * The standard input of an R's jobs, one after the other.
 *
 * Knows the FIFO that R reads. Must not know jobs or marks.
 */

import { sendSignal } from "./process_table.ts";
import { spawnRelay } from "./spawn.ts";

/** What R reads as its standard input. */
export class JobInput {
  readonly #path: string;
  #relay: InputRelay | undefined;
  #used = false;

  /** `path` is the FIFO's. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Whether a job with input is with R. */
  get isOpen(): boolean {
    return this.#relay !== undefined;
  }

  /** Whether R has been given input since the last {@linkcode JobInput.close}. */
  get wasUsed(): boolean {
    return this.#used;
  }

  /** Resolves when R would wait for input instead of seeing its end. */
  async open(): Promise<void> {
    this.#relay = new InputRelay(this.#path);
    this.#used = true;
    await this.#relay.opened();
  }

  /** Passes all of `source` on. A failure only ends the input. */
  pump(source: AsyncIterable<Uint8Array>): void {
    void this.#relay?.pump(source); // Never rejects.
  }

  /** R sees the end of its input at once. */
  async stop(): Promise<void> {
    await this.#relay?.[Symbol.asyncDispose]();
  }

  /** The job is over: whether R may have left some of its input unread. */
  async close(): Promise<boolean> {
    await this.stop();
    this.#relay = undefined;
    const used = this.#used;
    this.#used = false;
    return used;
  }
}

/**
 * Writes a job's input to R through a process of its own: a writer that R does not read from would
 * otherwise hold one of Deno's few blocking threads.
 */
class InputRelay {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(inputPath: string) {
    this.#child = spawnRelay(inputPath);
    this.#writer = this.#child.stdin.getWriter();
    this.#writer.closed.catch(() => {}); // The relay was stopped.
  }

  /** Resolves when the writing end is open: until then R would see an end of file. */
  async opened(): Promise<void> {
    const reader = this.#child.stdout.getReader();
    await reader.read();
    await reader.cancel();
  }

  /** Passes all of `source` on, as fast as R reads, then says that it has ended. */
  async pump(source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of source) await this.#writer.write(chunk);
      await this.#writer.close();
    } catch {
      // The job has ended before its input.
    }
  }

  /** Ends the writing, whether or not R has read it all. */
  async [Symbol.asyncDispose](): Promise<void> {
    sendSignal(this.#child.pid, "SIGKILL");
    await this.#child.status;
    await this.#writer.abort().catch(() => {});
  }
}
