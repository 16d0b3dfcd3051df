/**
 * Options: what a command line means, where values come from, and how a wrong one is named.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Invocation,
  parseInvocation,
  resolveOptions,
  type Surroundings,
} from "../cli/parse.ts";
import { COMMANDS, maybeCommand } from "../cli/table.ts";
import { RtoolError } from "../core/errors.ts";
import { maybeNearest } from "../core/nearest.ts";
import { choiceText, type Options, parseDuration, parseSize } from "../core/options.ts";
import { SEED, seeded } from "./random.ts";

/** What each command line of `send` means: its flags, operands, and arguments behind `--`. */
const LINES: readonly (readonly [line: string[], means: Partial<Invocation>])[] = [
  [[], {}],
  [["a.R"], { operands: ["a.R"] }],
  [["-"], { operands: ["-"] }],
  [["a.R", "b", "1e3", "0x10", "007"], { operands: ["a.R", "b", "1e3", "0x10", "007"] }],
  [["-e", "-1"], { flags: { eval: ["-1"] } }],
  [["-e", "--version"], { flags: { eval: ["--version"] } }],
  [["-e", "--"], { flags: { eval: ["--"] } }],
  [["-e", ""], { flags: { eval: [""] } }],
  [["-e", "a=b"], { flags: { eval: ["a=b"] } }],
  [["-e", "1", "-e", "007"], { flags: { eval: ["1", "007"] } }],
  [["--eval=-1"], { flags: { eval: ["-1"] } }],
  [["--eval=a=b\nc"], { flags: { eval: ["a=b\nc"] } }],
  [["--session", "--json"], { flags: { session: ["--json"] } }],
  [["--session=x", "--session=y"], { flags: { session: ["x", "y"] } }],
  [["-p", "1"], { flags: { port: ["1"] } }],
  [["-p9"], { flags: { port: ["9"] } }],
  [["-nq"], { flags: { "no-input": ["true"], quiet: ["true"] } }],
  [["-qe", "1+1"], { flags: { quiet: ["true"], eval: ["1+1"] } }],
  [["--json", "a.R"], { flags: { json: ["true"] }, operands: ["a.R"] }],
  [["--no-input", "a.R"], { flags: { "no-input": ["true"] }, operands: ["a.R"] }],
  [["a.R", "--json"], { flags: { json: ["true"] }, operands: ["a.R"] }],
  [["a.R", "--", "--json", "-x"], { operands: ["a.R"], rest: ["--json", "-x"] }],
  [["--", "a.R"], { rest: ["a.R"] }],
  [["-e", "1", "--", "--", "x"], { flags: { eval: ["1"] }, rest: ["--", "x"] }],
  [["--script", "a.R", "-x", "--json"], { flags: { script: ["a.R"] }, rest: ["-x", "--json"] }],
  [["--script=a.R", "-x"], { flags: { script: ["a.R"] }, rest: ["-x"] }],
  [["-q", "--script", "a.R", "--", "b"], {
    flags: { quiet: ["true"], script: ["a.R"] },
    rest: ["--", "b"],
  }],
];

const DURATIONS: Readonly<Record<string, number | undefined>> = {
  "1ms": 1,
  "30s": 30_000,
  "5m": 300_000,
  "2h": 7_200_000,
  "30": 30_000,
  "1.5s": 1500,
  "0.0004s": undefined,
  "2147483647ms": 2 ** 31 - 1,
  "2147483648ms": undefined,
  "600h": undefined,
  "0": undefined,
  "-1s": undefined,
  "+1s": undefined,
  " 1s": undefined,
  "1 s": undefined,
  "1S": undefined,
  "1d": undefined,
  "1e3": undefined,
  ".5s": undefined,
  "": undefined,
  "none": undefined,
  "NaN": undefined,
};

const SIZES: Readonly<Record<string, number | undefined>> = {
  "1": 1,
  "1B": 1,
  "1KB": 1000,
  "1KiB": 1024,
  "64MiB": 2 ** 26,
  "1.5GiB": 1.5 * 2 ** 30,
  "2GB": 2e9,
  "0": undefined,
  "0.1B": undefined,
  "-1": undefined,
  "1kb": undefined,
  "1 KiB": undefined,
  "1TiB": undefined,
  "1iB": undefined,
  "99999999GiB": undefined,
  "": undefined,
};

