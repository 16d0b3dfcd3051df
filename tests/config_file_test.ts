/**
 * The configuration file: what it may hold, and how a mistake in it is found again.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readConfig } from "../cli/config_file.ts";
import { COMMANDS } from "../cli/table.ts";
import { RtoolError } from "../core/errors.ts";

/** A value of each kind: as it is written, and as it is read. */
const EXAMPLES: Readonly<Record<string, readonly [written: string, means: readonly string[]]>> = {
  address: ["9464", ["9464"]],
  count: ["7", ["7"]],
  duration: ['"30s"', ["30s"]],
  flag: ["true", ["true"]],
  list: ['["stats", "utils"]', ["stats", "utils"]],
  port: ["9_091", ["9091"]],
  size: ['"1.5GiB"', ["1.5GiB"]],
  text: ['"C:\\\\R"', ["C:\\R"]],
};

/** What cannot stand where, and how that is said. */
const WRONG: readonly (readonly [text: string, key: string, found: string, wanted: string])[] = [
  ['port = "9090"', "port", 'the string "9090"', "an integer from 0 to 65535"],
  ["port = 9090.0", "port", "the float 9090.0", "an integer from 0 to 65535"],
  ["port = 65536", "port", "the integer 65536", "an integer from 0 to 65535"],
  ["port = -1", "port", "the integer -1", "an integer from 0 to 65535"],
  ["port = 99999999999999999999", "port", "the integer 99999999999999999999", "an integer from"],
  ["port = [1]", "port", "an array", "an integer from 0 to 65535"],
  ["port = 1979-05-27", "port", "a date", "an integer from 0 to 65535"],
  ["port = { a = 1 }", "port", "a table", "an integer from 0 to 65535"],
  ["port.a = 1", "port", "a table", "an integer from 0 to 65535"],
  ["hostname = 127", "hostname", "the integer 127", "a string"],
  ['hostname = "a\\u0000b"', "hostname", 'the string "a\\u0000b"', "a string"],
  ["serve.jobs_max = 0", "serve.jobs_max", "the integer 0", "an integer from 1"],
  ["serve.jobs_max = nan", "serve.jobs_max", "the float NaN", "an integer from 1"],
  ["serve.insecure = 1", "serve.insecure", "the integer 1", "true or false"],
  ['serve.insecure = "true"', "serve.insecure", 'the string "true"', "true or false"],
  ["serve.drain = 30", "serve.drain", "the integer 30", 'a duration such as "30s"'],
  ['serve.drain = "none"', "serve.drain", 'the string "none"', 'a duration such as "30s"'],
  ['send.timeout = "soon"', "send.timeout", 'the string "soon"', 'such as "30s", or "none"'],
  ["serve.code_max = true", "serve.code_max", "true", 'a size such as "64MiB", or an integer of'],
  ["serve.code_max = 0", "serve.code_max", "the integer 0", 'a size such as "64MiB"'],
  ["serve.code_max = 1e6", "serve.code_max", "the float 1000000.0", 'a size such as "64MiB"'],
  ["serve.metrics = 65536", "serve.metrics", "the integer 65536", "a port, an address such as"],
  ['serve.metrics = "::1:9464"', "serve.metrics", 'the string "::1:9464"', 'or "none"'],
  ['serve.start = "thread"', "serve.start", 'the string "thread"', '"fork" or "spawn"'],
  ['serve.preload = "stats"', "serve.preload", 'the string "stats"', "an array of strings"],
  ['serve.preload = ["a", 1]', "serve.preload", "the integer 1 in it", "an array of strings"],
  ['serve.preload = ["a,b"]', "serve.preload", 'the string "a,b" in it', "an array of strings"],
  ['serve.preload = [""]', "serve.preload", 'the string "" in it', "an array of strings"],
  ["serve.preload = [[]]", "serve.preload", "an array in it", "an array of strings"],
  ["serve = 1", "serve", "the integer 1", "a table"],
  ["[[serve]]\njobs_max = 1", "serve", "an array", "a table"],
  ["serve = 1979-05-27", "serve", "a date", "a table"],
];

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
  for (const { key, spec } of keys) {
    const choice = spec.choices?.at(-1);
    const [written, means] = choice === undefined
      ? EXAMPLES[spec.list ? "list" : spec.kind]!
      : [`"${choice}"`, [choice]];
    // A profile that is named must be there.
    const named = key === "serve.rpy2_anonymous";
    const [text, value] = named ? ['"default"', ["default"]] : [written, means];
    assertEquals(read(`${key} = ${text}`), { [key]: value });
  }
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
    ["[send]\ntimeout = '1s'\ntime = 2\n", "send.time", 3],
    ["# colour = 1\ncolour = 2\n", "colour", 2],
    ["\r\n  colour = 2\r\n", "colour", 2],
  ];
  const named = cases.map(([text]) => refusal(text).message);
  assertEquals(named, cases.map(([, key, line]) => `Unknown key '${key}' in c.toml, line ${line}`));
});

