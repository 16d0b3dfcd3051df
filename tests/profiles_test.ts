/**
 * Profiles: what `[profile.NAME]` may hold, how a mistake in it is found again, and what it means.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readConfig } from "../cli/config_file.ts";
import { type ProfileStart } from "../cli/profile_start.ts";
import { PROFILE_KEYS, readProfiles } from "../cli/profiles.ts";
import { RtoolError } from "../core/errors.ts";
import { Options } from "../core/options.ts";
import type { Profile } from "../core/profile.ts";

/** A profile with every key. */
const FULL = `[profile.reports]
grant = "call"
start = "spawn"
preload = ["stats4"]
init = "/etc/rtool/init.R"
spares = 3
isolation = "confined"
network = true
read_only = ["/data"]
read_write = ["/scratch", "/out"]
env = ["TZ"]
sessions_max = 2
jobs_max = 1
cpu_max = "10s"
memory_max = "1GiB"
output_max = "1MiB"
processes_max = 8
open_files_max = 64
file_size_max = "2MiB"
timeout_max = "5s"
functions = "/etc/rtool/functions.toml"
`;

/** What cannot stand in `[profile.p]`, and what is said of it. */
const WRONG: readonly (readonly [text: string, key: string, said: string])[] = [
  ['grant = "all"', "grant", 'found the string "all", wanted "eval" or "call"'],
  ["grant = true", "grant", 'found true, wanted "eval" or "call"'],
  ['isolation = "strong"', "isolation", 'wanted "none", "confined" or "required"'],
  ['network = "no"', "network", "wanted true or false"],
  ['env = "TZ"', "env", "wanted an array of strings"],
  ["sessions_max = 0", "sessions_max", "wanted an integer from 1"],
  ['jobs_max = "1"', "jobs_max", "wanted an integer from 1"],
  ["cpu_max = 10", "cpu_max", "wanted a duration"],
  ['memory_max = "much"', "memory_max", "wanted a size"],
  ["functions = []", "functions", "wanted a string"],
  ["network = false", "network", 'it holds for isolation = "confined" alone'],
  ['read_only = ["/a"]', "read_only", 'it holds for isolation = "confined" alone'],
  ['preload = "stats"', "preload", "wanted an array of strings"],
  ["spares = 0", "spares", "wanted an integer from 1"],
  ['start = "warm"', "start", 'wanted "fork" or "spawn"'],
  ['init = "init.R"', "init", 'found "init.R", wanted a path from /'],
  ['file_size_max = "big"', "file_size_max", "wanted a size"],
  ['read_only = ["/a"]\nisolation = "none"', "read_only", "it holds for isolation"],
  ['functions = "/f"', "functions", 'it holds for grant = "call" alone'],
  ['functions = "f"\ngrant = "call"', "functions", 'found "f", wanted a path from /'],
  ['read_write = ["/a", "b"]\nisolation = "confined"', "read_write", 'found "b", wanted a path'],
];

Deno.test("a profile's table means what its keys say", () => {
  const { profile, start, functions } = profilesOf(FULL).get("reports")!;
  const expected: Profile = {
    name: "reports",
    grant: "call",
    env: ["TZ"],
    sessionsMax: 2,
    jobsMax: 1,
    limits: { cpuMs: 10_000, memoryBytes: 1 << 30, outputBytes: 1 << 20, processes: 8 },
    timeoutMs: 5000,
  };
  assertEquals(profile, expected);
  const startExpected: ProfileStart = {
    start: "spawn",
    packages: ["stats4"],
    init: "/etc/rtool/init.R",
    spares: 3,
    isolation: "confined",
    network: true,
    readOnly: ["/data"],
    readWrite: ["/scratch", "/out"],
    openFiles: 64,
    fileBytes: 2 << 20,
  };
  assertEquals(start, startExpected);
  assertEquals(functions, "/etc/rtool/functions.toml");
  const named = PROFILE_KEYS.map(({ name }) => `profile.reports.${name}`);
  assertEquals(Object.keys(readConfig(FULL, "c.toml").values).sort(), named.sort());
});

Deno.test("an empty profile may evaluate anything for a minute, in an R started as the server's own", () => {
  const { profile, start } = profilesOf("[profile.a]").get("a")!;
  assertEquals([profile.grant, start.isolation, start.network], ["eval", undefined, false]);
  const { packages, init, spares, openFiles, fileBytes } = start;
  assertEquals(
    [start.start, packages, init, spares, openFiles, fileBytes],
    Array(6).fill(undefined),
  );
  assertEquals([profile.env, profile.timeoutMs, profile.limits], [undefined, 60_000, {}]);
});