for (const [line, means] of LINES) {
  Deno.test(`\`rtool send ${line.map(shown).join(" ")}\` means what it says`, () => {
    const expected = { flags: {}, operands: [], rest: [], ...means };
    assertEquals(parse("send", line), expected);
  });
}

Deno.test("an unknown option is refused, with the nearest one there is", () => {
  const cases = [
    ["--sesion", "did you mean --session?"],
    ["--time-out=3s", "did you mean --timeout?"],
    ["--jsn", "did you mean --json?"],
    ["--colour", "see: rtool send --help"],
    ["-z", "see: rtool send --help"],
    ["-qz", "see: rtool send --help"],
    ["--no-json", "did you mean --ndjson?"],
    ["---json", "json"],
  ];
  for (const [option = "", hint = ""] of cases) {
    const error = assertThrows(() => parse("send", [option, "x"]), RtoolError);
    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, option.replace(/=.*/, ""));
    assertStringIncludes(error.hint ?? "", hint);
  }
});

Deno.test("an option at the end that lacks its value is named", () => {
  for (const option of ["-e", "--eval", "--session", "--script"]) {
    const error = assertThrows(() => parse("send", ["a.R", option]), RtoolError);
    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, `${option} needs a value`);
  }
});

Deno.test("a switch takes no value but true and false", () => {
  assertEquals(parse("send", ["--json=true"]).flags, { json: ["true"] });
  assertEquals(parse("send", ["--json=false"]).flags["json"]?.at(-1) ?? "false", "false");
  const error = assertThrows(() => parse("send", ["--json=maybe"]), RtoolError);
  assertStringIncludes(error.message, "--json");
});

Deno.test(`any arguments behind -- arrive as they are (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 8 })), (args) => {
      assertEquals(parse("send", ["a.R", "--", ...args]).rest, args);
    }),
    seeded(200),
  );
});

Deno.test(`any expression behind -e arrives as it is (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (code) => {
      assertEquals(parse("send", ["-q", "-e", code]).flags["eval"], [code]);
    }),
    seeded(500),
  );
});

Deno.test("flags win over the environment, that over the file, that over the default", async () => {
  const sources = {
    flags: ["--port", "1"],
    env: { RTOOL_PORT: "2" },
    file: "port = 3",
  };
  const port = async (from: Sources) => (await resolve("send", from)).integer("port");
  assertEquals(await port(sources), 1);
  assertEquals(await port({ ...sources, flags: [] }), 2);
  assertEquals(await port({ file: sources.file }), 3);
  assertEquals(await port({}), 9090);
});

Deno.test("an empty variable counts as none", async () => {
  const options = await resolve("send", { env: { RTOOL_PORT: "" }, file: "port = 3" });
  assertEquals(options.integer("port"), 3);
});

Deno.test("the last of several values counts, and a repeatable option keeps all", async () => {
  const flags = ["-s", "a", "-s", "b", "-e", "1", "-e", "2"];
  const options = await resolve("send", { flags });
  assertEquals(options.text("session"), "b");
  assertEquals(options.list("eval"), ["1", "2"]);
});

Deno.test("a value that cannot be used is refused by the name it was given under", async () => {
  const cases: readonly (readonly [Sources, string, string])[] = [
    [{ flags: ["--port", "65536"] }, "usage", "--port"],
    [{ flags: ["--port=-1"] }, "usage", "--port"],
    [{ flags: ["-t", "soon"] }, "usage", "--timeout"],
    [{ env: { RTOOL_PORT: "http" } }, "usage", "RTOOL_PORT"],
    [{ file: 'port = "http"' }, "bad_config", "'port'"],
    [{ file: '[send]\ntimeout = "soon"' }, "bad_config", "'send.timeout'"],
  ];
  for (const [from, code, name] of cases) {
    const error = await refusal("send", from);
    assertEquals(error.code, code);
    assertStringIncludes(error.message, name);
  }
});

Deno.test("a value of a megabyte is refused in one short line", async () => {
  const error = await refusal("send", { flags: ["--port", "9".repeat(1 << 20)] });
  assert(error.message.length < 300, `${error.message.length} characters`);
});

