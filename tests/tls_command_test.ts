/**
 * `rtool tls`: which files it makes, what is in them, and what it never does to others.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { rtool, text } from "./e2e/rtool.ts";
import { run } from "./e2e/processes.ts";

Deno.test("tls init makes an authority and a server's certificate that OpenSSL finds nothing wrong with", async () => {
  await using place = new Place();
  const made = await place.tls(
    "init",
    "--name",
    "r.example.org,192.0.2.7",
    "--name",
    "*.lab.example.org",
  );
  assertEquals(made.code, 0, made.stderr);
  const files = ["ca.pem", "ca.key", "server.pem", "server.key"].map((name) => place.path(name));
  assertEquals(made.stdout, files.map((path) => `${path}\n`).join(""));
  for (const path of files) assertEquals(Deno.statSync(path).mode! & 0o777, 0o600, path);
  for (const name of ["-verify_hostname localhost", "-verify_ip ::1", "-verify_ip 127.0.0.1"]) {
    await place.verify("server", "sslserver", ...name.split(" "));
  }
  await place.verify("server", "sslserver", "-verify_hostname", "r.example.org");
  await place.verify("server", "sslserver", "-verify_ip", "192.0.2.7");
  await place.verify("server", "sslserver", "-verify_hostname", "a.lab.example.org");
});

Deno.test("tls client makes a certificate for a client and for nothing else", async () => {
  await using place = new Place();
  await place.tls("init");
  assertEquals((await place.tls("client", "alice", "--expires", "2h")).code, 0);
  await place.verify("alice", "sslclient");
  const wrong = await place.openssl("alice", "sslserver");
  assert(wrong.code !== 0);
  const certificate = new X509Certificate(Deno.readTextFileSync(place.path("alice.pem")));
  assertEquals(certificate.subject, "CN=alice");
  const lifeMs = Date.parse(certificate.validTo) - Date.now();
  assert(lifeMs > 7_100_000 && lifeMs <= 7_200_000, certificate.validTo);
});

Deno.test("no two certificates have one number, and none outlives its authority", async () => {
  await using place = new Place();
  await place.tls("init");
  const numbers = new Set<string>();
  for (const name of ["a", "b", "c"]) {
    assertEquals((await place.tls("client", name, "--expires", "3650d")).code, 0);
    const [own, ca] = [name, "ca"].map((file) => {
      return new X509Certificate(Deno.readTextFileSync(place.path(`${file}.pem`)));
    });
    assert(Date.parse(own!.validTo) <= Date.parse(ca!.validTo));
    assertEquals(own!.serialNumber.length, 32);
    numbers.add(own!.serialNumber);
  }
  assertEquals(numbers.size, 3);
});

Deno.test("tls replaces no file that is there, but with --force", async () => {
  await using place = new Place();
  await place.tls("init");
  await place.tls("client", "alice");
  const before = place.contents();
  for (const args of [["init"], ["server"], ["client", "alice"], ["client", "ca"]]) {
    const { code, stdout, stderr } = await place.tls(...args);
    assertEquals([code, stdout], [73, ""]);
    assertStringIncludes(stderr, "it is there already");
    assertStringIncludes(stderr, "--force");
  }
  assertEquals(place.contents(), before);
  Deno.removeSync(place.path("server.pem")); // Its key is still there.
  assertEquals((await place.tls("server")).code, 73);
  assertEquals((await place.tls("server", "--force")).code, 0);
  await place.verify("server", "sslserver");
  assertEquals(place.contents().get("ca.pem"), before.get("ca.pem"));
});

Deno.test("tls list shows what certificates there are, and for whom", async () => {
  await using place = new Place();
  assertEquals((await place.tls("list")).stdout, "FILE  KIND  NAMES  EXPIRES  STATE  SHA256\n");
  await place.tls("init");
  await place.tls("client", "alice");
  const { stdout } = await place.tls("list", "--json");
  const rows = JSON.parse(stdout).map(({ file, kind, state }: Record<string, string>) => {
    return [file, kind, state];
  });
  assertEquals(rows, [
    ["alice.pem", "client", "valid"],
    ["ca.pem", "authority", "valid"],
    ["server.pem", "server", "valid"],
  ]);
  const shown = JSON.parse(stdout)[0].sha256;
  const said = await run([
    ...["openssl", "x509", "-in", place.path("alice.pem"), "-noout", "-fingerprint", "-sha256"],
  ]);
  assertStringIncludes(text(said.stdout).replaceAll(":", "").toLowerCase(), shown);
});

Deno.test("tls without what it needs, or with what it cannot use, makes nothing and says why", async () => {
  await using place = new Place();
  const refused: readonly (readonly [args: readonly string[], code: number, said: string])[] = [
    [["server"], 78, "rtool tls init"],
    [["client", "alice"], 78, "rtool tls init"],
    [["client"], 64, "rtool tls client NAME"],
    [["client", "../x"], 64, "a certificate's name is"],
    [["client", "a b"], 64, "a certificate's name is"],
    [["client", "x", "y"], 64, "'y'"],
    [["client", "x", "--name", "y"], 64, "--name belongs to"],
    [["init", "--name", "a b"], 64, "--name"],
    [["init", "--name", "-x"], 64, "--name"],
    [["init", "--expires", "1y"], 64, "--expires"],
    [["inti"], 64, "did you mean init?"],
  ];
  for (const [args, code, said] of refused) {
    const ended = await place.tls(...args);
    assertEquals([ended.code, ended.stdout], [code, ""], `${args}: ${ended.stderr}`);
    assertStringIncludes(ended.stderr, said);
  }
  assertEquals([...place.contents().keys()], []);
  await place.tls("init");
  Deno.chmodSync(place.path("ca.key"), 0o644);
  const open = await place.tls("client", "alice");
  assertEquals(open.code, 78);
  assertStringIncludes(open.stderr, "chmod 600");
  Deno.chmodSync(place.path("ca.key"), 0o600);
  Deno.copyFileSync(place.path("server.key"), place.path("ca.key"));
  const mixed = await place.tls("client", "alice");
  assertEquals(mixed.code, 78);
  assertStringIncludes(mixed.stderr, "is not the key of");
});

/** A directory for certificates. */
class Place implements AsyncDisposable {
  readonly #dir = Deno.makeTempDirSync({ prefix: "rtool-tls-" });

  path(name: string): string {
    return `${this.#dir}/tls/${name}`;
  }

  async tls(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const dir = `${this.#dir}/tls`;
    const { code, stdout, stderr } = await rtool(["tls", ...args, "--dir", dir]);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  openssl(name: string, purpose: string, ...more: string[]) {
    const strict = ["-x509_strict", "-check_ss_sig", "-purpose", purpose, ...more];
    const trust = ["-CAfile", this.path("ca.pem")];
    return run(["openssl", "verify", ...strict, ...trust, this.path(`${name}.pem`)]);
  }

  async verify(name: string, purpose: string, ...more: string[]): Promise<void> {
    const { code, stderr } = await this.openssl(name, purpose, ...more);
    assertEquals(code, 0, text(stderr));
  }

  contents(): Map<string, string> {
    try {
      const names = [...Deno.readDirSync(`${this.#dir}/tls`)].map(({ name }) => name).sort();
      return new Map(names.map((name) => [name, Deno.readTextFileSync(this.path(name))]));
    } catch {
      return new Map();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.#dir, { recursive: true });
  }
}
