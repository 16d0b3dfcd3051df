/**
 * TLS on the port: which bytes pass, who is let in, and what nobody can break.
 */

import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { TlsContext } from "../access/tls_context.ts";
import { Client } from "../client.ts";
import type { ClientTls } from "../client_dial.ts";
import { dial } from "../client_dial.ts";
import { makeClient, makeServer } from "../cli/make_certificates.ts";
import type { PeerCertificate } from "../core/certificate.ts";
import { RtoolError } from "../core/errors.ts";
import { OWNER } from "../core/profile.ts";
import { fakeEvaluator, type FakePort, type PortOptions, REPORT, startPort } from "./fake_port.ts";
import { createRandom, SEED } from "./random.ts";
import { RawPeer } from "./raw_peer.ts";
import {
  ALICE,
  AUTHORITY,
  clientTls,
  SERVER,
  STRANGER,
  TlsPlace,
  TODAY,
  TOMORROW,
  YESTERDAY,
} from "./tls_place.ts";

const WHO = fakeEvaluator({
  report: ({ name }) => Promise.resolve({ ...REPORT, rVersion: name }),
});

Deno.test("a client under TLS is served, and is whom its certificate names", async () => {
  await using port = new SecurePort();
  assertEquals(await port.whoIs(clientTls(ALICE)), "alice");
  assertEquals(await port.whoIs(clientTls()), "nobody");
});

Deno.test("a certificate's fingerprint is that of the whole certificate", async () => {
  await using port = new SecurePort();
  await port.whoIs(clientTls(ALICE));
  const der = Uint8Array.fromBase64(ALICE.cert.replace(/-----[^-]+-----|\s/g, ""));
  assertEquals(port.shown.at(-1)?.sha256, createHash("sha256").update(der).digest("hex"));
});

Deno.test("a certificate of another authority, for a server, expired or not begun is refused as not_allowed", async () => {
  await using port = new SecurePort();
  const refused = [
    [await makeClient(STRANGER, "alice", TODAY), "nobody the server trusts has signed it"],
    [await makeServer(AUTHORITY, ["alice"], TODAY), "it is not a client's"],
    [await makeClient(AUTHORITY, "alice", YESTERDAY), "it has expired"],
    [
      await makeClient(AUTHORITY, "alice", TOMORROW),
      "it is not valid, not yet, or not trusted there",
    ],
  ] as const;
  for (const [pair, why] of refused) {
    const startedAt = performance.now();
    const error = await assertRejects(() => port.whoIs(clientTls(pair)), RtoolError);
    assertEquals([error.code, error.message.includes(why)], ["not_allowed", true], error.message);
    assert(performance.now() - startedAt >= 100);
  }
  await port.ended(refused.length);
  const reasons = port.log.map(({ fields }) => String(fields["reason"]));
  for (const reason of reasons) assertStringIncludes(reason, "The client's certificate is refused");
});

Deno.test("a client says what is wrong with a server's certificate, and sends it nothing", async () => {
  const wrong = [
    [await makeServer(STRANGER, ["127.0.0.1"], TODAY), "nobody we trust has signed"],
    [await makeServer(AUTHORITY, ["r.example.org"], TODAY), "is for another name"],
    [await makeClient(AUTHORITY, "127.0.0.1", TODAY), "127.0.0.1"],
  ] as const;
  for (const [pair, why] of wrong) {
    await using port = new SecurePort(pair);
    const error = await assertRejects(() => port.whoIs(clientTls(), "rtool_secret"), RtoolError);
    assertEquals(error.code, "cannot_connect");
    assertStringIncludes(error.message, why);
    assertEquals(port.shown, []);
  }
});

Deno.test("a client says that a server's certificate has expired, or has not begun", async () => {
  for (
    const [validity, why] of [[YESTERDAY, "has expired"], [TOMORROW, "is not valid yet"]] as const
  ) {
    const pair = await makeServer(AUTHORITY, ["127.0.0.1"], validity);
    await using port = new SecurePort(pair, {}, validity.from + 1000);
    const error = await assertRejects(() => port.whoIs(clientTls()), RtoolError);
    assertEquals(
      [error.code, error.message.includes(why)],
      ["cannot_connect", true],
      error.message,
    );
  }
});

Deno.test("a client under TLS says that a server speaks plain text, and the other way round", async () => {
  await using plain = startPort(WHO);
  const to = { hostname: "127.0.0.1", timeoutMs: 10_000 };
  const tls = clientTls();
  const deaf = await assertRejects(() => dial({ ...to, port: plain.port, tls }), RtoolError);
  assertEquals(deaf.code, "cannot_connect");
  assertStringIncludes(deaf.message, "does not speak TLS");
  await using port = new SecurePort();
  const open = await assertRejects(() => port.whoIs(undefined), RtoolError);
  assertEquals(open.message, "This port speaks TLS alone: add --tls");
  assertEquals(port.shown, []);
});

