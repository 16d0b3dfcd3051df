/**
 * A confined R gives what any other gives: the scripts of parity/ in one and in the other, the same
 * bytes on both streams and the same end.
 */

import { assertEquals } from "@std/assert";
import { bareRequest } from "../../core/job.ts";
import { confinedEngine } from "../confined.ts";
import { collect, TestEngine, USER } from "../engine.ts";
import { type ParityScript, readParityScripts } from "./parity_inputs.ts";

const SIDE_BY_SIDE = 4;

/** Longer ones are about their length, which a sandbox has no part in. */
const CODE_BYTES_MAX = 10_000;

/** Scripts that differ from one run to the next, and what stands for it. */
const VARYING: Readonly<Record<string, RegExp>> = {
  "error_recursion_c_stack.R": /(?<=C stack usage {2})\d+/g,
};

Deno.test("each script ends in a sandbox as it does without, and prints the same", async () => {
  await using plain = await TestEngine.started({ start: "fork", spares: 2 });
  await using confined = await confinedEngine({}, { spares: 2 });
  const all = await readParityScripts();
  const open = all.filter(({ code }) => code.length <= CODE_BYTES_MAX);
  const compareSome = async () => {
    for (let script = open.shift(); script !== undefined; script = open.shift()) {
      const [expected, actual] = [await seen(plain, script), await seen(confined, script)];
      // What is long is shown only where it differs.
      if (actual !== expected) assertEquals(differing(actual, expected), [], script.file);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, compareSome));
});

/** The end of a script's job and all it has printed, as one text. */
async function seen(engine: TestEngine, { file, code, input }: ParityScript): Promise<string> {
  const request = bareRequest(new TextDecoder().decode(code), undefined);
  const args = ["--args", "alpha", "two words"];
  const more = { ...request, args, input: input && once(input) };
  const job = await engine.sessions.submit(USER, more, new AbortController().signal);
  const { stdout, stderr, outcome } = await collect(job);
  const text = `${JSON.stringify(outcome)}\n${stdout}\n${stderr}`;
  const same = text.replaceAll(engine.dir, "DIR").replaceAll(/(?<=DIR\/)[0-9a-f]{32}/g, "ID");
  return VARYING[file] ? same.replaceAll(VARYING[file], "N") : same;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

function differing(actual: string, expected: string): string[] {
  const [ours, theirs] = [actual.split("\n"), expected.split("\n")];
  const at = ours.findIndex((line, index) => line !== theirs[index]);
  return [ours, theirs].map((lines) => `${at}: ${lines.slice(at, at + 5).join("\n")}`);
}
