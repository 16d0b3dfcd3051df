/**
 * The networks that the faults of a cluster are tried on: a way that is cut carries nothing.
 */

import { assertEquals } from "@std/assert";
import { settlesWithin } from "../../core/time.ts";
import { openNetwork } from "./network.ts";
import { start } from "./processes.ts";

/** Sends what it reads to that port, line by line. */
const SENDER = "exec 3<>/dev/tcp/$0/$1; while read -r line; do echo $line >&3; done";

Deno.test("a way that is cut carries nothing and tells nobody; mended, it brings what was sent", async () => {
  await using network = await openNetwork();
  console.log(`hosts are ${network.kind}`);
  using listener = Deno.listen({ hostname: network.address, port: 0 });
  const host = await network.host(listener.addr.port);
  const { hostname, port } = new URL(host.url.replace("nats:", "http:"));
  const child = start([...host.within, "bash", "-c", SENDER, hostname, port], { stdin: "" });
  const sender = child.stdin.getWriter();
  const send = (line: string) => sender.write(new TextEncoder().encode(`${line}\n`));
  await send("one");
  using conn = await listener.accept();
  const buffer = new Uint8Array(100);
  const read = async () =>
    new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
  assertEquals(await read(), "one\n");
  await host.cut();
  await send("two");
  const next = read();
  if (network.kind === "network namespaces") {
    assertEquals(await settlesWithin(next, 500), false);
    await host.mend();
    assertEquals(await next, "two\n");
  } else {
    // A relay can only break what goes through it.
    assertEquals(await next, "");
  }
  await sender.close();
  child.kill("SIGKILL");
  await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);
});
