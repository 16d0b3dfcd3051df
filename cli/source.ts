/**
 * Where `send` takes its code from, and what the script sees of its call.
 */

import { RtoolError } from "../core/errors.ts";
import type { Context } from "./context.ts";
import { readLocal } from "./local_file.ts";

/** Code to send, and where it came from. */
export interface Source {
  readonly code: string;
  /** The script's file, if there is one. */
  readonly name: string | undefined;
  /** What `commandArgs()` returns behind R's own path, as Rscript has it. */
  readonly args: readonly string[];
  /** Whether stdin is the script's, not the code itself. */
  readonly stdinIsFree: boolean;
}

/** R's own arguments in an Rscript of `--vanilla`. */
const R_ARGUMENTS = ["--no-echo", "--no-restore", "--vanilla"];

/** Reads the code; `undefined` when there is none to read because stdin is a terminal. */
export async function readSource(context: Context): Promise<Source | undefined> {
  const { options, operands, rest } = context;
  const expressions = options.list("eval");
  const script = options.maybeText("script");
  const name = script ?? (expressions.length > 0 ? undefined : operands[0]);
  const theirs = [...operands.slice(name === undefined || script !== undefined ? 0 : 1), ...rest];
  const args = theirs.length > 0 ? ["--args", ...theirs] : [];
  if (expressions.length > 0) {
    const given = expressions.flatMap((expression) => ["-e", expression]);
    return {
      code: expressions.join("\n"),
      name: undefined,
      args: [...R_ARGUMENTS, ...given, ...args],
      stdinIsFree: true,
    };
  }
  const fromStdin = name === undefined || name === "-";
  if (name === undefined && Deno.stdin.isTerminal()) return undefined;
  const bytes = fromStdin ? await readStdin() : await readLocal(name);
  const code = await decode(bytes, options.text("encoding"), fromStdin ? "stdin" : name);
  return {
    code,
    name: fromStdin ? undefined : name,
    args: [...R_ARGUMENTS, `--file=${name ?? "-"}`, ...args],
    stdinIsFree: !fromStdin,
  };
}

/** All of stdin. */
export async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of Deno.stdin.readable) chunks.push(chunk);
  const { concat } = await import("@std/bytes");
  return concat(chunks);
}

async function decode(bytes: Uint8Array, encoding: string, name: string): Promise<string> {
  if (/^utf-?8$/i.test(encoding)) {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch (cause) {
      throw new RtoolError("unreadable_input", `${name} is not UTF-8`, {
        cause,
        hint: "name its encoding, such as --encoding latin1",
      });
    }
  }
  const { maybeCharset } = await import("../core/charset.ts");
  const charset = maybeCharset(encoding);
  if (!charset) throw new RtoolError("usage", `Unknown encoding '${encoding}'`);
  return charset.decode(bytes);
}
