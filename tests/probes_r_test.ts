/**
 * The probes find every way out of a sandbox that is none, and no way out of the real one.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { RtoolError } from "../core/errors.ts";
import { type ProbeResult, probeSandbox } from "../engine/probes.ts";
import type { Sandbox } from "../engine/sandbox.ts";
import { type Grants, makeNoSandbox, makeSandbox } from "./confined.ts";

/** Ways that are shut to any user but root, with or without a sandbox. */
const SHUT_ANYWAY = ["be_root", "remount", "mount", "have_capabilities", "list_server_files"];

Deno.test("a confined R gets out in none of the ways that are tried", async () => {
  const results = await probed();
  assertEquals(named(results, "got out"), []);
  assertEquals(results.length, 18);
});

Deno.test("a confined R with the network gets out in none of the others", async () => {
  if (Deno.uid() !== 0) {
    return void await assertRejects(() => probed({ network: true }), RtoolError);
  }
  const results = await probed({ network: true });
  assertEquals(named(results, "got out"), []);
  assertEquals(named(results, "held").some((name) => name.startsWith("reach_")), false);
});

Deno.test("the probes get out of what is no sandbox", async () => {
  const dir = await makeNoSandbox();
  const results = await probed({}, { command: `${dir}/bwrap`, filter: undefined });
  await Deno.remove(dir, { recursive: true });
  const out = new Set(named(results, "got out"));
  const held = named(results, "held").filter((name) => !SHUT_ANYWAY.includes(name));
  assertEquals(held, ["keep_descriptors"]);
  for (const name of ["read_server_files", "write_files", "signal_processes", "survive"]) {
    assertEquals(out.has(name), true, name);
  }
});

Deno.test("a sandbox that R does not start in is an error with what was said", async () => {
  const error = await assertRejects(() => probed({}, { system: ["/etc/R"] }), RtoolError);
  assertEquals(error.code, "bad_config");
  assertEquals(error.message.startsWith("Cannot confine R: bwrap: "), true, error.message);
});

async function probed(grants: Grants = {}, changed: Partial<Sandbox> = {}): Promise<ProbeResult[]> {
  const ready = await makeSandbox(grants);
  try {
    return await probeSandbox({
      command: "R",
      stateDir: ready.stateDir,
      env: ready.env,
      sandbox: { ...ready.sandbox, ...changed },
      preload: { packages: [], scripts: [] },
      startTimeoutMs: 30_000,
      stopGraceMs: 2000,
      diskLeftMin: 1,
      systemLimits: { memoryBytes: undefined, openFiles: 256, fileBytes: undefined },
    });
  } finally {
    await Deno.remove(ready.stateDir, { recursive: true });
  }
}

function named(results: readonly ProbeResult[], wanted: ProbeResult["result"]): string[] {
  return results.filter(({ result }) => result === wanted).map(({ name }) => name);
}
