/**
 * docs/rtool.example.toml and the table of docs/configuration.md: every key once, with its default,
 * and what they say of SIGHUP is so.
 */

import { assert, assertEquals } from "@std/assert";
import { readConfig } from "../cli/config_file.ts";
import { COMMANDS } from "../cli/table.ts";
import type { OptionSpec } from "../core/options.ts";

const PATH = "docs/rtool.example.toml";

const text = await Deno.readTextFile(new URL(`../${PATH}`, import.meta.url));

/** The file with every key in force. */
const inForce = text.replace(/^#(?=\w+ = )/gm, "");

const specs = new Map<string, OptionSpec>();
for (const { options } of COMMANDS) {
  for (const spec of options) if (spec.key !== undefined) specs.set(spec.key, spec);
}

Deno.test("the example configuration can be used as it is, and changes nothing", () => {
  assertEquals(readConfig(text, PATH).values, {});
});

Deno.test("the example configuration has every key once", () => {
  // TOML itself refuses a key that is there twice.
  assertEquals(Object.keys(readConfig(inForce, PATH).values).sort(), [...specs.keys()].sort());
});

Deno.test("the example configuration shows the defaults", () => {
  const { values } = readConfig(inForce, PATH);
  for (const [key, spec] of specs) {
    // What depends on the machine, and what has no default, stands for itself.
    if (spec.automatic || ["serve.init", "serve.worker_user"].includes(key)) continue;
    const fallback = spec.fallback ?? (spec.kind === "flag" ? "false" : "none");
    assertEquals(values[key], spec.list ? [] : [fallback], key);
  }
});

Deno.test("the example configuration gives a reason for every key, and marks what can be reloaded", () => {
  let comment = "";
  for (const line of text.split("\n")) {
    const name = /^#(\w+) = /.exec(line)?.[1];
    if (name !== undefined) {
      const spec = [...specs].find(([key]) => key.split(".").at(-1) === name)?.[1];
      assert(comment.length > 20, `${name}: ${comment}`);
      assertEquals(comment.includes("(reload)"), spec?.reload === true, name);
    }
    comment = line.startsWith("# ") ? comment + line : "";
  }
});

Deno.test("docs/configuration.md has every key, its flag, its default, and whether it can be reloaded", async () => {
  const page = await Deno.readTextFile(new URL("../docs/configuration.md", import.meta.url));
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
