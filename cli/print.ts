/**
 * A command's result to stdout.
 */

import type { CommandEnd } from "./context.ts";
import { BrokenPipeSignal, createOutput } from "./terminal.ts";

/** Exit status of a process that wrote into a closed pipe: 128 + SIGPIPE. */
export const BROKEN_PIPE_STATUS = 141;

/** Prints text as it is; on a terminal, what came from elsewhere cannot move it. */
export async function printText(text: string): Promise<CommandEnd> {
  const output = createOutput(Deno.stdout, Deno.stdout.isTerminal());
  try {
    await output.write(new TextEncoder().encode(text));
    return { status: 0 };
  } catch (error) {
    if (error instanceof BrokenPipeSignal) return { status: BROKEN_PIPE_STATUS };
    throw error;
  }
}

/** Prints one JSON document. */
export function printJson(value: unknown): Promise<CommandEnd> {
  return printText(`${JSON.stringify(value, null, 2)}\n`);
}