Deno.test("what a command has taken can be read, whatever it is", async () => {
  // `none` is a duration for what may go without one; the others have to refuse it.
  const serve = maybeCommand("serve")!.options;
  for (const spec of serve.filter(({ kind }) => kind === "duration")) {
    for (const value of ["none", "1s"]) {
      const options = await resolve("serve", { flags: [`--${spec.name}`, value] })
        .catch((error) => error as RtoolError);
      if (options instanceof RtoolError) assertEquals(options.code, "usage");
      else if (value === "none") assertEquals(options.maybeMs(spec.name), undefined);
      else assertEquals(typeof options.ms(spec.name), "number", `--${spec.name} ${value}`);
    }
  }
});

Deno.test("every default of every command can be read", async () => {
  for (const command of COMMANDS) {
    const options = await resolve(command.name, {});
    for (const { name, kind, fallback } of command.options) {
      if (fallback === undefined) continue;
      const read = kind === "size"
        ? options.bytes(name)
        : kind === "duration"
        ? options.ms(name)
        : kind === "port" || kind === "count"
        ? options.integer(name)
        : options.text(name);
      assert(Number.isFinite(read) || typeof read === "string", `${command.name} --${name}`);
    }
  }
});

Deno.test("a configuration file that was named must be there, the default one need not", async () => {
  const nothing = { readFile: () => undefined };
  assertEquals(
    (await refusal("send", { flags: ["--config", "c.toml"], ...nothing })).code,
    "bad_config",
  );
  const named = await refusal("send", { env: { RTOOL_CONFIG: "d.toml" }, ...nothing });
  assertStringIncludes(named.message, "d.toml");
  assertEquals((await resolve("send", nothing)).integer("port"), 9090);
});

Deno.test("the configuration file is looked for where XDG says, and a relative place is not used", async () => {
  const asked: string[] = [];
  const readFile = (path: string) => void asked.push(path);
  await resolve("send", { env: { HOME: "/h" }, readFile });
  await resolve("send", { env: { HOME: "/h", XDG_CONFIG_HOME: "/x" }, readFile });
  await resolve("send", { env: { HOME: "/h", XDG_CONFIG_HOME: "x" }, readFile });
  const expected = ["/h/.config", "/x", "/h/.config"].map((base) => `${base}/rtool/config.toml`);
  assertEquals(asked, expected);
});

Deno.test("parseDuration() reads a number with ms, s, m or h, up to what a timer can hold", () => {
  for (const [text, ms] of Object.entries(DURATIONS)) assertEquals(parseDuration(text), ms, text);
});

Deno.test("parseSize() reads a number with a unit of 1000 or of 1024", () => {
  for (const [text, bytes] of Object.entries(SIZES)) assertEquals(parseSize(text), bytes, text);
});

Deno.test("maybeNearest() finds the word that was meant, and none when nothing is near", () => {
  const words = ["session", "timeout", "json"];
  assertEquals(maybeNearest("sesssion", words), "session");
  assertEquals(maybeNearest("tiemout", words), "timeout");
  assertEquals(maybeNearest("quiet", words), undefined);
  assertEquals(maybeNearest("", words), undefined);
  assertEquals(maybeNearest("x", []), undefined);
});

interface Sources {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: string;
  readonly readFile?: Surroundings["readFile"];
}

function parse(command: string, args: readonly string[]): Invocation {
  const { flags, operands, rest } = parseInvocation(maybeCommand(command)!, args);
  return { flags: { ...flags }, operands, rest };
}

function resolve(name: string, from: Sources): Promise<Options> {
  const command = maybeCommand(name)!;
  const { flags } = parseInvocation(command, from.flags ?? []);
  return resolveOptions(command, flags, {
    env: (variable) => from.env?.[variable],
    readFile: from.readFile ?? (() => from.file),
  });
}

async function refusal(name: string, from: Sources): Promise<RtoolError> {
  const error = await resolve(name, from).then(() => undefined, (reason) => reason);
  assert(error instanceof RtoolError, `Not refused, or not our error: ${error}`);
  return error;
}

function shown(arg: string): string {
  return /^[\w.=+-]+$/.test(arg) ? arg : `'${arg.replaceAll("\n", "\\n")}'`;
}

Deno.test("words to choose from are told as people would", () => {
  const told = [[], ["a"], ["a", "b"], ["none", "confined", "required"]].map(choiceText);
  assertEquals(told, ["", "a", "a or b", "none, confined or required"]);
});
