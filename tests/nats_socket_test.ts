/**
 * The bytes between the client of NATS and a broker that misbehaves, in plain text and under TLS.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Server } from "@nats-io/nats-core/internal";
import fc from "fast-check";
import { TlsContext } from "../access/tls_context.ts";
import { TlsDialled } from "../access/tls_dialled.ts";
import { makeClient } from "../cli/make_certificates.ts";
import { Broker } from "../cluster/broker.ts";
import { BROKER_HINTS } from "../cluster/broker_tls.ts";
import { NatsSocket, type SocketOptions } from "../cluster/nats_socket.ts";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import { cutAt, SEED, seeded } from "./random.ts";
import { ALICE, AUTHORITY, TlsPlace, TODAY } from "./tls_place.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A greeting, as nats-server words it. */
const info = (more = "") => bytes(`INFO {"server_id":"x","version":"2.9.10","proto":1${more}}\r\n`);
const SECURE = info(',"tls_required":true');

// Loaded once: not in a test.
await Broker.connect({ urls: ["nats://127.0.0.1:1"] }).catch(() => {});

Deno.test(`a greeting is understood in pieces of any size (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { maxLength: 8 }), async (places) => {
      await using broker = new FakeBroker(async (conn) => {
        for (const piece of cutAt(info(), places)) {
          if (piece.length > 0) await conn.write(piece);
          await new Promise((resolve) => setTimeout(resolve));
        }
        await untilEnd(conn);
      });
      const socket = new NatsSocket();
      await socket.connect(broker.where, {});
      const { value } = await socket[Symbol.asyncIterator]().next();
      await socket.close();
      assertEquals(value, info());
    }),
    seeded(20),
  );
});

Deno.test("what greets otherwise is no broker, and so is what leaves before the end of its line", async () => {
  const greetings = [
    "",
    "INFO ",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "INFO {broken\r\n",
    'INFO {"version":]}\r\n',
    "\xff\xfe\n",
    `INFO {"x":"${"x".repeat(200_000)}`,
  ];
  for (const greeting of greetings) {
    await using broker = new FakeBroker(async (conn) => await sendAll(conn, bytes(greeting)));
    const error = await assertRejects(() => attempt(broker), RtoolError);
    assertEquals([error.code, error.message], [
      "cannot_connect",
      "What answers there is no NATS broker",
    ]);
  }
});

for (const [name, kind] of [["Deno's TLS", "deno"], ["TLS with a certificate", "own"]] as const) {
  Deno.test(`${name}: a peer that leaves or talks nonsense in the middle of it is an error`, async () => {
    using place = new TlsPlace();
    for (const nonsense of ["", "HTTP/1.1 400 Bad Request\r\n\r\n", "\x16\x03\x03\x00\x02ab"]) {
      await using broker = new FakeBroker(async (conn) => {
        await conn.write(SECURE);
        await conn.read(new Uint8Array(1 << 16));
        await sendAll(conn, bytes(nonsense));
      });
      await assertRejects(() => attempt(broker, secured(place, kind)));
    }
  });

  Deno.test(`${name}: what a stranger puts behind the greeting in plain text is not taken for the broker's`, async () => {
    using place = new TlsPlace();
    await using broker = new FakeBroker(async (conn) => {
      await conn.write(concat([SECURE, bytes("PONG\r\n")]));
      await untilEnd(conn);
    });
    await assertRejects(() => attempt(broker, secured(place, kind)), RtoolError, "no NATS broker");
  });

  Deno.test(`${name}: a peer that is silent in the middle of it is let go`, async () => {
    using place = new TlsPlace();
    const [hello, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using broker = new FakeBroker(async (conn) => {
      await conn.write(SECURE);
      await conn.read(new Uint8Array(1 << 16));
      hello.resolve();
      await over.promise;
    });
    const socket = new NatsSocket();
    const connecting = assertRejects(() => socket.connect(broker.where, secured(place, kind)));
    await hello.promise;
    socket.discard();
    await connecting;
    over.resolve();
    assert(socket.isClosed);
  });

  Deno.test(`${name}: all that is sent arrives, however slowly the broker takes it`, async () => {
    using place = new TlsPlace();
    using context = new TlsContext(place.serverFiles());
    const sent = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
    let taken: Uint8Array = new Uint8Array(0);
    await using broker = new FakeBroker(async (conn) => {
      await conn.write(SECURE);
      const stream = context.accept(conn);
      const buffer = new Uint8Array(1 << 16);
      const chunks: Uint8Array[] = [];
      for (let total = 0; total < sent.length;) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        const count = await stream.read(buffer) ?? 0;
        chunks.push(buffer.slice(0, count));
        total += count;
      }
      taken = concat(chunks);
      for (let at = 0; at < 4;) at += await stream.write(bytes("+OK\n").subarray(at));
      await stream.closeWrite();
      while (await stream.read(buffer) !== null) { /* Nothing follows. */ }
    });
    const socket = new NatsSocket();
    await socket.connect(broker.where, secured(place, kind));
    for (let at = 0; at < sent.length; at += 100_000) socket.send(sent.slice(at, at + 100_000));
    const received: Uint8Array[] = [];
    for await (const chunk of socket) received.push(chunk);
    assertEquals(concat(received), concat([SECURE, bytes("+OK\n")]));
    assertEquals([taken.length, taken.every((byte, i) => byte === sent[i])], [sent.length, true]);
  });
}

