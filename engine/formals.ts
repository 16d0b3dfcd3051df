/**
 * What R says of functions: whether it has them, and what their arguments are called.
 */

import { RtoolError } from "../core/errors.ts";
import formalsSource from "./r/formals.R" with { type: "text" };
import { spawnScript } from "./spawn.ts";

/** How R is asked. */
export interface AskOptions {
  /** Command that runs R, looked up on PATH. @default {"R"} */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** R code that defines more functions, run before; undefined: none. */
  readonly script: string | undefined;
}

/** The formals of a function, or why R has none. */
export type Formals =
  | { readonly names: readonly string[] }
  | { readonly problem: string };

/** Starting R and loading packages may take this. */
const TIMEOUT_MS = 60_000;

/**
 * Asks one R about all of the functions; throws `r_unavailable`, or `bad_config` for the script.
 */
export async function askFormals(
  functionNames: readonly string[],
  { command, env, script }: AskOptions,
): Promise<ReadonlyMap<string, Formals>> {
  const child = spawnScript(command, [script ?? "-", ...functionNames], env);
  const late = setTimeout(() => kill(child), TIMEOUT_MS);
  const [output] = await Promise.all([child.output(), write(child, formalsSource)])
    .finally(() => clearTimeout(late));
  const decoder = new TextDecoder();
  const text = decoder.decode(output.stdout);
  if (text.endsWith("\nrtool-end\n")) return parseAnswer(text);
  const why = decoder.decode(output.stderr).trim().split("\n").slice(-3).join("\n");
  const end = output.signal === null ? `status ${output.code}` : output.signal;
  throw new RtoolError("bad_config", `R ended with ${end} before it could answer: ${why}`, {
    hint: script === undefined ? "is it R?" : `does R run this? ${script}`,
  });
}

function parseAnswer(text: string): ReadonlyMap<string, Formals> {
  const answer = new Map<string, Formals>();
  for (const line of text.split("\n")) {
    const [kind, name = "", ...rest] = line.split("\t");
    if (kind === "rtool-formals") answer.set(name, { names: rest });
    if (kind === "rtool-problem") answer.set(name, { problem: rest.join(" ").trim() });
  }
  return answer;
}

async function write(child: Deno.ChildProcess, text: string): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It has ended already; its output tells why.
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