Deno.test("there is always a profile 'default', and the file may say what it is", () => {
  assertEquals(profilesOf("").get("default")?.profile.timeoutMs, 60_000);
  const text = '[profile.default]\ntimeout_max = "none"\n';
  assertEquals(profilesOf(text).get("default")?.profile.timeoutMs, undefined);
  assertEquals([...profilesOf(`${text}[profile.b]`).keys()], ["default", "b"]);
});

Deno.test("a profile may do without what the server's own R has loaded", () => {
  const { start } = profilesOf('[profile.p]\npreload = []\ninit = "none"').get("p")!;
  assertEquals([start.packages, start.init], [[], null]);
});

Deno.test("a confined profile has no network unless it says so", () => {
  const text = '[profile.p]\nisolation = "confined"\n';
  assertEquals(profilesOf(text).get("p")!.start.network, false);
  assertEquals(profilesOf(`${text}network = true`).get("p")!.start.network, true);
});

Deno.test("who may only call sets no environment variable that is not named", () => {
  const text = '[profile.p]\ngrant = "call"\n';
  assertEquals(profilesOf(text).get("p")!.profile.env, []);
  assertEquals(profilesOf(`${text}env = ["TZ"]`).get("p")!.profile.env, ["TZ"]);
});

for (const [text, key, said] of WRONG) {
  Deno.test(`a profile with ${JSON.stringify(text)} is refused with its line`, () => {
    const { code, message } = refusal(`\n[profile.p]\n${text}\n`);
    assertEquals(code, "bad_config");
    assertStringIncludes(message, `Cannot use 'profile.p.${key}' in c.toml, line 3: `);
    assertStringIncludes(message, said);
  });
}

Deno.test("an unknown key of a profile is refused with the one that was meant", () => {
  const { message, hint } = refusal("[profile.p]\n\ngrants = 'call'\n");
  assertEquals(message, "Unknown key 'profile.p.grants' in c.toml, line 3");
  assertEquals(hint, "did you mean 'profile.p.grant'?");
  assertEquals(refusal("[profiles.p]\n").hint, "did you mean 'profile'?");
});

Deno.test("what cannot be a profile's name is refused with the rule", () => {
  const names = ['"a b"', '"a.b"', '""', "owner", "-a", "__proto__", `"${"a".repeat(65)}"`];
  for (const name of names) {
    const { message, hint } = refusal(`[profile.${name}]\ngrant = "eval"\n`);
    assertStringIncludes(message, "in c.toml, line 1");
    assertEquals(hint, "a profile's name is 1 to 64 letters, digits, '_' or '-', and not 'owner'");
  }
  for (const name of ["constructor", "toString", "a_b-1", "1"]) {
    assertEquals(profilesOf(`[profile.${name}]`).get(name)?.profile.name, name);
  }
});

Deno.test("profiles that are no tables are refused", () => {
  for (const [text, key] of [["profile = 1", "profile"], ["profile.a = 1", "profile.a"]]) {
    assertStringIncludes(refusal(text!).message, `Cannot use '${key}' in c.toml, line 1`);
  }
});

Deno.test("a profile is as confined as the server, and never less", () => {
  const server = '[serve]\nisolation = "confined"\n';
  assertEquals(readConfig(`${server}[profile.p]\nnetwork = true`, "c.toml").values, {
    "serve.isolation": ["confined"],
    "profile.p.network": ["true"],
  });
  readConfig(`${server}[profile.p]\nisolation = "required"`, "c.toml");
  const { message } = refusal(`${server}[profile.p]\nisolation = "none"`);
  assertStringIncludes(message, "Cannot use 'profile.p.isolation' in c.toml, line 4: ");
  assertStringIncludes(message, 'it is less than serve.isolation = "confined"');
});

Deno.test("a profile for rpy2's wire must be there", () => {
  const serve = '[serve]\nrpy2_anonymous = "python"\n';
  assertStringIncludes(refusal(serve).message, "there is no [profile.python]");
  readConfig(`${serve}[profile.python]`, "c.toml");
  readConfig(serve.replace("python", "default"), "c.toml");
});

function profilesOf(text: string) {
  const { values } = readConfig(text, "c.toml");
  return readProfiles(new Options([], {}, {}, values).below("profile"));
}

function refusal(text: string): RtoolError {
  return assertThrows(() => readConfig(text, "c.toml"), RtoolError);
}
