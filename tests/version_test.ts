/**
 * The version is one number, wherever it is told.
 */

import { assertEquals, assertMatch } from "@std/assert";
import denoJson from "../deno.json" with { type: "json" };
import { SOFTWARE, VERSION, versionText } from "../core/version.ts";

Deno.test("VERSION is the version in deno.json", () => {
  assertEquals(VERSION, denoJson.version);
});

Deno.test("a peer is told the program's name and its version", () => {
  assertEquals(SOFTWARE, `rtool ${VERSION}`);
});

Deno.test("versionText() is one line with the version, Deno's, the platform, and how it was built", () => {
  assertMatch(versionText(), /^rtool \d+\.\d+\.\d+ \(Deno [\d.]+, [\w-]+, from source\)\n$/);
});