Deno.test("a TLS port tells HTTP and the wire of rpy2 in their own words that it speaks TLS", async () => {
  await using port = new SecurePort();
  for (
    const [first, answer] of [["GET / HTTP/1.1", "HTTP/1.1 400 "], ["utf-8", "Error: This port"]]
  ) {
    using peer = await RawPeer.connect(port.port);
    await peer.send(`${first}\n`);
    assertStringIncludes(new TextDecoder().decode(await peer.read()), answer!);
  }
});

Deno.test(`any garbage, whole or behind a greeting of TLS, ends its connection alone (seed ${SEED})`, async () => {
  await using port = new SecurePort(SERVER, { connectionsMax: 512 });
  const chance = createRandom();
  const random = (below: number) => Math.floor(chance() * below);
  const hello = await greeting();
  await using client = await port.connect(clientTls(ALICE));
  for (let round = 0; round < 60; round++) {
    const bytes = hello.slice(0, round % 3 === 0 ? 0 : hello.length);
    const junk = Uint8Array.from({ length: 1 + random(600) }, () => random(256));
    if (round % 3 === 1) { for (let i = 0; i < 5; i++) bytes[random(bytes.length)] = random(256); }
    using peer = await RawPeer.connect(port.port);
    await peer.send(new Uint8Array([0x16, ...bytes.subarray(1), ...junk, 10]));
    await peer.conn.closeWrite();
    await peer.rest();
    assertEquals((await client.report()).rVersion, "alice");
  }
  await port.ended(60);
  assertEquals(port.log.filter(({ level }) => level === "error"), []);
});

Deno.test("a peer that never ends its handshake is let go after the time for a greeting", async () => {
  await using port = new SecurePort(SERVER, { helloTimeoutMs: 50 });
  const hello = await greeting();
  for (const length of [0, 1, 100, hello.length]) {
    using peer = await RawPeer.connect(port.port);
    await peer.send(hello.subarray(0, length));
    const startedAt = performance.now();
    await peer.rest();
    assertLess(performance.now() - startedAt, 5000);
  }
  await port.ended(4);
});

Deno.test("a connection under TLS counts, handshake or not", async () => {
  await using port = new SecurePort(SERVER, { connectionsMax: 1 });
  using _idle = await RawPeer.connect(port.port);
  const error = await assertRejects(() => port.whoIs(clientTls()), RtoolError);
  assertEquals(error.code, "too_many_connections");
});

/** What a client of TLS says first. */
async function greeting(): Promise<Uint8Array<ArrayBuffer>> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const dialled = Deno.connectTls({ hostname: "127.0.0.1", port });
  using conn = await listener.accept();
  using client = await dialled;
  const shaken = client.handshake().catch(() => {});
  const bytes = new Uint8Array(4096);
  const count = await conn.read(bytes);
  conn.close();
  await shaken;
  return bytes.slice(0, count ?? 0);
}

/** A port under TLS that tells who is there. */
class SecurePort implements AsyncDisposable {
  readonly #place = new TlsPlace();
  readonly #context: TlsContext;
  readonly #port: FakePort;
  /** Certificates of those who have greeted. */
  readonly shown: (PeerCertificate | undefined)[] = [];

  constructor(pair = SERVER, options: PortOptions = {}, now = Date.now()) {
    this.#context = new TlsContext(this.#place.serverFiles(pair), now);
    this.#port = startPort(WHO, {
      secure: (conn) => this.#context.accept(conn),
      admit: ({ ends: { certificate } }) => {
        this.shown.push(certificate);
        const name = certificate ? certificate.name ?? "?" : "nobody";
        return Promise.resolve({ name, local: false, profile: OWNER });
      },
      ...options,
    });
  }

  get port(): number {
    return this.#port.port;
  }

  get log(): FakePort["log"] {
    return this.#port.log;
  }

  ended(count: number): Promise<void> {
    return this.#port.ended(count);
  }

  connect(tls: ClientTls | undefined, token?: string): Promise<Client> {
    const to = { hostname: "127.0.0.1", port: this.port, timeoutMs: 10_000 };
    return Client.connect({ ...to, software: "test", token, tls });
  }

  async whoIs(tls: ClientTls | undefined, token?: string): Promise<string> {
    await using client = await this.connect(tls, token);
    return (await client.report()).rVersion;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#port[Symbol.asyncDispose]();
    this.#context[Symbol.dispose]();
    this.#place[Symbol.dispose]();
  }
}
