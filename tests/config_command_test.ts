/**
 * `rtool config`: what it says of a file, and of what holds in the end.
 */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { config } from "../cli/config.ts";
import { readConfig } from "../cli/config_file.ts";
import { parseInvocation } from "../cli/parse.ts";
import { PROFILE_KEYS } from "../cli/profiles.ts";
import { COMMANDS, CONFIGURE } from "../cli/table.ts";
import { SEND } from "../cli/table_send.ts";
import { SERVE } from "../cli/table_serve.ts";
import { RtoolError } from "../core/errors.ts";

const FILE = 'port = 1\n\n[serve]\npreload = ["stats"]\ndrain = "5s"\ninsecure = true\n';

Deno.test("config check says that a file is good, and how many keys it has", async () => {
  assertEquals(await run(["check", "c.toml"], { "c.toml": FILE }), "c.toml: ok, 4 keys\n");
  assertEquals(await run(["check", "c.toml"], { "c.toml": "port = 1" }), "c.toml: ok, 1 key\n");
  assertEquals(await run(["check", "c.toml"], { "c.toml": "" }), "c.toml: ok, 0 keys\n");
});

Deno.test("config check without FILE checks the one that would be read", async () => {
  const home = "/h/.config/rtool/config.toml";
  const files = { "a.toml": "port = 1", "b.toml": "port = 2", [home]: "port = 3" };
  const env = { HOME: "/h" };
  assertEquals(await run(["check"], files, env), `${home}: ok, 1 key\n`);
  assertMatch(await run(["check"], files, { ...env, RTOOL_CONFIG: "b.toml" }), /^b\.toml: ok/);
  const flag = ["check", "--config", "a.toml"];
  assertMatch(await run(flag, files, { ...env, RTOOL_CONFIG: "b.toml" }), /^a\.toml: ok/);
  assertEquals(await run(["check"], {}, env), `${home}: there is none, the defaults hold\n`);
});

Deno.test("config check refuses a bad file, and one that was named and is not there", async () => {
  const bad = await refusal(["check", "c.toml"], { "c.toml": "prot = 1" });
  assertEquals([bad.code, bad.hint], ["bad_config", "did you mean 'port'?"]);
  assertStringIncludes(bad.message, "Unknown key 'prot' in c.toml, line 1");
  assertEquals((await refusal(["check", "c.toml"])).code, "bad_config");
});

Deno.test("config refuses what it does not know, with what was probably meant", async () => {
  const cases: readonly (readonly [args: string[], said: string, hint: string])[] = [
    [["chekc"], "Unknown subcommand 'chekc'", "did you mean check?"],
    [["shwo"], "Unknown subcommand 'shwo'", "did you mean show?"],
    [["edit"], "Unknown subcommand 'edit'", "it is check or show"],
    [[], "Nothing to do", "it is check or show"],
    [["check", "a", "b"], "Cannot use 'b' here", "see: rtool config --help"],
    [["show", "a"], "Cannot use 'a' here", "see: rtool config --help"],
    [["check", "--json"], "Option --json belongs to", "see: rtool config --help"],
  ];
  for (const [args, said, hint] of cases) {
    const error = await refusal(args);
    assertEquals([error.code, error.hint], ["usage", hint]);
    assertStringIncludes(error.message, said);
  }
});

Deno.test("config show prints every key of every command once", async () => {
  const shown = Object.keys(JSON.parse(await run(["show", "--json"])));
  const keys = shown.filter((key) => !key.startsWith("profile."));
  const expected = COMMANDS.flatMap(({ options }) => options.flatMap(({ key }) => key ?? []));
  assertEquals(keys.sort(), [...new Set(expected)].sort());
});

