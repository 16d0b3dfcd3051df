/**
 * Calls of a principal that may run no code, on real R: its arguments arrive as they were, and
 * nothing in them is evaluated.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { createCallCheck } from "../access/call_check.ts";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import { NO_WANTS, type Upload } from "../core/item.ts";
import { bareRequest, bytesOf, type Principal } from "../core/job.ts";
import { OWNER } from "../core/profile.ts";
import { decodeValue } from "../rdata/read.ts";
import type { RValue } from "../rdata/types.ts";
import { character, list, numeric } from "../rdata/values.ts";
import { encodeValue } from "../rdata/write.ts";
import { TestEngine } from "./engine.ts";
import { ESCAPES } from "./escapes.ts";
import { registryOf } from "./registries.ts";

const ANALYST: Principal = {
  name: "ada",
  local: false,
  profile: { ...OWNER, name: "analyst", grant: "call" },
};

const SCRIPT = new URL("call_functions.R", import.meta.url).pathname;

const check = createCallCheck(
  new Map([[
    "analyst",
    registryOf(`
      [functions.keep]
      arguments.anything = { type = "any_data" }
      [functions.size]
      arguments.x = { type = "double" }
      arguments.text = { type = "character", optional = true }
      [functions."stats::quantile"]
      arguments.x = { type = "double", na = true }
      arguments.probs = { type = "double", optional = true }
    `),
  ]]),
);

Deno.test("a registered function of a package and one of the script's are called with data", async () => {
  await using engine = await started();
  const value = await call(engine, "stats::quantile", list([numeric([1, 2, 3]), numeric([0.5])]));
  assertEquals(value, numeric([2], [["names", character(["50%"])]]));
  const sizes = await call(engine, "size", list([numeric([1, 2]), character(["abc"])]));
  assertEquals([...(sizes as { values: Int32Array }).values], [2, 3]);
});

Deno.test("code that escaped every list of names is text, and leaves no trace", async () => {
  await using engine = await started();
  const canary = `${engine.dir}/canary`;
  for (const escape of ESCAPES) {
    const code = escape.replaceAll("id -un", `touch ${canary}`);
    const given = list([character([code]), list([character([`\`${code}\``])])]);
    assertEquals(await call(engine, "keep", list([given])), given);
    await assertRejects(() => call(engine, code, list([])), RtoolError, "You may not call");
  }
  await assertRejects(() => Deno.stat(canary), Deno.errors.NotFound);
});

async function started(): Promise<TestEngine> {
  const engine = new TestEngine({ preload: { packages: [], scripts: [SCRIPT] } });
  await engine.sessions.start();
  return engine;
}

/** What a call gives, or why it is refused. */
async function call(engine: TestEngine, name: string, args: RValue): Promise<RValue> {
  const path = await Deno.makeTempFile({ dir: engine.dir });
  const bytes = concat(encodeValue(args));
  await Deno.writeFile(path, bytes);
  const upload: Upload = { target: { kind: "arguments" }, bytes: bytes.length, path };
  const asked = { call: name, uploads: [upload], wants: { ...NO_WANTS, value: true } };
  const request = await check(ANALYST, { ...bareRequest("", "main"), ...asked });
  const signal = new AbortController().signal;
  const parts: Uint8Array[] = [];
  for await (const event of (await engine.sessions.submit(ANALYST, request, signal)).events) {
    if (event.kind === "item_bytes") parts.push(bytesOf(event));
    if (event.kind === "end") assertEquals(event.outcome, { kind: "ok" });
  }
  return decodeValue(concat(parts));
}
