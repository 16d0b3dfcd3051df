/**
 * What comes with a job: values of --set and --data, files of --put.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Upload, UploadTarget } from "../core/item.ts";
import type { Options } from "../core/options.ts";
import type { RValue } from "../rdata/types.ts";
import { filePair } from "./file_pair.ts";
import { fileFault, readLocal } from "./local_file.ts";

/** What is announced, and its bytes, one behind the other. */
export interface Brought {
  readonly uploads: readonly Upload[];
  readonly contents: AsyncIterable<Uint8Array> | undefined;
}

/** Nothing comes with the job. */
export const NOTHING_BROUGHT: Brought = { uploads: [], contents: undefined };

/** One thing that comes with a job. */
export interface Piece {
  readonly target: UploadTarget;
  readonly bytes: number;
  readonly read: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A value and the name it is to have. */
export type NamedValue = readonly [name: string, value: RValue];

/** Reads what the options name; files of --put are read when they are sent. */
export async function readBrought(options: Options): Promise<Brought> {
  const pieces = await readDataPieces(options);
  return gather([...pieces, ...options.list("put").map(readPut)]);
}

/** The values of --set and --data, ready to be sent. */
export async function readDataPieces(options: Options): Promise<readonly Piece[]> {
  const values = await readValues(options);
  return await Promise.all(
    values.map(([name, value]) => valuePiece({ kind: "data", name }, value)),
  );
}

/** The values of --set and --data. */
export async function readValues(options: Options): Promise<readonly NamedValue[]> {
  const values: NamedValue[] = [];
  for (const text of options.list("set")) values.push(await readSet(text));
  for (const text of options.list("data")) values.push(await readData(text));
  return values;
}

/** The arguments of a call; those without a name have the name "". */
export async function bringArguments(args: readonly NamedValue[]): Promise<Brought> {
  const { character, list } = await import("../rdata/values.ts");
  const names = args.map(([name]) => name);
  const values = args.map(([, value]) => value);
  const named = names.some((name) => name !== "");
  const all = list(values, named ? [["names", character(names)]] : []);
  return gather([await valuePiece({ kind: "arguments" }, all)]);
}

/** All of it, one behind the other. */
export function gather(pieces: readonly Piece[]): Brought {
  if (pieces.length === 0) return NOTHING_BROUGHT;
  const uploads = pieces.map(({ target, bytes }) => ({ target, bytes, path: undefined }));
  return { uploads, contents: concatenate(pieces) };
}

async function* concatenate(pieces: readonly Piece[]): AsyncGenerator<Uint8Array> {
  for (const { read } of pieces) yield* read();
}

async function readSet(text: string): Promise<NamedValue> {
  const { name, rest } = splitName("set", text);
  const { fromJson } = await import("../rdata/json_read.ts");
  try {
    return [name, fromJson(rest)];
  } catch (cause) {
    const { message } = toRtoolError(cause);
    throw new RtoolError("usage", `Cannot read the JSON of --set ${name}: ${message}`, {
      cause,
      hint: `text is quoted twice, once for the shell: --set ${name}='"text"'`,
    });
  }
}

async function readData(text: string): Promise<NamedValue> {
  const { name, rest: path } = splitName("data", text);
  const extension = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase();
  const read = READERS[extension ?? ""];
  if (!read) {
    throw new RtoolError("usage", `Cannot tell what ${path} holds`, {
      hint: `its name must end in ${Object.keys(READERS).map((each) => `.${each}`).join(", ")}`,
    });
  }
  const bytes = await readLocal(path);
  try {
    return [name, await read(bytes)];
  } catch (cause) {
    const { code, message } = toRtoolError(cause);
    throw new RtoolError(code, `Cannot read ${path}: ${message}`, { cause });
  }
}

/** How a file is read, by the end of its name. */
const READERS: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Promise<RValue>>> = {
  csv: async (bytes) => (await import("../rdata/csv_read.ts")).fromCsv(decode(bytes)),
  json: async (bytes) => (await import("../rdata/json_read.ts")).fromJson(decode(bytes)),
  rds: async (bytes) => await (await import("../rdata/rds.ts")).fromRds(bytes),
  arrow: async (bytes) => await (await import("../rdata/arrow.ts")).fromArrow(bytes),
};

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new RtoolError("unreadable_input", "it is not UTF-8", { cause });
  }
}

/** A value in R's serialization format. */
export async function valuePiece(target: UploadTarget, value: RValue): Promise<Piece> {
  const { encodeValue } = await import("../rdata/write.ts");
  const parts = encodeValue(value);
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  return { target, bytes, read: () => parts };
}

function readPut(text: string): Piece {
  const { first: local, second: path } = filePair(text);
  const info = statFile(local);
  return {
    target: { kind: "file", path },
    bytes: info.size,
    read: () => readExactly(local, info.size),
  };
}

/** Yields as many bytes as were announced, or throws when the file has changed meanwhile. */
async function* readExactly(path: string, size: number): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path).catch((cause) => {
    throw fileFault("unreadable_input", `Cannot read ${path}`, cause);
  });
  let left = size;
  while (left > 0) {
    const buffer = new Uint8Array(Math.min(left, 1 << 16));
    const count = await file.read(buffer);
    if (count === null) throw new RtoolError("unreadable_input", `${path} has become shorter`);
    left -= count;
    yield buffer.subarray(0, count);
  }
}

function statFile(path: string): Deno.FileInfo {
  try {
    const info = Deno.statSync(path);
    if (info.isFile) return info;
  } catch (cause) {
    throw fileFault("unreadable_input", `Cannot read ${path}`, cause);
  }
  throw new RtoolError("unreadable_input", `Cannot put ${path}: it is no file`);
}

function splitName(option: string, text: string): { name: string; rest: string } {
  const at = text.indexOf("=");
  if (at > 0) return { name: text.slice(0, at), rest: text.slice(at + 1) };
  throw new RtoolError("usage", `--${option} needs a name before '=', not '${text.slice(0, 80)}'`);
}
