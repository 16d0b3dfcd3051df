/**
 * How single samples are taken: a thing repeated, a command run, a stream counted.
 *
 * Every sample checks what came back, so that a wrong answer is never a fast one.
 */

import type { Line } from "./peers/service.ts";

/** How long each of so many runs took, in milliseconds. */
export async function repeat(times: number, run: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < times; i++) samples.push(await milliseconds(run));
  return samples;
}

/** How long a run took. */
export async function milliseconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** How long a whole process took that must print `expected`, in milliseconds. */
export async function timeCommand(
  command: readonly string[],
  expected: string,
  input = "",
): Promise<number> {
  const [file, ...args] = command;
  const start = performance.now();
  const process = new Deno.Command(file!, {
    args,
    stdin: input === "" ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const fed = input === "" ? undefined : feed(process.stdin, input);
  const { stdout, stderr, code } = await process.output();
  await fed;
  const elapsed = performance.now() - start;
  const printed = new TextDecoder().decode(stdout);
  if (printed !== expected || code !== 0) {
    const said = new TextDecoder().decode(stderr);
    throw new Error(`${command.join(" ")} ended with ${code} and printed ${printed}${said}`);
  }
  return elapsed;
}

async function feed(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
}

/** How long R takes to write so many bytes into a pipe that is read, in milliseconds. */
export async function timePipe(code: string, bytes: number): Promise<number> {
  const child = new Deno.Command("Rscript", {
    args: ["--vanilla", "-e", `cat("-"); ${code}`],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let start = 0;
  let read = -1;
  for await (const chunk of child.stdout) {
    if (start === 0) start = performance.now(); // The first byte says that R has started.
    read += chunk.length;
  }
  const elapsed = performance.now() - start;
  await child.status;
  if (read !== bytes) throw new Error(`R wrote ${read} of ${bytes} bytes`);
  return elapsed;
}

/** Evaluates code that must give so many bytes of output. */
export async function expectBytes(line: Line, code: string, bytes: number): Promise<void> {
  const received = await line.evaluate(code);
  if (received !== bytes) throw new Error(`${received} of ${bytes} bytes arrived`);
}
