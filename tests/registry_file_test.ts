/**
 * A file of functions that may be called: what it may hold, and how a mistake in it is found again.
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { describeRegistry, registrySchema } from "../access/registry_document.ts";
import { checkRegistry } from "../access/registry_schema.ts";
import { VALUE_TYPES } from "../access/registry.ts";
import { SCHEMA_KEYS } from "../access/value_schema.ts";
import { loadRegistries, loadRegistry, readRegistry } from "../cli/registry_file.ts";
import { RtoolError } from "../core/errors.ts";
import { callablesFields, parseCallables } from "../messages_functions.ts";
import { SEED, seeded } from "./random.ts";

/** What cannot stand in a file, the line it is on, and how that is said. */
const WRONG: readonly (readonly [text: string, line: number, says: string])[] = [
  ["functions = 1", 1, "Cannot use 'functions'"],
  ["\nscript = 1", 2, "found the integer 1, wanted a string"],
  ['script = ""', 1, "it is empty"],
  ["scirpt = 'a'", 1, "Unknown key 'scirpt'"],
  ["[functions.f]\nsumary = ''", 2, "did you mean 'summary'?"],
  ["[functions]\nf = 1", 2, "found the integer 1, wanted a table"],
  ["[functions.'f()']", 1, "it is no function's name"],
  ["[functions.'a:::b']", 1, "it is no function's name"],
  ["[functions.'base::eval']", 1, "it runs code"],
  ["[functions.'base::eval']\ndangerous = false", 1, "it runs code"],
  ["[functions.'stats::lm']", 1, "it takes a formula, also as text"],
  ["[functions.sapply]", 1, "it calls a function by its name"],
  ["[functions.'data.table::fread']", 1, "it reads or writes files, or starts programs"],
  ["[functions.library]", 1, "it changes or opens R itself"],
  [argument(""), 2, "it is missing"],
  [argument("type = 'number'"), 2, 'found "number"'],
  [argument("type = 'double', pattern = 'a'"), 2, "Unknown key 'functions.f.arguments.x.pattern'"],
  [argument("type = 'double', optinal = true"), 2, "did you mean 'optional'?"],
  [argument("type = 'double', min = 'a'"), 2, 'found the string "a", wanted a number'],
  [argument("type = 'double', min = nan"), 2, "wanted a number"],
  [argument("type = 'double', min = 2, max = 1"), 2, "it is 2, more than max, which is 1"],
  [argument("type = 'double', length = [2, 1]"), 2, "wanted an integer from 0, or two"],
  [argument("type = 'double', length = [1, 2, 3]"), 2, "wanted an integer from 0, or two"],
  [argument("type = 'double', length = -1"), 2, "wanted an integer from 0, or two"],
  [argument("type = 'double', length = 1.0"), 2, "wanted an integer from 0, or two"],
  [argument("type = 'double', scalar = true, length = 1"), 2, "there is a length, too"],
  [argument("type = 'double', na = 1"), 2, "found the integer 1, wanted true or false"],
  [argument("type = 'double', enum = ['a']"), 2, "wanted an array of numbers"],
  [argument("type = 'double', enum = []"), 2, "wanted an array of numbers"],
  [argument("type = 'character', enum = [1]"), 2, "wanted an array of strings"],
  [argument("type = 'character', pattern = '(a', length = 1"), 2, "a '(' is not closed"],
  [argument("type = 'character', pattern = '(a)\\1', length = 1"), 2, "'\\1' is not known here"],
  [argument("type = 'character', pattern = 'a+'"), 2, "give length and max_chars"],
  [argument("type = 'character', pattern = 'a', enum = ['a'], length = 1"), 2, "an enum, too"],
  [argument("type = 'character', max_chars = -1"), 2, "wanted an integer from 0"],
  [argument("type = 'list', items = { type = 'x' }"), 2, 'found "x"'],
  [argument("type = 'list', items = 1"), 2, "found the integer 1, wanted a table"],
  [argument("type = 'list', items = { type = 'raw' }, fields = {}"), 2, "there are fields, too"],
  [argument("type = 'data_frame', columns = { a = { type = 'list' } }"), 2, "a column is no list"],
  [argument("type = 'data_frame', length = 1"), 2, "Unknown key"],
  ["[functions.f]\narguments.'...' = { type = 'raw' }", 2, "a name of R, and not '...'"],
  ["[functions.f]\narguments.'1' = { type = 'raw' }", 2, "a name of R, and not '...'"],
  ["[functions.f]\narguments.x = 1", 2, "found the integer 1, wanted a table"],
  ["[functions.f]\narguments.x.type = [", 2, "Cannot read f.toml, line 2"],
];

