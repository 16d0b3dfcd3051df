/**
 * The file of a map's results: a whole line for each item, appended as it finishes, so that a map
 * that was interrupted can go on. What was only begun of a line is cut off.
 */

import { RtoolError } from "../core/errors.ts";
import { fileFault } from "./local_file.ts";
import { Finished } from "./map_finished.ts";
import { readLines } from "./map_lines.ts";
import { HEAD_BYTES_MAX, mayBegin, maybeHead, type ResultHead } from "./map_result.ts";
import { PartFile } from "./part_file.ts";

/** Bytes copied at once. */
const PIECE_BYTES = 1 << 16;

/** How a file of results is opened. */
export interface ResultsOptions {
  /** Digest of the script and of what all items are given. */
  readonly script: string;
  /** Whether there may be results already. */
  readonly resume: boolean;
}

/** A result, and where its line stands. */
interface Placed extends ResultHead {
  readonly offset: number;
  /** Bytes, the line end included. */
  readonly bytes: number;
}

/** One file of results, locked against a second map. */
export class ResultsFile implements Disposable {
  readonly #path: string;
  #file: Deno.FsFile;
  #finished: Finished;

  private constructor(path: string, file: Deno.FsFile, finished: Finished) {
    this.#path = path;
    this.#file = file;
    this.#finished = finished;
  }

  /** Opens or makes it; throws when it holds what cannot be gone on with. */
  static async open(path: string, options: ResultsOptions): Promise<ResultsFile> {
    const file = openLocked(path);
    try {
      return new ResultsFile(path, file, await takeUp(path, file, options));
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** What has a result. */
  get finished(): Finished {
    return this.#finished;
  }

  /** Forgets the items that failed, so that they are run again. The file is whole at any time. */
  async dropFailed(): Promise<void> {
    if (this.#finished.failed === 0) return;
    const kept: Placed[] = [];
    for await (const result of readResults(this.#path)) if (result.isOk) kept.push(result);
    copyLines(this.#path, this.#file, kept);
    const file = openLocked(this.#path);
    this.#file.close();
    this.#file = file;
    this.#finished = new Finished();
    for (const result of kept) this.#finished.add(result);
  }

  /** Adds a line, whole: it is the system's when this returns. */
  append(line: Uint8Array): void {
    writing(this.#path, () => writeAll(this.#file, line));
  }

  /** What was added outlives a power cut from here on. */
  flush(): void {
    writing(this.#path, () => this.#file.syncDataSync());
  }

  /** Puts the lines into the order of their items; the file must have all of them. */
  async order(): Promise<void> {
    const places = await Array.fromAsync(readResults(this.#path), ({ index, offset, bytes }) => {
      return { index, offset, bytes };
    });
    if (places.every(({ index }, at) => index === at)) return;
    places.sort((a, b) => a.index - b.index);
    copyLines(this.#path, this.#file, places);
  }

  [Symbol.dispose](): void {
    this.#file.close(); // Unlocks it too.
  }
}

/** The results in a file. What is no result is an error, but for a last line without an end. */
async function* readResults(path: string): AsyncGenerator<Placed> {
  const { readable } = await Deno.open(path);
  let number = 0;
  for await (const { offset, length, head, isWhole } of readLines(readable, HEAD_BYTES_MAX)) {
    number++;
    const found = maybeHead(head);
    // Only what a map has begun is cut off.
    const isOurs = isWhole ? found !== undefined : mayBegin(head);
    if (!isOurs) throw foreign(path, number, "it is no result of rtool map -o");
    if (!isWhole || !found) return;
    yield { ...found, offset, bytes: length + 1 };
  }
}

/** Reads what has finished, and cuts off what was not written to its end. */
async function takeUp(
  path: string,
  file: Deno.FsFile,
  { resume, script }: ResultsOptions,
): Promise<Finished> {
  const finished = new Finished();
  const { size } = await file.stat();
  if (size > 0 && !resume) {
    throw new RtoolError("usage", `${path} holds results already`, {
      hint: "go on with them: --resume; or remove it, or name another -o FILE",
    });
  }
  let end = 0;
  let number = 0;
  for await (const result of readResults(path)) {
    number++;
    checkScript(result, script);
    if (!finished.add(result)) {
      throw foreign(path, number, `item ${result.index} stands there twice, or cannot be`);
    }
    end = result.offset + result.bytes;
  }
  if (end < size) writing(path, () => file.truncateSync(end));
  return finished;
}

function checkScript(result: ResultHead, script: string): void {
  if (result.script === script) return;
  throw new RtoolError(
    "usage",
    "Cannot resume: the script, or what it is given beside its item, is not what it was",
    { hint: "resume with script and options as they were, or begin anew with another -o FILE" },
  );
}

function copyLines(path: string, file: Deno.FsFile, places: readonly Place[]): void {
  const part = new PartFile(path);
  try {
    const piece = new Uint8Array(PIECE_BYTES);
    for (const { offset, bytes } of places) {
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let left = bytes; left > 0;) {
        const count = file.readSync(piece.subarray(0, left)) ?? 0;
        if (count === 0) throw new RtoolError("unreadable_input", `${path} has become shorter`);
        part.write(piece.subarray(0, count));
        left -= count;
      }
    }
  } catch (error) {
    part.abandon();
    throw error;
  }
  part.commit();
}

type Place = Pick<Placed, "offset" | "bytes">;

function openLocked(path: string): Deno.FsFile {
  const file = writing(path, () => Deno.openSync(path, { read: true, append: true, create: true }));
  const problem = !file.statSync().isFile
    ? "results that can be gone on with need a file"
    : file.tryLockSync(true)
    ? undefined
    : "another rtool map writes it";
  if (problem === undefined) return file;
  file.close();
  throw new RtoolError("unwritable_output", `Cannot write ${path}: ${problem}`);
}

function writing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw fileFault("unwritable_output", `Cannot write ${path}`, cause);
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

function foreign(path: string, line: number, what: string): RtoolError {
  return new RtoolError("unreadable_input", `Cannot resume with ${path}, line ${line}: ${what}`);
}
