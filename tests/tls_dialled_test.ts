/**
 * TLS as a client that shows a certificate: whom it trusts, and what it says of those it does not.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { TlsContext } from "../access/tls_context.ts";
import { TlsDialled } from "../access/tls_dialled.ts";
import { type CertificatePair, makeClient, makeServer } from "../cli/make_certificates.ts";
import { BROKER_HINTS } from "../cluster/broker_tls.ts";
import { RtoolError } from "../core/errors.ts";
import {
  ALICE,
  AUTHORITY,
  SERVER,
  STRANGER,
  TlsPlace,
  TODAY,
  TOMORROW,
  YESTERDAY,
} from "./tls_place.ts";

const WITH_WILDCARD = await makeServer(AUTHORITY, ["*.example.org"], TODAY);

Deno.test("a client is whom its certificate names, at a host whose certificate is for that name", async () => {
  const hosts = [
    [SERVER, "127.0.0.1"],
    [SERVER, "localhost"],
    [SERVER, "::1"],
    [WITH_WILDCARD, "r.example.org"],
  ] as const;
  for (const [pair, hostname] of hosts) {
    assertEquals(await meet({ pair, hostname }), "alice");
  }
});

Deno.test("a host that cannot be trusted is refused before anything is sent to it, with the reason", async () => {
  const hosts: readonly (readonly [pair: CertificatePair, hostname: string, why: string])[] = [
    [SERVER, "127.0.0.2", "its certificate is for another name"],
    [SERVER, "localhost.example.org", "its certificate is for another name"],
    [WITH_WILDCARD, "a.b.example.org", "its certificate is for another name"],
    [WITH_WILDCARD, "example.org", "its certificate is for another name"],
    [
      await makeServer(STRANGER, ["127.0.0.1"], TODAY),
      "127.0.0.1",
      "nobody we trust has signed its certificate",
    ],
    [
      await makeServer(AUTHORITY, ["127.0.0.1"], YESTERDAY),
      "127.0.0.1",
      "its certificate has expired",
    ],
    [
      await makeServer(AUTHORITY, ["127.0.0.1"], TOMORROW),
      "127.0.0.1",
      "its certificate is not valid yet",
    ],
    // A client's certificate does not make a server, nor does a common name.
    [
      await makeClient(AUTHORITY, "localhost", TODAY),
      "localhost",
      "unsuitable certificate purpose",
    ],
  ];
  for (const [pair, hostname, why] of hosts) {
    const error = await assertRejects(() => meet({ pair, hostname }), RtoolError);
    assertEquals([error.code, error.message], [
      "cannot_connect",
      `Cannot trust ${hostname}: ${why}`,
    ]);
  }
});

Deno.test("a host that refuses our certificate is quoted, with what to do about it", async () => {
  const ours = [
    await makeClient(STRANGER, "alice", TODAY),
    await makeClient(AUTHORITY, "alice", YESTERDAY),
  ];
  for (const identity of ours) {
    const error = await assertRejects(() => meet({ identity }), RtoolError);
    assertEquals([error.code, error.hint], ["not_allowed", BROKER_HINTS.refused]);
    assertEquals(error.message.startsWith("127.0.0.1 refuses our certificate: "), true);
  }
});

Deno.test("a key that others may read, or of another certificate, is not used", async () => {
  using place = new TlsPlace();
  const cert = place.write("alice", ALICE);
  const foreign = place.text("foreign.key", (await makeClient(AUTHORITY, "bob", TODAY)).key);
  const shared = place.text("shared.key", ALICE.key);
  Deno.chmodSync(shared, 0o640);
  for (const [key, why] of [[foreign, "it is not the key of"], [shared, "others may use it"]]) {
    const error = await assertRejects(() => meet({ files: { cert, key: key! } }), RtoolError);
    assertEquals([error.code, error.message.includes(why!)], ["bad_config", true], error.message);
  }
});

interface Meeting {
  readonly pair?: CertificatePair;
  readonly hostname?: string;
  readonly identity?: CertificatePair;
  readonly files?: { readonly cert: string; readonly key: string };
}

/** Both sides of one connection; whom the server has seen, when both agree. */
async function meet(
  { pair = SERVER, hostname = "127.0.0.1", identity = ALICE, files }: Meeting,
): Promise<string | undefined> {
  using place = new TlsPlace();
  // A server that shows what has expired, or has not begun, since its clock is wrong.
  const { validFromDate } = new X509Certificate(pair.cert);
  using context = new TlsContext(place.serverFiles(pair), validFromDate.getTime() + 1000);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialled = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const stream = context.accept(await listener.accept());
  const serving = (async () => {
    await stream.greet();
    const count = await stream.read(new Uint8Array(8));
    await stream.write(new Uint8Array(count ?? 0));
    return stream.certificate?.name;
  })().catch(() => undefined).finally(() => stream.close());
  const own = files ?? { cert: place.write("own", identity), key: `${place.dir}/own.key` };
  try {
    const { signal } = new AbortController();
    const all = { ...own, ca: place.write("ca", AUTHORITY) };
    const client = await TlsDialled.start(await dialled, hostname, all, BROKER_HINTS, signal);
    try {
      await client.write(new Uint8Array(8));
      await client.read(new Uint8Array(8)); // A refusal comes after our part of the handshake.
    } finally {
      client.close();
    }
  } catch (error) {
    await serving;
    throw error;
  }
  return await serving;
}