for (const [text, line, says] of WRONG) {
  Deno.test(`${JSON.stringify(text).slice(0, 90)} is refused: ${says}`, () => {
    const { code, message, hint } = assertThrows(() => readRegistry(text, "f.toml"), RtoolError);
    assertEquals(code, "bad_config");
    assertStringIncludes(`${message}\n${hint}`, says);
    assertStringIncludes(message, `line ${line}`);
  });
}

Deno.test("everything that is wrong is told at once, each with its line", () => {
  const text = [
    "[functions.f]",
    "arguments.x = { type = 'double', mni = 1 }",
    "arguments.y = { type = 'raw', length = 'a' }",
    "[functions.g]",
    "nothing = 1",
  ].join("\n");
  const { message } = assertThrows(() => readRegistry(text, "f.toml"), RtoolError);
  assertEquals(message.split("\n").map((row) => row.slice(0, 9)), [
    "Cannot us",
    ...["f.toml:2:", "f.toml:3:", "f.toml:5:"],
  ]);
});

Deno.test("a dangerous function is taken when the file says that it is one", () => {
  const text = "[functions.'base::eval']\ndangerous = true\narguments.expr = { type = 'double' }";
  assertEquals([...readRegistry(text, "f.toml").functions.keys()], ["base::eval"]);
});

Deno.test("every type takes its keys and those of all", () => {
  const examples: Readonly<Record<string, string>> = {
    ...{ scalar: "false", length: "[0, 9]", rows: "3", na: "true", names: "true" },
    ...{ min: "-1.5", max: "inf", max_chars: "9", pattern: "'a'" },
    ...{ items: "{ type = 'raw' }", fields: "{ a = { type = 'raw' } }" },
    columns: "{ a = { type = 'raw' } }",
  };
  for (const type of VALUE_TYPES) {
    const isNumeric = type === "integer" || type === "double";
    for (const key of ["summary", "optional", ...SCHEMA_KEYS[type]]) {
      const choices = isNumeric ? "[1]" : "['a']";
      const own = { summary: "'s'", optional: "true", enum: choices, ...examples };
      const value = own[key as keyof typeof own];
      readRegistry(
        argument(`type = '${type}', ${key} = ${value}${key === "pattern" ? ", length = 1" : ""}`),
        "f.toml",
      );
    }
  }
});

