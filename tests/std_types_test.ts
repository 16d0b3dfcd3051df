/**
 * The typed wrappers in std/: their types are in force, and what they declare exists.
 *
 * Without its declarations a wrapper would be an error type, which accepts every use; only an
 * error that `deno check` must see here (`@ts-expect-error`) shows that they are read.
 */

import * as assertModule from "@std/assert";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as bytesModule from "@std/bytes";
import { concat } from "@std/bytes";
import * as parseArgsModule from "@std/cli/parse-args";
import { parseArgs } from "@std/cli/parse-args";
import * as csvModule from "@std/csv";
import { parse } from "@std/csv";

// @ts-expect-error A function is no number.
export const assertIsTyped: number = assertEquals;
// @ts-expect-error A function is no number.
export const bytesIsTyped: number = concat;
// @ts-expect-error A function is no number.
export const parseArgsIsTyped: number = parseArgs;
// @ts-expect-error A function is no number.
export const csvIsTyped: number = parse;

const WRAPPERS = [
  ["assert", assertModule],
  ["bytes", bytesModule],
  ["csv", csvModule],
  ["parse_args", parseArgsModule],
] as const;

for (const [name, module] of WRAPPERS) {
  Deno.test(`std/${name}.ts has at run time every name that it declares`, async () => {
    const declared = await declaredValues(new URL(`../std/${name}.d.ts`, import.meta.url));
    assert(declared.length > 0, "no declaration was found");
    const missing = declared.filter((each) => typeof Reflect.get(module, each) !== "function");
    assertEquals(missing, []);
  });
}

Deno.test("parseArgs() types flags by the lists that name them", () => {
  const flags = parseArgs(["-n", "1", "--all", "-x", "a", "-x", "b", "file", "--", "-y"], {
    "--": true,
    string: ["n", "x", "_"],
    boolean: ["all"],
    collect: ["x"],
  });
  const n: string | undefined = flags.n;
  const all: boolean = flags.all;
  const x: string[] = flags.x;
  const operands: string[] = flags._;
  assertEquals({ n, all, x, operands }, { n: "1", all: true, x: ["a", "b"], operands: ["file"] });
  assertEquals(flags["--"], ["-y"]);
});

Deno.test("parseArgs() leaves flags unknown when the lists come from a table", () => {
  const names: string[] = ["port"];
  const flags = parseArgs(["--port", "9090"], { string: names });
  // @ts-expect-error It may be anything, so it is no text until looked at.
  const port: string = flags["port"];
  assertStrictEquals(port, "9090");
});

async function declaredValues(url: URL): Promise<string[]> {
  const text = await Deno.readTextFile(url);
  const declarations = text.matchAll(/^export declare (?:function|class|const) (\w+)/gm);
  return [...new Set([...declarations].map(([, name]) => name!))];
}
