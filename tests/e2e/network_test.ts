/**
 * The networks that the faults of a cluster are tried on: a way that is cut carries nothing.
 */

import { assertEquals } from "@std/assert";
import { settlesWithin } from "../../core/time.ts";
import { openNetwork, Relays, type TestNetwork } from "./network.ts";
import { kill, type RunOptions, start } from "./processes.ts";

/** Sends what it reads to that port, line by line. */
const SENDER = "exec 3<>/dev/tcp/$0/$1; while read -r line; do echo $line >&3; done";

Deno.test("a way that is cut carries nothing; mended, it carries what is sent then", async () => {
  for (const open of [openNetwork, () => Promise.resolve(new Relays())]) {
    await using network = await open();
    console.log(`hosts are ${network.kind}`);
    await tryCut(network);
  }
});

async function tryCut(network: TestNetwork): Promise<void> {
  using listener = Deno.listen({ hostname: network.address, port: 0 });
  const host = await network.host(listener.addr.port);
  const { hostname, port } = new URL(host.url.replace("nats:", "http:"));
  const sender = (options: RunOptions) => {
    return start([...host.within, "bash", "-c", SENDER, hostname, port], options);
  };
  const first = sender({ stdin: "" });
  const writer = first.stdin.getWriter();
  const send = (line: string) => writer.write(new TextEncoder().encode(`${line}\n`));
  await send("one");
  using conn = await listener.accept();
  assertEquals(await read(conn), "one\n");
  await host.cut();
  await send("two");
  const next = read(conn);
  if (network instanceof Relays) {
    assertEquals(await next, "");
    await host.mend();
  } else {
    // Neither end is told of it.
    assertEquals(await settlesWithin(next, 500), false);
    await host.mend();
    assertEquals(await next, "two\n");
  }
  const second = sender({}); // Has nothing to say.
  using _accepted = await listener.accept();
  await writer.close().catch(() => {}); // A broken sender has ended.
  for (const child of [first, second]) {
    kill(child);
    await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);
  }
}

async function read(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(100);
  return new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
}
