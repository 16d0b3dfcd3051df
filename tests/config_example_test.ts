/**
 * docs/rtool.example.toml and the table of docs/configuration.md: every key once, with its default,
 * and what they say of SIGHUP is so.
 */

import { assert, assertEquals } from "@std/assert";
import { readConfig } from "../cli/config_file.ts";
import { COMMANDS } from "../cli/table.ts";
import { PROFILE_KEYS, profileSpecs } from "../cli/profiles.ts";
import { certificateSpecs } from "../cli/certificates.ts";
import type { OptionSpec } from "../core/options.ts";

const PATH = "docs/rtool.example.toml";

const page = await Deno.readTextFile(new URL("../docs/configuration.md", import.meta.url));
const text = await Deno.readTextFile(new URL(`../${PATH}`, import.meta.url));

/** The file with every key in force. */
const inForce = text.replace(/^#(?=\w+ = |\[(?:profile|certificate))/gm, "");

const specs = new Map<string, OptionSpec>();
for (const { options } of COMMANDS) {
  for (const spec of options) if (spec.key !== undefined) specs.set(spec.key, spec);
}

/** What a profile has of the server unless it says otherwise. */
const INHERITED = ["start", "preload", "init", "spares", "isolation"];

/** The profile of the example, and whose certificate it has. */
const named = new Map(
  [...profileSpecs("reports"), ...certificateSpecs("alice")].map((spec) => [spec.key!, spec]),
);

Deno.test("the example configuration can be used as it is, and changes nothing", () => {
  assertEquals(readConfig(text, PATH).values, {});
});

Deno.test("the example configuration has every key once", () => {
  // TOML itself refuses a key that is there twice.
  assertEquals(
    Object.keys(readConfig(inForce, PATH).values).sort(),
    [...specs.keys(), ...named.keys()].sort(),
  );
});

Deno.test("the example configuration shows the defaults", () => {
  const { values } = readConfig(inForce, PATH);
  for (const [key, spec] of specs) {
    // What depends on the machine, and what has no default, stands for itself.
    const isOwn = key.startsWith("cluster.") && spec.fallback === undefined && !spec.list;
    const tls = ["ca", "cert", "key"].flatMap((name) => {
      return [`serve.tls_${name}`, `client.tls_${name}`];
    });
    const bare = [
      "serve.init",
      "serve.tokens",
      "serve.worker_user",
      "serve.rpy2_anonymous",
      ...tls,
    ];
    if (spec.automatic || bare.includes(key) || isOwn) continue;
    const fallback = spec.fallback ?? (spec.kind === "flag" ? "false" : "none");
    assertEquals(values[key], spec.list ? [] : [fallback], key);
  }
});

Deno.test("the example configuration gives a reason for every key, and marks what can be reloaded", () => {
  let comment = "";
  let isNamed = false;
  for (const line of text.split("\n")) {
    isNamed ||= /^#?\[(profile|certificate)\./.test(line);
    const name = /^#(\w+) = /.exec(line)?.[1];
    if (name !== undefined) {
      // The tables with names are the last: some of their keys are the server's, too.
      const all = isNamed ? [...named] : [...specs];
      const spec = all.find(([key]) => key.split(".").at(-1) === name)?.[1];
      assert(comment.length > 20, `${name}: ${comment}`);
      assertEquals(comment.includes("(reload)"), spec?.reload === true, name);
    }
    comment = line.startsWith("# ") ? comment + line : "";
  }
});

Deno.test("docs/configuration.md has every key, its flag, its default, and whether it can be reloaded", () => {
  const rows = [...page.matchAll(/^\| `([\w.]+)`( †)? +\| `--([\w-]+)` +\| (.+?) +\|/gm)];
  const said = rows.map(([, key, dagger, name, fallback]) => [key, name, fallback, !!dagger]);
  const expected = [...specs].map(([key, spec]) => {
    const shown = spec.kind === "port" || spec.kind === "count"
      ? spec.fallback
      : `"${spec.fallback}"`;
    const none = spec.list ? "`[]`" : spec.kind === "flag" ? "`false`" : "none";
    const fallback = spec.automatic?.words ?? (spec.fallback === undefined ? none : `\`${shown}\``);
    return [key, spec.name, fallback, spec.reload === true];
  });
  assertEquals(said.sort(), expected.sort());
});

Deno.test("docs/configuration.md has every key of a certificate", () => {
  const section = page.slice(page.indexOf("key of `[certificate.NAME]`"));
  const rows = [...section.slice(0, section.indexOf("\n\n")).matchAll(/^\| `(\w+)` /gm)];
  const keys = certificateSpecs("x").map(({ name }) => name);
  assertEquals(rows.map(([, key]) => key), keys);
});

Deno.test("docs/configuration.md has every key of a profile with its default", () => {
  const rows = [...page.matchAll(/^\| `(\w+)` +\| (`[^-`]+`|any|none|serve\.) +\|/gm)];
  const said = rows.map(([, key, fallback]) => [key, fallback]);
  const expected = PROFILE_KEYS.map((spec) => {
    const fallback = spec.fallback ?? spec.automatic?.words;
    if (INHERITED.includes(spec.name)) return [spec.name, "serve."];
    const none = spec.kind === "flag" ? "`false`" : spec.name === "env" ? "any" : "none";
    return [
      spec.name,
      fallback ? `\`"${fallback}"\`` : spec.list && none === "none" ? "`[]`" : none,
    ];
  });
  assertEquals(said, expected);
});
