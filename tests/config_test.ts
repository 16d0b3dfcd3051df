/**
 * The configuration file: what it may hold, and how a mistake in it is found again.
 */

import { assertArrayIncludes, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readConfig } from "../cli/config.ts";
import { COMMANDS } from "../cli/table.ts";
import { RtoolError } from "../core/errors.ts";

Deno.test("readConfig() reads values by the names of their tables", () => {
  const text = 'port = 9_091\nhostname = "::1"\n[serve]\njobs_max = 8\ninsecure = true\n' +
    '[send]\ntimeout = "5m"\n';
  assertEquals(read(text), {
    "port": ["9091"],
    "hostname": ["::1"],
    "serve.jobs_max": ["8"],
    "serve.insecure": ["true"],
    "send.timeout": ["5m"],
  });
});

Deno.test("readConfig() finds nothing in an empty file, or in one of comments", () => {
  for (const text of ["", "\n", "# port = 1\n", "\r\n\r\n"]) assertEquals(read(text), {});
});

Deno.test("readConfig() takes every key that an option has, and no two options share one", () => {
  const keys = COMMANDS.flatMap(({ name, options }) =>
    options.flatMap((spec) => spec.key === undefined ? [] : [{ key: spec.key, name, spec }])
  );
  for (const { key } of keys) assertEquals(read(`${key} = 1`), { [key]: ["1"] });
  for (const { key, spec } of keys) {
    const sharing = keys.filter((each) => each.key === key);
    assertEquals(sharing.every((each) => each.spec.name === spec.name), true, key);
  }
});

Deno.test("readConfig() refuses an unknown key with its line and the nearest there is", () => {
  const error = refusal("port = 1\n\n[serve]\njobs_maxx = 3\n");
  assertStringIncludes(error.message, "'serve.jobs_maxx' in c.toml, line 4");
  assertEquals(error.hint, "did you mean 'serve.jobs_max'?");
});

Deno.test("readConfig() names the line of the unknown key, not of another with its name", () => {
  const cases: readonly (readonly [text: string, key: string, line: number])[] = [
    ["port = 1\n[serve]\nport = 2\n", "serve.port", 3],
    ["[send]\ntimeout = 1\ntime = 2\n", "send.time", 3],
    ["# colour = 1\ncolour = 2\n", "colour", 2],
    ["\r\n  colour = 2\r\n", "colour", 2],
  ];
  const named = cases.map(([text]) => refusal(text).message);
  assertEquals(named, cases.map(([, key, line]) => `Unknown key '${key}' in c.toml, line ${line}`));
});

Deno.test("readConfig() names no line rather than a wrong one", () => {
  const cases: readonly (readonly [text: string, key: string, line: number])[] = [
    ["port = 1\nserve.colour = 1\n", "serve.colour", 2],
    ["port = 1\nserve = { colour = 1 }\n", "serve.colour", 2],
    ["port = 1\n'colour' = 1\n", "colour", 2],
    ["[send]\nport = 1\n", "send.port", 2],
  ];
  for (const [text, key, line] of cases) {
    const said = `Unknown key '${key}' in c.toml`;
    assertArrayIncludes([said, `${said}, line ${line}`], [refusal(text).message]);
  }
});

Deno.test("readConfig() refuses a table nobody knows, and a list of tables", () => {
  for (const text of ["[sevre]\njobs_max = 1\n", "[[serve]]\njobs_max = 1\n"]) {
    assertEquals(refusal(text).code, "bad_config");
  }
});

Deno.test("readConfig() refuses a list, a date or a table where a value belongs", () => {
  for (const value of ["[1]", "1979-05-27"]) {
    const error = refusal(`\nport = ${value}\n`);
    assertEquals(error.code, "bad_config");
    assertStringIncludes(error.message, "'port' in c.toml, line 2");
  }
  assertStringIncludes(refusal("port = { a = 1 }\n").message, "'port.a'");
});

Deno.test("readConfig() says where a file is no TOML, in one line", () => {
  const cases: readonly (readonly [text: string, line: number])[] = [
    ["port\n", 1],
    ["\nport = \n", 2],
    ["port = 1\nport = 2\n", 2],
    ["[serve\n", 1],
    ['a = "\n', 1],
    ["port = 1\n[serve]\njobs_max = 08\n", 3],
  ];
  for (const [text, line] of cases) {
    const error = refusal(text);
    assertEquals(error.code, "bad_config");
    assertStringIncludes(error.message, `c.toml, line ${line}:`);
    assertEquals(error.message.includes("\n"), false);
  }
});

Deno.test("readConfig() keeps names that mean something to JavaScript apart", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    for (const text of [`${name} = 1`, `[${name}]\nport = 1`, `[serve]\n${name} = 1`]) {
      assertEquals(refusal(text).code, "bad_config", text);
    }
  }
});

function read(text: string): Record<string, readonly string[] | undefined> {
  return { ...readConfig(text, "c.toml") };
}

function refusal(text: string): RtoolError {
  return assertThrows(() => read(text), RtoolError);
}
