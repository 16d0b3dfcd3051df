/**
 * When a lost broker is tried again, and how a connection is closed that carries nothing any more.
 */

import { assert, assertEquals } from "@std/assert";
import type { Server } from "@nats-io/nats-core/internal";
import { backOff, RECONNECT_MS } from "../cluster/broker_faults.ts";
import { NatsSocket } from "../cluster/nats_socket.ts";

Deno.test("backOff() gives the same wait until there was a try: the client asks again behind it", () => {
  const { reconnectDelayHandler, reconnectToServer } = backOff(() => 0);
  assertEquals(reconnectDelayHandler(), 0);
  reconnectToServer();
  const wait = reconnectDelayHandler();
  assert(wait > 0);
  for (let n = 0; n < 5; n++) assertEquals(reconnectDelayHandler(), wait);
});

Deno.test("backOff() doubles the wait behind each try, and begins anew after a while", () => {
  let now = 0;
  const { reconnectDelayHandler, reconnectToServer } = backOff(() => now);
  for (let round = 0; round < 2; round++) {
    let expected: number = RECONNECT_MS.first;
    for (let n = 0; n < 10; n++) {
      reconnectToServer();
      const wait = reconnectDelayHandler();
      assert(wait >= 0.75 * expected && wait <= 1.25 * expected, `${wait} behind try ${n}`);
      expected = Math.min(2 * expected, RECONNECT_MS.max);
      now += wait;
    }
    now += 4 * RECONNECT_MS.max;
  }
});

Deno.test("NatsSocket closes though the broker reads nothing any more", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  const socket = new NatsSocket();
  const connecting = socket.connect({ hostname, port } as Server, {});
  const broker = await listener.accept();
  await broker.write(new TextEncoder().encode('INFO {"version":"2.9.10"}\r\n'));
  await connecting;
  socket.send(new Uint8Array(64 << 20)); // More than the kernel takes.
  await socket.close();
  assertEquals(socket.isClosed, true);
  broker.close();
});
