/**
 * The value of a job, in the format that is asked for.
 */

import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import type { Options } from "../core/options.ts";
import type { ItemSink } from "./item_sink.ts";
import { PartFile } from "./part_file.ts";
import { createOutput } from "./terminal.ts";
import type { VALUE_FORMATS } from "./table_send.ts";

/** One of the formats of `--value`. */
export type ValueFormat = typeof VALUE_FORMATS[number];

/** How a value is written. */
interface Shape {
  readonly format: ValueFormat;
  readonly unbox: boolean;
  readonly frames: "rows" | "columns";
}

/** Where a value goes. */
interface Destination {
  write(bytes: Uint8Array): void | Promise<void>;
  commit(): void;
  abandon(): void;
}

/** Takes the one value of a job and writes it, to the file of `--out` or to stdout. */
export class ValueSink implements ItemSink {
  readonly #shape: Shape;
  readonly #open: () => Destination;
  readonly #parts: Uint8Array[] = [];
  #to: Destination | undefined;
  #written = false;

  constructor(shape: Shape, open: () => Destination) {
    this.#shape = shape;
    this.#open = open;
  }

  /** A queued job whose host was lost may begin its value again: only the last one counts. */
  begin(): void {
    this.#parts.length = 0;
    this.#to = this.#open();
  }

  /** R's own format goes through; any other needs the whole value. */
  async take(bytes: Uint8Array): Promise<void> {
    if (this.#shape.format === "rds") await this.#to?.write(bytes);
    else this.#parts.push(bytes);
  }

  async end(problem: string | undefined): Promise<void> {
    const to = this.#to;
    if (!to) return;
    try {
      if (problem !== undefined) throw new RtoolError("bad_value", `No value came: ${problem}`);
      for await (const piece of convert(this.#parts.splice(0), this.#shape)) await to.write(piece);
    } catch (error) {
      to.abandon();
      throw error;
    }
    to.commit();
    this.#written = true;
  }

  /** Whether a value was written. */
  get written(): boolean {
    return this.#written;
  }
}

/** The sink `--value` asks for. */
export function maybeValueSink(options: Options): ValueSink | undefined {
  const format = options.maybeText("value") as ValueFormat | undefined;
  const out = options.maybeText("out");
  if (format === undefined) {
    if (out === undefined) return undefined;
    throw new RtoolError("usage", "--out is where a value goes, and no --value is asked for");
  }
  const frames = options.text("frames") === "columns" ? "columns" : "rows";
  const shape: Shape = { format, unbox: options.flag("unbox"), frames };
  if (out === undefined && isBinary(format) && Deno.stdout.isTerminal()) {
    throw new RtoolError("usage", `A terminal cannot show ${format}`, {
      hint: "write it to a file: --out FILE",
    });
  }
  const stdout = out === undefined ? openStdout(shape) : undefined;
  return new ValueSink(shape, () => stdout ?? new PartFile(out!));
}

function isBinary(format: ValueFormat): boolean {
  return format === "rds" || format === "arrow";
}

function openStdout({ format }: Shape): Destination {
  const output = createOutput(Deno.stdout, !isBinary(format) && Deno.stdout.isTerminal());
  let [isBegun, isSpoiled] = [false, false];
  return {
    write: (bytes) => {
      if (isSpoiled) {
        throw new RtoolError("bad_value", "Part of a value that was not whole is in the output", {
          hint: "its host was lost; write the value to a file: --out FILE",
        });
      }
      isBegun = true;
      return output.write(bytes);
    },
    commit: () => {},
    abandon: () => void (isSpoiled = isBegun),
  };
}

/** The value in its format, in pieces. */
async function* convert(
  parts: readonly Uint8Array[],
  { format, unbox, frames }: Shape,
): AsyncGenerator<Uint8Array> {
  if (format === "rds") return;
  const { decodeValue } = await import("../rdata/read.ts");
  const value = decodeValue(concatAligned(parts));
  switch (format) {
    case "json": {
      const { toJson } = await import("../rdata/json_write.ts");
      yield* encode(toJson(value, { unbox, frames }), "\n");
      return;
    }
    case "ndjson": {
      const { toNdjson } = await import("../rdata/json_write.ts");
      yield* encode(toNdjson(value, { unbox, frames }));
      return;
    }
    case "csv": {
      const { toCsv } = await import("../rdata/csv_write.ts");
      yield* encode(toCsv(value));
      return;
    }
    case "text": {
      const { toText } = await import("../rdata/csv_write.ts");
      yield* encode(toText(value));
      return;
    }
    case "arrow": {
      const { toArrowParts } = await import("../rdata/arrow.ts");
      yield* toArrowParts(value);
      return;
    }
    default:
      format satisfies never;
  }
}

/** Where the elements of a vector that is the whole value begin in version 3 of R's format. */
const FIRST_ELEMENT = 31;

/** The parts in one array, laid so that such elements are a view of it and need not be copied. */
function concatAligned(parts: readonly Uint8Array[]): Uint8Array {
  const start = 8 - FIRST_ELEMENT % 8;
  const all = concat([new Uint8Array(start), ...parts]);
  return all.subarray(start);
}

/** Bytes that are written at once. */
const PIECE_CHARS = 1 << 16;

/** Text as bytes, small pieces gathered. */
function* encode(pieces: Iterable<string>, end = ""): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let held = "";
  for (const piece of pieces) {
    held += piece;
    if (held.length < PIECE_CHARS) continue;
    yield encoder.encode(held);
    held = "";
  }
  if (held + end !== "") yield encoder.encode(held + end);
}
