/**
 * What a principal may call, told over the native wire and shown by `rtool call --list`.
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createGuard } from "../access/guard.ts";
import type { Registry } from "../access/registry.ts";
import { describeRegistry } from "../access/registry_document.ts";
import { Client } from "../client.ts";
import { ANY_FUNCTION } from "../core/callable.ts";
import { RtoolError } from "../core/errors.ts";
import type { Principal } from "../core/job.ts";
import { OWNER } from "../core/profile.ts";
import { rtool, text } from "./e2e/rtool.ts";
import { fakeEvaluator, PRINCIPAL, startPort } from "./fake_port.ts";
import { registryOf } from "./registries.ts";

const REGISTRY = registryOf(`
  [functions."stats::quantile"]
  summary = "Sample quantiles"
  arguments.x = { type = "double", length = [1, 9], summary = "The sample" }
  arguments.type = { type = "integer", enum = [1, 7], scalar = true, optional = true }
  [functions.now]
`);

const ANALYST: Principal = {
  name: "ada",
  local: false,
  profile: { ...OWNER, name: "analyst", grant: "call" },
};

Deno.test("a principal is told what its profile lets it call", async () => {
  await using server = start(ANALYST);
  await using client = await connect(server.port);
  const { any, functions } = await client.functions();
  assertEquals({ any, functions }, { any: false, functions: [...describeRegistry(REGISTRY)] });
});

Deno.test("who may run code is told that any function may be called", async () => {
  await using server = start(PRINCIPAL);
  await using client = await connect(server.port);
  assertEquals(await client.functions(), ANY_FUNCTION);
});

Deno.test("who has a profile without functions is told so", async () => {
  await using server = start(ANALYST, new Map());
  await using client = await connect(server.port);
  const error = await assertRejects(() => client.functions(), RtoolError, "no functions to call");
  assertEquals(error.code, "not_allowed");
});

Deno.test("`rtool call --list` shows each function with its arguments", async () => {
  assertEquals(await list(ANALYST), {
    code: 0,
    stdout: [
      "stats::quantile: Sample quantiles",
      "  x                      double, length 1 to 9: The sample",
      "  type  may be left out  integer, one, 1 or 7",
      "",
      "now",
      "  no arguments",
      "",
    ].join("\n"),
    stderr: "",
  });
  assertEquals((await list(ANALYST, "now")).stdout, "now\n  no arguments\n");
  assertStringIncludes((await list(PRINCIPAL)).stdout, "Any function may be called");
  const unknown = await list(ANALYST, "system");
  assertEquals(unknown.code, 77);
  assertStringIncludes(unknown.stderr, 'You may not call "system"');
});

Deno.test("`rtool call --list --json` and `--schema` print documents", async () => {
  const documents = describeRegistry(REGISTRY);
  const all = JSON.parse((await list(ANALYST, "--json")).stdout);
  assertEquals(all, { any: false, functions: documents });
  const schemas = JSON.parse((await list(ANALYST, "--schema", "stats::quantile")).stdout);
  assertEquals(schemas, { "stats::quantile": documents[0]!.schema });
});

function start(
  principal: Principal,
  registries = new Map<string, Registry>([["analyst", REGISTRY]]),
) {
  const guard = createGuard(fakeEvaluator({}), { codeMax: 1, registries });
  return startPort(guard, { admit: () => Promise.resolve(principal) });
}

function connect(port: number): Promise<Client> {
  return Client.connect({ hostname: "127.0.0.1", port, timeoutMs: 10_000, software: "test" });
}

async function list(principal: Principal, ...args: string[]) {
  await using server = start(principal);
  const ended = await rtool(["call", "--list", "-p", String(server.port), ...args]);
  return { code: ended.code, stdout: text(ended.stdout), stderr: text(ended.stderr) };
}
