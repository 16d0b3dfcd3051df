/**
 * The house rules that a machine can hold; CONTRIBUTING.md says what they are for.
 */

import { assertEquals } from "@std/assert";
import { ERROR_CODES } from "../core/errors.ts";
import { findImportFault, isProduction } from "./house/floors.ts";
import { listFiles, maybeReadText } from "./house/repository.ts";
import { readSource, type Source } from "./house/source.ts";

const SOURCE_LINES_MAX = 300;
const TEST_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 50;
const COLUMNS_MAX = 100;

/** What only one file of the program may say. */
const ONLY_IN: readonly (readonly [word: string, path: string])[] = [
  ["Deno.Command", "engine/spawn.ts"],
  ["Deno.args", "main.ts"],
  ["Deno.exit", "main.ts"],
];

/** Files without a subject. */
const NAMELESS = /(^|\/)(common|helpers?|index|misc|mod|utils?)\.ts$/;

/** Functions that do not say what they do. */
const VAGUE = /^(handle|do)([A-Z]|$)|^process$|[mM]anager/;

/** A promise to nobody; with an issue's number, as in (#12), it is one to somebody. */
const BARE_PROMISE = /\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/;

/** Inputs of tests whose lines are as long as the test needs them. */
const FIXTURES = "tests/e2e/parity/";

/** What would tie the project to one machine or one registry, and the file that may say it. */
const FOREIGN: readonly (readonly [what: string, pattern: RegExp, exempt?: string])[] = [
  ["a path of one machine", /(?<![\w.~*-])\/(?:work|root)\//],
  ["a neighbour of the checkout", /\.\.\/shared\b/, ".ci/run"],
  ["the host of a registry", /\b(?:npmjs\.(?:org|com)|debian\.(?:org|net)|jsr\.io)\b/],
];

const files = await listFiles();
const sources: Source[] = [];
for (const path of files.filter((path) => path.endsWith(".ts"))) {
  const text = await maybeReadText(path);
  if (text !== undefined) sources.push(readSource(path, text));
}
const program = sources.filter(({ path }) => isProduction(path));

Deno.test("every TypeScript file opens with what it is", () => {
  assertNone(pathsOf(sources, ({ text }) => !text.startsWith("/**\n")));
});

Deno.test(`a source file has at most ${SOURCE_LINES_MAX} lines, a test ${TEST_LINES_MAX}`, () => {
  assertNone(sources.flatMap(({ path, lines }) => {
    const max = isProduction(path) ? SOURCE_LINES_MAX : TEST_LINES_MAX;
    return lines.length > max ? [`${path}: ${lines.length} lines`] : [];
  }));
});

Deno.test(`a function has at most ${FUNCTION_LINES_MAX} lines`, () => {
  assertNone(sources.flatMap(({ path, functions }) => {
    const long = functions.filter(({ lines }) => lines > FUNCTION_LINES_MAX);
    return long.map(({ name, line, lines }) => `${path}:${line}: ${name}() has ${lines} lines`);
  }));
});

Deno.test(`a line of code has at most ${COLUMNS_MAX} columns, links and test names aside`, async () => {
  // The sentence that names a test, and a row of recorded text, stay whole.
  const whole = /https?:\/\/|^\s*(Deno\.)?test\(|^\s+\d+: [0-9A-F]{8}:|^\s*\/\^.*\/,$/;
  const isLong = (line: string) => [...line].length > COLUMNS_MAX && !whole.test(line);
  assertNone(await searchFiles(isCode, (line) => isLong(line) ? "too long" : undefined));
});

Deno.test("a file imports only from floors below its own", () => {
  assertNone(program.flatMap(({ path, imports }) => {
    return imports.flatMap((specifier) => findImportFault(path, specifier) ?? []);
  }));
});

for (const [word, home] of ONLY_IN) {
  Deno.test(`the program says ${word} only in ${home}`, () => {
    assertNone(pathsOf(program, ({ path, words }) => path !== home && words.includes(word)));
  });
}

Deno.test("the program starts processes with Deno.Command, not with node:child_process", () => {
  assertNone(pathsOf(program, ({ imports }) => imports.includes("node:child_process")));
});

Deno.test("the program never writes to the console", () => {
  assertNone(pathsOf(program, ({ words }) => words.some((word) => word.startsWith("console."))));
});

Deno.test("the program throws RtoolError, never a bare Error", () => {
  assertNone(pathsOf(program, ({ words }) => words.includes("Error()")));
});

Deno.test("protocol.ts and messages.ts do no I/O", () => {
  const frames = program.filter(({ path }) => /^(protocol|messages\w*)\.ts$/.test(path));
  assertNone(pathsOf(frames, ({ awaits, words }) => {
    return awaits || words.some((word) => word.startsWith("Deno."));
  }));
});

Deno.test("files and functions are named after what they do", () => {
  assertNone(files.filter((path) => NAMELESS.test(path)));
  assertNone(program.flatMap(({ path, functions }) => {
    const vague = functions.filter(({ name }) => VAGUE.test(name));
    return vague.map(({ name, line }) => `${path}:${line}: ${name}()`);
  }));
});

Deno.test("what is left to do has an issue's number", async () => {
  assertNone(pathsOf(sources, ({ comments }) => comments.some((text) => BARE_PROMISE.test(text))));
  assertNone(
    await searchFiles(isScript, (line) => {
      return BARE_PROMISE.test(line.replace(/^[^#]*/, "")) ? "a bare promise" : undefined;
    }),
  );
});

Deno.test("the error codes in docs/PROTOCOL.md are those of core/errors.ts", async () => {
  const document = await maybeReadText("docs/PROTOCOL.md") ?? "";
  const section = document.split(/^## /m).find((part) => part.startsWith("Error codes\n")) ?? "";
  const documented = [...section.matchAll(/^\| *`(\w+)` *\|/gm)].map(([, code]) => code);
  assertEquals(documented.sort(), [...ERROR_CODES].sort());
});

Deno.test("no file is tied to one machine or one registry", async () => {
  assertNone(
    await searchFiles(() => true, (line, path) => {
      return FOREIGN.find(([, pattern, exempt]) => path !== exempt && pattern.test(line))?.[0];
    }),
  );
});

/** Fails with the whole list: one run shows everything that is to be done. */
function assertNone(faults: readonly string[]): void {
  assertEquals(faults, []);
}

function pathsOf(list: readonly Source[], isFault: (source: Source) => boolean): string[] {
  return list.filter(isFault).map(({ path }) => path);
}

/** `path:line: fault` for each line of the files in which `maybeFault` finds one. */
async function searchFiles(
  includes: (path: string) => boolean,
  maybeFault: (line: string, path: string) => string | undefined,
): Promise<string[]> {
  const found: string[] = [];
  for (const path of files.filter(includes)) {
    const text = await maybeReadText(path) ?? "";
    for (const [index, line] of text.split("\n").entries()) {
      const fault = maybeFault(line, path);
      if (fault !== undefined) found.push(`${path}:${index + 1}: ${fault}`);
    }
  }
  return found;
}

function isCode(path: string): boolean {
  return path.endsWith(".ts") || isScript(path);
}

function isScript(path: string): boolean {
  if (path.startsWith(FIXTURES)) return false;
  return /\.(R|py|sh)$/.test(path) || /^(scripts|\.ci)\/\w+$/.test(path);
}
