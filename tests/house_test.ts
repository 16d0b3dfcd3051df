/**
 * The eyes of tidy_test.ts: a rule that sees nothing would pass for ever.
 */

import { assertEquals } from "@std/assert";
import { findImportFault } from "./house/floors.ts";
import { readSource } from "./house/source.ts";

Deno.test("readSource() finds every kind of import", () => {
  const source = readSource(
    "engine/a.ts",
    `import a from "./a.ts";
     import type { B } from "./b.ts";
     export { c } from "./c.ts";
     export * from "./d.ts";
     const e = await import("./e.ts");
     type F = import("./f.ts").F;
     const text = 'import g from "./g.ts"';
     export const h = 1;`,
  );
  const expected = ["a", "b", "c", "d", "e", "f"].map((name) => `./${name}.ts`);
  assertEquals([...source.imports].sort(), expected);
  assertEquals(source.awaits, true);
});

Deno.test("readSource() tells words in code from words in text and comments", () => {
  const source = readSource(
    "core/a.ts",
    `/** Deno.exit() is named here. */
     const text = "console.log";
     // Naïve 😀 new Error()
     if (text) throw new Error(Deno.args[0]);`,
  );
  assertEquals(new Set(source.words), new Set(["Error()", "Deno.args"]));
  assertEquals(source.comments.length, 2);
});

Deno.test("readSource() measures functions and leaves out the bodies of tests", () => {
  const source = readSource(
    "core/a.ts",
    `// 😀
function one() {
  return 1;
}
const two = () => 2;
class Three {
  four(): void {
    one();
  }
}
Deno.test("five", async (t) => {
  await t.step("six", () => {
    list.map(() => 7);
  });
});
Deno.test({ name: "eight", fn: () => {} });
`,
  );
  assertEquals(source.functions, [
    { name: "one", line: 2, lines: 3 },
    { name: "two", line: 5, lines: 1 },
    { name: "four", line: 7, lines: 3 },
    { name: "", line: 13, lines: 1 },
  ]);
});

const ALLOWED = [
  ["main.ts", "./cli/serve.ts"],
  ["main.ts", "./engine/sessions.ts"],
  ["main.ts", "./deno.json"],
  ["cli/send.ts", "../client.ts"],
  ["doors/http.ts", "../core/job.ts"],
  ["doors/http.ts", "./http/routes.ts"],
  ["doors/http.ts", "./console/page.ts"],
  ["doors/native.ts", "./native_stream.ts"],
  ["engine/commands.ts", "./r/worker.R"],
  ["client.ts", "./client_stream.ts"],
  ["protocol.ts", "./messages.ts"],
  ["core/config.ts", "smol-toml"],
  ["core/channel.ts", "../std/bytes.ts"],
] as const;

const FORBIDDEN = [
  ["core/job.ts", "../protocol.ts"],
  ["protocol.ts", "./rdata/read.ts"],
  ["engine/worker.ts", "../doors/http.ts"],
  ["engine/worker.ts", "../access/guard.ts"],
  ["doors/http.ts", "./rpy2.ts"],
  ["doors/http.ts", "../engine/sessions.ts"],
  ["doors/http.ts", "../server.ts"],
  ["server.ts", "./doors/rpy2.ts"],
  ["server.ts", "./engine/sessions.ts"],
  ["client.ts", "./server.ts"],
  ["client_stream.ts", "./engine/states.ts"],
  ["server.ts", "./cli/serve.ts"],
  ["core/job.ts", "../tests/house/source.ts"],
  ["attic/a.ts", "../core/job.ts"],
  ["main.ts", "./attic/a.ts"],
] as const;

for (const [from, specifier] of ALLOWED) {
  Deno.test(`the floors let ${from} import ${specifier}`, () => {
    assertEquals(findImportFault(from, specifier), undefined);
  });
}

for (const [from, specifier] of FORBIDDEN) {
  Deno.test(`the floors stop ${from} from importing ${specifier}`, () => {
    assertEquals(typeof findImportFault(from, specifier), "string");
  });
}
