/**
 * `rtool call --check`: what R says of registered functions, and what is made of it.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { findFindings } from "../cli/check_registry.ts";
import { rtool, text } from "./e2e/rtool.ts";
import { registryOf } from "./registries.ts";

const FILE = `
script = "own.R"
[functions."stats::quantile"]
arguments.x = { type = "double" }
[functions.shout]
arguments.words = { type = "character" }
`;

Deno.test("a file that agrees with R is ok, its script is run, and what that prints is not shown", async () => {
  await using files = await place({ "f.toml": FILE, "own.R": OWN });
  assertEquals(await files.check(), {
    code: 0,
    stdout: `${files.path}: ok, 2 functions\n`,
    stderr: "",
  });
});

Deno.test("a function that R has not, or an argument that it has not, is a problem", async () => {
  const text =
    `${FILE}arguments.word = { type = "character" }\n[functions."stats::nope"]\n[functions.c0]`;
  await using files = await place({ "f.toml": text, "own.R": OWN });
  const { code, stdout } = await files.check();
  assertEquals(code, 78);
  assertStringIncludes(stdout, "problem: shout, argument 'word': R takes it for 'words'\n");
  assertStringIncludes(stdout, "problem: stats::nope: 'nope' is not an exported object");
  assertStringIncludes(stdout, "problem: c0: object 'c0' of mode 'function' was not found\n");
  assertStringIncludes(stdout, `${files.path}: 3 problems, 4 functions\n`);
});

Deno.test("a script that fails is told with R's own words, and a missing R with a word on the file", async () => {
  await using files = await place({ "f.toml": FILE, "own.R": "stop('not today')" });
  const failed = await files.check();
  assertEquals(failed.code, 78);
  assertStringIncludes(failed.stderr, "not today");
  const missing = await files.check("--r", "/nonexistent/R");
  assertEquals(missing.code, 69);
  assertStringIncludes(missing.stderr, `${files.path} has no fault in itself`);
});

Deno.test("arguments that often mean code, files or functions are warned about", () => {
  for (const name of ["FUN", "formula", "file", "con", "expr", "text", "command", "url", "envir"]) {
    assertEquals(findingsOf(name, [name]).map(([kind]) => kind), ["warning"], name);
  }
  assertEquals(findingsOf("x", ["x"]), []);
  assertEquals(findingsOf("more", ["x", "..."]), [[
    "warning",
    "f, argument 'more': it goes on to '...'",
  ]]);
  assertEquals(findingsOf("long", ["...", "longer"]).map(([kind]) => kind), ["warning"]);
  assertEquals(findingsOf("long", ["longer", "..."]).map(([kind]) => kind), ["problem"]);
  assertEquals(findingsOf("y", ["x"]), [["problem", "f, argument 'y': R has no such"]]);
});

const OWN = "shout <- function(words) toupper(words)\ncat('loaded\\n')\n";

function findingsOf(argument: string, names: readonly string[]): [string, string][] {
  const { functions } = registryOf(`functions.f.arguments.${argument} = { type = "double" }`);
  return [...findFindings(functions.get("f")!, { names })].map(({ kind, text }) => [kind, text]);
}

/** A directory of these files; `check` runs the command on its f.toml. */
async function place(files: Readonly<Record<string, string>>) {
  const dir = await Deno.makeTempDir();
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeTextFile(`${dir}/${name}`, content);
  }
  const path = `${dir}/f.toml`;
  return {
    path,
    check: async (...args: string[]) => {
      const ended = await rtool(["call", "--check", path, ...args]);
      return { code: ended.code, stdout: text(ended.stdout), stderr: text(ended.stderr) };
    },
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}