Deno.test("a broker that closes without a word is told at once, in words of ours", async () => {
  await using broker = new FakeBroker(async (conn) => {
    await conn.write(info());
    await conn.read(new Uint8Array(1 << 16));
  });
  const error = await assertRejects(() => Broker.connect({ urls: [broker.url] }), RtoolError);
  assertEquals(error.code, "cannot_connect");
  assertStringIncludes(error.message, "closed the connection without a word");
});

Deno.test("a renewed certificate is shown at the next connection", async () => {
  using place = new TlsPlace();
  using context = new TlsContext(place.serverFiles());
  const seen: (string | undefined)[] = [];
  await using broker = new FakeBroker(async (conn) => {
    await conn.write(SECURE);
    const stream = context.accept(conn);
    await stream.greet();
    seen.push(stream.certificate?.name);
    await stream.read(new Uint8Array(1));
    stream.close();
  });
  const options = secured(place, "own");
  for (const pair of [ALICE, await makeClient(AUTHORITY, "alice2", TODAY)]) {
    place.write("alice", pair);
    const socket = new NatsSocket();
    await socket.connect(broker.where, options);
    socket.send(bytes("PING\r\n"));
    await socket.close();
  }
  await broker.served(2);
  assertEquals(seen, ["alice", "alice2"]);
});

/** One connection, closed again. */
async function attempt(broker: FakeBroker, options: SocketOptions = {}): Promise<void> {
  const socket = new NatsSocket();
  try {
    await socket.connect(broker.where, options);
  } finally {
    socket.discard();
  }
}

function secured(place: TlsPlace, kind: "deno" | "own"): SocketOptions {
  const ca = place.write("ca", AUTHORITY);
  if (kind === "deno") return { tls: { caFile: ca } };
  const files = { cert: place.write("alice", ALICE), key: `${place.dir}/alice.key`, ca };
  return {
    tls: {},
    startTls: (conn, name, signal) => TlsDialled.start(conn, name, files, BROKER_HINTS, signal),
  };
}

async function sendAll(conn: Deno.TcpConn, all: Uint8Array): Promise<void> {
  for (let at = 0; at < all.length;) at += await conn.write(all.subarray(at));
}

async function untilEnd(conn: Deno.TcpConn): Promise<void> {
  while (await conn.read(new Uint8Array(1 << 16)) !== null) { /* Nothing is answered. */ }
}

/** Plays a part on each connection, and closes it. */
class FakeBroker implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #parts: Promise<void>[] = [];
  readonly #accepting: Promise<void>;

  constructor(part: (conn: Deno.TcpConn) => Promise<void>) {
    this.#accepting = this.#accept(part);
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#listener.addr.port}`;
  }

  get where(): Server {
    const { port } = this.#listener.addr;
    return { hostname: "127.0.0.1", port, tlsName: "" } as Server;
  }

  /** Waits for so many parts to be over. */
  async served(count: number): Promise<void> {
    while (this.#parts.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
    await Promise.all(this.#parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    await Promise.all(this.#parts);
  }

  async #accept(part: (conn: Deno.TcpConn) => Promise<void>): Promise<void> {
    for await (const conn of this.#listener) {
      // The client may be gone in the middle of it.
      this.#parts.push(part(conn).catch(() => {}).finally(() => closeQuietly(conn)));
    }
  }
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Its part has closed it.
  }
}