Deno.test("the arguments are described in words and as JSON Schema", () => {
  const registry = readRegistry(
    `
    [functions."stats::quantile"]
    summary = "Sample quantiles"
    arguments.x = { type = "double", length = [1, 9], na = true, summary = "The sample" }
    arguments.type = { type = "integer", scalar = true, enum = [1, 7], optional = true }
    arguments.how = { type = "character", pattern = "[a-z]+", scalar = true, max_chars = 9 }
    arguments.rows = { type = "data_frame", columns = { a = { type = "logical" } }, rows = [1, 2] }
    arguments.day = { type = "date", optional = true }
    arguments.more = { type = "list", fields = { n = { type = "double", min = 0, length = 3 } } }
    `,
    "f.toml",
  );
  const [described] = describeRegistry(registry);
  assertEquals(described!.summary, "Sample quantiles");
  assertEquals(described!.arguments.map(({ name, optional, wanted }) => [name, optional, wanted]), [
    ["x", false, "double, length 1 to 9, NA allowed"],
    ["type", true, "integer, one, 1 or 7"],
    ["how", false, "character, one, like [a-z]+, at most 9 characters each"],
    ["rows", false, "data frame, rows 1 to 2"],
    ["day", true, "date, length 0 to 1000000"],
    ["more", false, "list, length 0 to 1000000"],
  ]);
  const text = { type: "string", pattern: "^(?:[a-z]+)$", maxLength: 9 };
  const array = (items: object, minItems: number, maxItems: number) => {
    return { type: "array", items, minItems, maxItems };
  };
  assertEquals(registrySchema(registry).get("stats::quantile"), {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "stats::quantile",
    description: "Sample quantiles",
    type: "object",
    properties: {
      x: {
        anyOf: [{ type: "number" }, array({ type: ["number", "null"] }, 1, 9)],
        description: "The sample",
      },
      type: {
        anyOf: [
          { type: "integer", enum: [1, 7] },
          array({ type: "integer", enum: [1, 7] }, 1, 1),
        ],
      },
      how: { anyOf: [text, array(text, 1, 1)] },
      rows: array(
        {
          type: "object",
          properties: { a: { anyOf: [{ type: "boolean" }, array({ type: "boolean" }, 1, 1)] } },
          required: ["a"],
          additionalProperties: false,
        },
        1,
        2,
      ),
      day: { $comment: "No JSON becomes a date: it comes from a file" },
      more: {
        type: "object",
        properties: { n: array({ type: "number", minimum: 0 }, 3, 3) },
        required: ["n"],
        additionalProperties: false,
      },
    },
    required: ["x", "how", "rows", "more"],
    additionalProperties: false,
  });
});

Deno.test("a script's path is one from the file's directory, and the script must be there", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/f.toml`;
    await Deno.writeTextFile(path, "script = 'own.R'\n[functions.f]");
    const missing = await assertRejects(() => loadRegistry(path), RtoolError, "no such file");
    assertEquals(missing.code, "bad_config");
    await Deno.writeTextFile(`${dir}/own.R`, "f <- function() 1");
    assertEquals((await loadRegistry(path)).script, `${dir}/own.R`);
    const registries = await loadRegistries(new Map([["analyst", path]]));
    assertEquals([...registries.get("analyst")!.functions.keys()], ["f"]);
    await Deno.writeTextFile(path, `script = '${dir}'`);
    await assertRejects(() => loadRegistry(path), RtoolError, "it is no file");
    await assertRejects(() => loadRegistry(`${dir}/none`), RtoolError, "no such file");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test(`any table is a registry or has faults that have places, and any answer is read or refused (seed ${SEED})`, () => {
  const key = fc.constantFrom(
    ...["functions", "arguments", "script", "type", "summary", "optional", "length", "rows", "min"],
    ...[
      "columns",
      "fields",
      "items",
      "pattern",
      "enum",
      "f",
      "x",
      "any",
      "schema",
      "name",
      "wanted",
    ],
    ...["__proto__", "stats::quantile"],
  );
  const word = fc.constantFrom(...VALUE_TYPES, "(a+)+", "[", "\0", "functions");
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "large" },
      word,
      fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
      fc.double(),
      fc.boolean(),
      fc.constant(new Date(0)),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { noNullPrototype: false, maxKeys: 5 }),
    ),
  }));
  const table = fc.dictionary(key, value, { noNullPrototype: false, maxKeys: 6 });
  fc.assert(
    fc.property(table, (given) => {
      for (const { path, what } of checkRegistry({ __proto__: null, ...given }).faults) {
        assert(path.length <= 20 && what.length < 200, what);
      }
      const nested = { __proto__: null, functions: { __proto__: null, f: given } };
      checkRegistry(nested);
      try {
        // An answer is JSON: it has no bigints and no dates.
        const plain = (_: string, each: unknown) => typeof each === "bigint" ? Number(each) : each;
        const answer = JSON.parse(JSON.stringify(given, plain));
        assertEquals(callablesFields(parseCallables(answer))["any"], answer.any);
      } catch (error) {
        assert(error instanceof RtoolError && error.code === "bad_request", String(error));
      }
    }),
    seeded(1000),
  );
});

function argument(schema: string): string {
  return `[functions.f]\narguments.x = { ${schema} }`;
}