Deno.test("readConfig() names the line however the key is written", () => {
  const cases: readonly (readonly [text: string, key: string, line: number])[] = [
    ["port = 1\nserve.colour = 1\n", "serve.colour", 2],
    ["port = 1\nserve = { colour = 1 }\n", "serve.colour", 2],
    ["port = 1\n'colour' = 1\n", "colour", 2],
    ["[send]\nport = 1\n", "send.port", 2],
    ['hostname = """\ncolour = 1"""\n"col our" = 1\n', '"col our"', 3],
    ["\n[sevre]\njobs_max = 1\n", "sevre", 2],
  ];
  for (const [text, key, line] of cases) {
    assertEquals(refusal(text).message, `Unknown key '${key}' in c.toml, line ${line}`);
  }
});

Deno.test("readConfig() suggests the table a key belongs to", () => {
  const cases = [
    ["jobs_max = 1", "did you mean 'serve.jobs_max'?"],
    ["send.jobs_max = 1", "did you mean 'serve.jobs_max'?"],
    ["serve.port = 1", "did you mean 'port', before the first [table]?"],
    ["serve.jobs-max = 1", "did you mean 'serve.jobs_max'?"],
    ["sevre.jobs_max = 1", "did you mean 'serve'?"],
    ["prot = 1", "did you mean 'port'?"],
  ];
  for (const [text = "", hint] of cases) assertEquals(refusal(text).hint, hint);
  assertEquals(refusal("colour = 1").hint, undefined);
});

for (const [text, key, found, wanted] of WRONG) {
  Deno.test(`readConfig() refuses ${JSON.stringify(text)}`, () => {
    const { code, message } = refusal(`\n${text}\n`);
    assertEquals(code, "bad_config");
    const said = `Cannot use '${key}' in c.toml, line 2: found ${found}, wanted `;
    assertStringIncludes(message, said);
    assertStringIncludes(message.slice(said.length), wanted);
  });
}

Deno.test("readConfig() takes the most that fits, and sizes in bytes", () => {
  const text = 'port = 65_535\n[serve]\ncode_max = 0x100_000\ncpu_max = "none"\npreload = []\n';
  assertEquals(read(text), {
    "port": ["65535"],
    "serve.code_max": ["1048576"],
    "serve.cpu_max": ["none"],
    "serve.preload": [],
  });
});

Deno.test("readConfig() tells all that is wrong, in the order of the lines", () => {
  const text = "[serve]\ndrain = 30\ncolour = 1\njobs_maxx = 2\n[send]\nsession = 1\n";
  assertEquals(
    refusal(text).message,
    [
      "Cannot use c.toml: 4 problems",
      "c.toml:2: Cannot use 'serve.drain': found the integer 30, wanted a duration such as \"30s\"",
      "c.toml:3: Unknown key 'serve.colour'",
      "c.toml:4: Unknown key 'serve.jobs_maxx': did you mean 'serve.jobs_max'?",
      "c.toml:6: Cannot use 'send.session': found the integer 1, wanted a string",
    ].join("\n"),
  );
});

Deno.test("readConfig() tells twenty problems, and how many more there are", () => {
  const lines = Array.from({ length: 25 }, (_, i) => `colour${i} = ${i}`);
  const told = refusal(lines.join("\n")).message.split("\n");
  assertEquals(told.length, 22);
  assertEquals([told[0], told[21]], ["Cannot use c.toml: 25 problems", "and 5 more"]);
});

Deno.test("readConfig() says short things of long ones", () => {
  const long = "x".repeat(1 << 16);
  for (const text of [`${long} = 1`, `port = "${long}"`, `serve.preload = ["${long},"]`]) {
    assertEquals(refusal(text).message.length < 300, true);
  }
  assertEquals(refusal("\n".repeat((1 << 20) + 1)).code, "bad_config");
});

Deno.test("readConfig() keeps the lines of its keys", () => {
  const file = readConfig("port = 1\n\n[serve]\n# none\n'drain' = \"1s\"\n", "c.toml");
  assertEquals(["port", "serve.drain", "hostname"].map(file.maybeLine), [1, 5, undefined]);
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
  return { ...readConfig(text, "c.toml").values };
}

function refusal(text: string): RtoolError {
  return assertThrows(() => read(text), RtoolError);
}