Deno.test("config show prints a file that means the same", async () => {
  const shown = await run(["show", "--origin", "--config", "c.toml"], { "c.toml": FILE });
  const again = await run(["show", "--config", "d.toml"], { "d.toml": shown });
  assertEquals(again, await run(["show", "--config", "c.toml"], { "c.toml": FILE }));
  const values = readConfig(again, "d.toml").values;
  assertEquals([values["port"], values["serve.preload"]], [["1"], ["stats"]]);
});

Deno.test("config show --origin tells default, file and line, and environment", async () => {
  const env = { RTOOL_PORT: "9", RTOOL_CONFIG: "c.toml" };
  const shown = await run(["show", "--origin"], { "c.toml": FILE }, env);
  const rows = Object.fromEntries(
    shown.trimEnd().split("\n").map((row) => row.split(/ {2,}# /) as [string, string]),
  );
  assertEquals(rows["port = 9"], "environment RTOOL_PORT");
  assertEquals(rows['serve.drain = "5s"'], "file c.toml:5");
  assertEquals(rows['serve.preload = ["stats"]'], "file c.toml:4");
  assertEquals(rows['hostname = "127.0.0.1"'], "default");
  assertEquals(rows['serve.cpu_max = "none"'], "default");
  assertEquals(rows["# serve.init ="], "default");
});

Deno.test("config show prints every key of every profile, and where its value is from", async () => {
  const file = '[profile.b]\nspares = 3\nread_only = ["/a"]\nisolation = "confined"\n[profile.a]\n';
  const files = { "c.toml": file };
  const shown = await run(["show", "--origin", "--config", "c.toml"], files);
  const rows = shown.trimEnd().split("\n").filter((row) => row.includes("profile."))
    .map((row) => row.split(/ {2,}# /));
  assertEquals(rows.length, 3 * PROFILE_KEYS.length);
  const origins = Object.fromEntries(rows);
  assertEquals(origins["profile.b.spares = 3"], "file c.toml:2");
  assertEquals(origins['profile.b.read_only = ["/a"]'], "file c.toml:3");
  assertEquals(origins["# profile.b.start ="], "default");
  assertEquals(origins['profile.a.grant = "eval"'], "default");
  assertEquals(origins['profile.default.timeout_max = "60s"'], "default");
  const again = await run(["show", "--config", "d.toml"], { "d.toml": shown });
  assertEquals(again, await run(["show", "--config", "c.toml"], files));
});

Deno.test("config show --json has values of their types, and null for none", async () => {
  const files = { "c.toml": FILE };
  const shown = JSON.parse(await run(["show", "--json", "--config", "c.toml"], files));
  const keys = ["port", "serve.insecure", "serve.preload", "serve.init", "serve.memory_max"];
  assertEquals(keys.map((key) => shown[key]), [1, true, ["stats"], null, "4GiB"]);
  const told = JSON.parse(await run(["show", "--json", "--origin", "--config", "c.toml"], files));
  assertEquals(told["port"], { value: 1, origin: "file c.toml:1" });
});

Deno.test("config show writes any text so that it can be read again", async () => {
  for (const text of ['a "b" \\ \x7f\x01\u{1F600}', "a'''b", 'a"""', "é\n# x = 1"]) {
    const env = { RTOOL_HOSTNAME: text };
    const values = readConfig(await run(["show"], {}, env), "c.toml").values;
    assertEquals(values["hostname"], [text]);
  }
});

Deno.test("options with a key are those of serve and send", () => {
  const shown = new Set([...SERVE.options, ...SEND.options].map(({ key }) => key));
  for (const { options } of COMMANDS) {
    for (const { key } of options) assertEquals(shown.has(key), true, key);
  }
});

function run(
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  let printed = "";
  const print = (text: string) => {
    printed += text;
    return { status: 0 };
  };
  const from = { env: (name: string) => env[name], readFile: (path: string) => files[path] };
  return config(parseInvocation(CONFIGURE, args), from, print).then(() => printed);
}

function refusal(args: readonly string[], files = {}): Promise<RtoolError> {
  return assertRejects(() => run(args, files), RtoolError);
}
