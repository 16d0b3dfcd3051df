/**
 * A broker that wants clients' certificates: who has one does with the queue all that others do.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { type CertificatePair, makeClient } from "../../cli/make_certificates.ts";
import { ALICE, AUTHORITY, STRANGER, TlsPlace, TODAY } from "../tls_place.ts";
import { joined, TestBroker, until } from "./nats.ts";
import { spawnRtool, text } from "./rtool.ts";

Deno.test("with a certificate a queue under TLS is as one in plain text: output live, large jobs, both ways", async () => {
  await using place = await SecureBroker.start();
  const { broker, login } = place;
  await using server = await broker.server(login);
  await joined(server);
  const code = "x <- readBin('in.bin', 'raw', 1e7); writeBin(rev(x), 'out.bin'); length(x)";
  const sent = Uint8Array.from({ length: 5 << 20 }, (_, i) => (i * 31 + (i >> 8)) & 255);
  await Deno.writeFile(`${broker.dir}/in.bin`, sent);
  const files = [
    ...["--put", `${broker.dir}/in.bin:in.bin`],
    ...["--get", `out.bin:${broker.dir}/out.bin`],
  ];
  const large = await broker.run("send", [...login, ...files, "-e", code]);
  assertEquals([large.code, text(large.stdout)], [0, `[1] ${sent.length}\n`], text(large.stderr));
  assertEquals(await Deno.readFile(`${broker.dir}/out.bin`), sent.toReversed());
  const child = spawnRtool([
    ...["send", ...broker.straight, "--queue", "q", ...login],
    ...["-e", "cat('begun\n'); Sys.sleep(60)"],
  ]);
  const output = child.stdout.getReader();
  assertEquals(text((await output.read()).value ?? new Uint8Array(0)), "begun\n");
  child.kill("SIGINT");
  assertEquals((await child.status).signal, "SIGINT");
  await Promise.all([output.cancel(), child.stderr.cancel()]);
});

Deno.test("without a certificate, or with one of another authority or for no user, nobody gets in", async () => {
  await using place = await SecureBroker.start();
  const { broker, tls } = place;
  const shown = (name: string, pair: CertificatePair) => {
    const cert = tls.write(name, pair);
    return [...place.trust, "--nats-cert", cert, "--nats-key", `${tls.dir}/${name}.key`];
  };
  const cases = [
    [place.trust, 77, /The broker wants a certificate of ours/],
    [
      shown("mallory", await makeClient(STRANGER, "alice", TODAY)),
      77,
      /127\.0\.0\.1 refuses our certificate/,
    ],
    [shown("bob", await makeClient(AUTHORITY, "bob", TODAY)), 77, /Cannot log in at/],
    [
      [...place.login, "--nats-ca", tls.write("stranger", STRANGER)],
      69,
      /Cannot trust 127\.0\.0\.1: nobody we trust has signed its certificate/,
    ],
  ] as const;
  await Promise.all(cases.map(async ([login, status, why]) => {
    const { code, stderr } = await broker.run("cluster", login);
    assertEquals([code, text(stderr).trimEnd().split("\n").length], [status, 2], text(stderr));
    assertMatch(text(stderr), why);
  }));
});

Deno.test("a server is back under TLS when its broker is, with the certificate it then has", async () => {
  await using place = await SecureBroker.start();
  const { broker, tls, login } = place;
  await using server = await broker.server(login);
  await joined(server);
  await broker.kill("SIGKILL");
  await until(() => server.stderrText().includes("broker lost"));
  // Whom the broker knows now is carol alone.
  tls.write("alice", await makeClient(AUTHORITY, "carol", TODAY));
  await broker.revive(place.configured("carol"));
  await until(() => server.stderrText().includes("broker back"));
  const { code, stdout, stderr } = await broker.run("send", [...login, "-e", "cat(6 * 7)"]);
  assertEquals([code, text(stdout)], [0, "42"], text(stderr));
});

/** A broker that knows one user, by the certificate. */
class SecureBroker implements AsyncDisposable {
  readonly tls = new TlsPlace();
  readonly #ca = this.tls.write("ca", AUTHORITY);
  readonly trust = ["--nats-ca", this.#ca];
  readonly login = [
    ...this.trust,
    ...["--nats-cert", this.tls.write("alice", ALICE), "--nats-key", `${this.tls.dir}/alice.key`],
  ];
  #broker: TestBroker | undefined;

  static async start(): Promise<SecureBroker> {
    const place = new SecureBroker();
    place.#broker = await TestBroker.start(place.configured("alice"));
    return place;
  }

  get broker(): TestBroker {
    return this.#broker!;
  }

  /** What the broker is started with. */
  configured(user: string): string[] {
    const { cert, key, ca } = this.tls.serverFiles();
    const files = `cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}"`;
    const config = `tls { ${files}, verify_and_map: true }
      authorization { users: [ { user: "CN=${user}" } ] }`;
    return ["-c", this.tls.text("nats.conf", config)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker?.[Symbol.asyncDispose]();
    this.tls[Symbol.dispose]();
  }
}
