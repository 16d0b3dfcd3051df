/**
 * `rtool call --list` as the server's own user sees it: nothing is kept from it.
 */

import { assertEquals } from "@std/assert";
import { rtool, startServer, text } from "./rtool.ts";

Deno.test("the server's own user may call any function, and is told so", async () => {
  await using server = await startServer();
  const call = async (...args: string[]) => {
    const { code, stdout, stderr } = await rtool(["call", "-p", String(server.port), ...args]);
    return [code, text(stdout), text(stderr)];
  };
  const any = "Any function may be called, and any code run: rtool call, rtool send\n";
  assertEquals(await call("--list"), [0, any, ""]);
  assertEquals(await call("--list", "base::sum"), [0, any, ""]);
  const document = JSON.stringify({ any: true, functions: [] }, null, 2) + "\n";
  assertEquals(await call("--list", "--json"), [0, document, ""]);
  assertEquals(await call("--schema"), [0, "{}\n", ""]);
  assertEquals(await call("base::sum", "--args", "[[1, 2]]", "--unbox"), [0, "3\n", ""]);
});
