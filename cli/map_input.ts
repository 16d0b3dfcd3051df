/**
 * The items of a map: one for each line of JSON of a file or of stdin.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import { sizeText } from "../core/units.ts";
import { findFault } from "../rdata/json_fault.ts";
import { jsonToValue } from "../rdata/json_read.ts";
import type { RValue } from "../rdata/types.ts";
import { fileFault } from "./local_file.ts";
import { readLines } from "./map_lines.ts";

/** Most bytes of a line: a job's code may have as many. */
export const LINE_BYTES_MAX = 16 << 20;

/** Most items of one map: of each, a resumption remembers nine bytes. */
export const ITEMS_MAX = 10_000_000;

/** One item. */
export interface MapItem {
  /** Counted from 0; blank lines are no items. */
  readonly index: number;
  /** Its line, as written. */
  readonly text: string;
  readonly value: RValue;
}

/** Where items come from. */
export interface MapInput {
  /** What messages call it. */
  readonly name: string;
  /** Whether it can be read more than once, and so be checked before anything runs. */
  readonly isFile: boolean;
  /** The items from the first on. Throws at the line that is none. */
  read(): AsyncGenerator<MapItem>;
}

/** The input that `--over` names; `-` is stdin. */
export function openInput(path: string): MapInput {
  if (path === "-") {
    return { name: "stdin", isFile: false, read: () => readItems(Deno.stdin.readable, "stdin") };
  }
  return { name: path, isFile: isRegular(path), read: () => readItems(chunksOf(path), path) };
}

/** The items in a stream; `name` stands in messages. */
export async function* readItems(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<MapItem> {
  let number = 0;
  let index = 0;
  for await (const { head, length } of readLines(chunks, LINE_BYTES_MAX)) {
    const place = `${name}, line ${++number}`;
    if (length > LINE_BYTES_MAX) {
      throw new RtoolError("bad_value", `${place}: it has more than ${sizeText(LINE_BYTES_MAX)}`);
    }
    const text = decode(head, place);
    if (text.trim() === "") continue;
    if (index >= ITEMS_MAX) {
      throw new RtoolError("bad_value", `${place}: a map has at most ${ITEMS_MAX} items`);
    }
    yield { index: index++, text, value: parse(text, place) };
  }
}

function isRegular(path: string): boolean {
  let found: Deno.FileInfo;
  try {
    found = Deno.statSync(path);
  } catch (cause) {
    throw fileFault("unreadable_input", `Cannot read ${path}`, cause);
  }
  if (found.isDirectory) {
    throw new RtoolError("unreadable_input", `Cannot read ${path}: it is a directory`);
  }
  return found.isFile; // A pipe, as of <(...), gives its lines once.
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await Deno.open(path).catch((cause) => {
    throw fileFault("unreadable_input", `Cannot read ${path}`, cause);
  });
  yield* file.readable; // Closes the file too.
}

function decode(bytes: Uint8Array, place: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).trimEnd();
  } catch (cause) {
    throw new RtoolError("unreadable_input", `${place}: it is not UTF-8`, { cause });
  }
}

function parse(text: string, place: string): RValue {
  try {
    return parseValue(text, place);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new RtoolError("bad_value", `${place}: it is nested too deeply`, { cause });
  }
}

/** Throws a RangeError for what goes deeper than the stack. */
function parseValue(text: string, place: string): RValue {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof RangeError) throw cause;
    const { column, found } = findFault(text);
    const message = `${place}, column ${column}: it is no JSON: ${found}`;
    throw new RtoolError("bad_value", message, { cause });
  }
  try {
    return jsonToValue(parsed);
  } catch (cause) {
    if (cause instanceof RangeError) throw cause;
    const { code, message } = toRtoolError(cause);
    throw new RtoolError(code, `${place}: ${message}`, { cause });
  }
}
