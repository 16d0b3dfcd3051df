/**
 * `rtool send SCRIPT` beside `Rscript --vanilla SCRIPT`: the same bytes on both streams, the same
 * exit status. Each script runs in a session of its own and in a directory of its own.
 */

import { assertEquals } from "@std/assert";
import { type ParityScript, readParityScripts } from "./parity_inputs.ts";
import { type Run, run, type RunOptions } from "./processes.ts";
import { startServer, type TestServer, text } from "./rtool.ts";

const ARGS = ["alpha", "two words", "--three=3", "-x"];

/** A 20,000-line expression takes Rscript half a minute and more: it parses anew at each line. */
const LIMIT_MS = 300_000;

/** What differs between two runs of Rscript too, and what stands for it. */
const VARYING: Readonly<Record<string, RegExp>> = {
  "error_recursion_c_stack.R": /(?<=C stack usage {2})\d+/g, // Depends on where the stack begins.
};

let server: TestServer;
let scratch: string;

// The server's pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

Deno.test.beforeAll(async () => {
  scratch = await Deno.makeTempDir({ prefix: "rtool-parity-" });
  server = await startServer();
});

Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Deno.remove(scratch, { recursive: true });
});

for (const script of await readParityScripts()) {
  Deno.test(`Rscript and rtool send agree on ${script.about}`, ACROSS_TESTS, async () => {
    const session = script.file.replace(/\.R$/, "");
    const [expected, actual] = await Promise.all([
      inDirectory("rscript", script, (options) => {
        return run(["Rscript", "--vanilla", script.file, ...ARGS], options);
      }),
      inDirectory("rtool", script, (options) => {
        return server.send([script.file, "-s", session, "--", ...ARGS], options);
      }),
    ]);
    await server.send(["-q", "-s", session, "-e", "quit()"]);
    assertSameRun(script, actual, expected);
  });
}

/** Runs in a fresh directory that holds the script and nothing else. */
async function inDirectory(
  whose: string,
  script: ParityScript,
  run: (options: RunOptions) => Promise<Run>,
): Promise<Run> {
  const cwd = `${scratch}/${whose}/${script.file}`;
  await Deno.mkdir(cwd, { recursive: true });
  await Deno.writeFile(`${cwd}/${script.file}`, script.code);
  const stdin = script.input === undefined ? {} : { stdin: script.input };
  return await run({ cwd, limitMs: LIMIT_MS, ...stdin });
}

function assertSameRun(script: ParityScript, actual: Run, expected: Run): void {
  const readable = (bytes: Uint8Array) => {
    const varying = VARYING[script.file];
    const shown = varying ? text(bytes).replace(varying, "N") : text(bytes);
    return shown.length > 20_000 ? `${shown.slice(0, 10_000)}[…]${shown.slice(-10_000)}` : shown;
  };
  const about = ({ code, signal, stdout, stderr }: Run) => {
    return { stdout: readable(stdout), stderr: readable(stderr), code, signal };
  };
  assertEquals(about(actual), about(expected));
  if (!(script.file in VARYING)) {
    assertEquals(sameBytes(actual.stdout, expected.stdout), true, "stdout differs in its bytes");
    assertEquals(sameBytes(actual.stderr, expected.stderr), true, "stderr differs in its bytes");
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
