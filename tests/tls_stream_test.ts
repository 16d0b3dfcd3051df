/**
 * A connection under TLS as the port uses it: the bytes of a plain one, its patience and its ends.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { TlsContext } from "../access/tls_context.ts";
import type { TlsStream } from "../access/tls_stream.ts";
import { Link } from "../wire.ts";
import { createRandom, SEED } from "./random.ts";
import { AUTHORITY, TlsPlace } from "./tls_place.ts";

const BYTES = 8 << 20;

Deno.test(`bytes in pieces of any size pass both ways unchanged (seed ${SEED})`, async () => {
  await using pair = await Pair.open();
  const link = new Link(pair.stream);
  const random = createRandom();
  const sent = Uint8Array.from({ length: BYTES }, (_, i) => (i * 31 + (i >> 8)) & 255);
  const echo = (async () => {
    for (let chunk = await link.read(); chunk; chunk = await link.read()) {
      link.send(chunk.slice());
      await link.flushed();
    }
    await link.finish(5000);
  })();
  const feed = (async () => {
    for (let at = 0; at < BYTES;) {
      const piece = sent.subarray(at, at + 1 + Math.floor(random() ** 4 * 200_000));
      for (let done = 0; done < piece.length;) {
        done += await pair.client.write(piece.subarray(done));
      }
      at += piece.length;
    }
    await pair.client.closeWrite();
  })();
  assertEquals(digest(await pair.received()), digest(sent));
  await Promise.all([echo, feed]);
});

Deno.test("a reader that does not read makes the writer wait, and then gets everything", async () => {
  await using pair = await Pair.open();
  const link = new Link(pair.stream);
  const piece = new Uint8Array(1 << 20).fill(7);
  let sent = 0;
  for (; !link.congested || sent < 8; sent++) {
    link.send(piece);
    if (sent > 64) break;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert(link.congested);
  const received = pair.received();
  await link.flushed(true);
  await link.finish(5000);
  assertEquals((await received).length, sent * piece.length);
});

Deno.test("a client that sends no more still gets its answer", async () => {
  await using pair = await Pair.open();
  await pair.client.write(new TextEncoder().encode("question"));
  await pair.client.closeWrite();
  const link = new Link(pair.stream);
  assertEquals((await link.read())?.length, 8);
  assertEquals(await link.read(), undefined);
  link.send(new TextEncoder().encode("answer"));
  await link.drain(5000);
  link.close();
  assertEquals((await pair.received()).length, 6);
});

Deno.test("a connection that is closed while it is read, written or greeted only ends", async () => {
  for (const shake of [true, false]) {
    await using pair = await Pair.open(shake);
    const link = new Link(pair.stream);
    const reading = link.read();
    link.send(new Uint8Array(1 << 24));
    link.close();
    link.close();
    assertEquals(await reading, undefined);
    await assertRejects(() => pair.stream.read(new Uint8Array(1)));
    await assertRejects(() => pair.stream.write(new Uint8Array(1)));
  }
});

Deno.test("a peer that vanishes without a word of TLS is at its end, as a plain one is", async () => {
  await using pair = await Pair.open();
  await pair.client.write(Uint8Array.of(1));
  const link = new Link(pair.stream);
  assertEquals((await link.read())?.length, 1);
  pair.client.close();
  assertEquals(await link.read().catch((error) => error.code), undefined);
});

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Both ends of one connection. */
class Pair implements AsyncDisposable {
  private constructor(
    readonly stream: TlsStream,
    readonly client: Deno.TlsConn,
    readonly rest: Disposable,
  ) {}

  static async open(shake = true): Promise<Pair> {
    using stack = new DisposableStack();
    const context = stack.use(new TlsContext(stack.use(new TlsPlace()).serverFiles()));
    const listener = stack.use(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
    const { port } = listener.addr;
    const dialled = Deno.connect({ hostname: "127.0.0.1", port });
    const stream = context.accept(await listener.accept());
    const caCerts = [AUTHORITY.cert];
    const client = await Deno.startTls(await dialled, { hostname: "127.0.0.1", caCerts });
    // The server's side greets when it is first read.
    if (shake) await Promise.all([client.handshake(), stream.greet()]);
    return new Pair(stream, client, stack.move());
  }

  /** All the client gets until the end. */
  async received(): Promise<Uint8Array> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    const buffer = new Uint8Array(1 << 16);
    for (let n = await this.client.read(buffer); n !== null; n = await this.client.read(buffer)) {
      chunks.push(buffer.slice(0, n));
    }
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.stream.close();
    try {
      this.client.close();
    } catch {
      // The test has closed it.
    }
    this.rest[Symbol.dispose]();
    return Promise.resolve();
  }
}
