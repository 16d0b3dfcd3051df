/**
 * TLS as its users set it up: certificates by `rtool tls`, servers and clients as processes, and
 * peers that are not rtool: openssl, and Python with its standard library.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { addToken } from "../../access/tokens.ts";
import { makeAuthority, makeClient, makeServer } from "../../cli/make_certificates.ts";
import { TODAY, YESTERDAY } from "../tls_place.ts";
import { type Run, run } from "./processes.ts";
import { rtool, spawnRtool, startServer, TestServer, text } from "./rtool.ts";

const PROFILES = `
[profile.small]
output_max = "1KiB"
[certificate.alice]
profile = "default"
[certificate.bob]
profile = "small"
`;

Deno.test("three commands make a server that serves under TLS, by certificate, by token and by user", async () => {
  await using place = await Place.open();
  const own = await place.send(["-e", "cat(6 * 7)"]);
  assertEquals([own.code, text(own.stdout)], [0, "42"], text(own.stderr));
  await place.client("alice");
  const alice = await place.send(["--tls-cert", place.path("alice.pem"), "-e", "cat('a')"]);
  assertEquals([alice.code, text(alice.stdout)], [0, "a"], text(alice.stderr));
  const env = { RTOOL_TOKEN: place.token("ci") };
  assertEquals(text((await place.send(["-e", "cat('t')"], env)).stdout), "t");
  assertEquals(place.principals(), ["uid-" + Deno.uid(), "cert:alice", "token:ci"]);
});

Deno.test("a certificate gives the profile its table names", async () => {
  await using place = await Place.open();
  await place.client("bob");
  const code = "cat(strrep('x', 5000))";
  const small = await place.send(["--tls-cert", place.path("bob.pem"), "-e", code]);
  assertEquals(small.code, 1);
  assertStringIncludes(text(small.stderr), "output");
});

Deno.test("a certificate that no table names is refused with 77, and one whose table goes at the next SIGHUP", async () => {
  await using place = await Place.open();
  await place.client("alice");
  await place.client("carol");
  const as = (name: string) => place.send(["--tls-cert", place.path(`${name}.pem`), "-e", "1"]);
  const refused = await as("carol");
  assertEquals(refused.code, 77);
  assertStringIncludes(text(refused.stderr), "This certificate is not admitted here");
  assertStringIncludes(place.server.stderrText(), 'reason="certificate carol is not admitted');
  assertEquals((await as("alice")).code, 0);
  await place.configure(PROFILES.replace("[certificate.alice]", "[certificate.carol]"));
  assertEquals([(await as("alice")).code, (await as("carol")).code], [77, 0]);
});

Deno.test("a fingerprint admits one certificate, whatever its name, and no other of that name", async () => {
  await using place = await Place.open();
  await place.client("alice");
  const listed = await rtool(["tls", "list", "--dir", place.dir, "--json"]);
  const { sha256 } = JSON.parse(text(listed.stdout)).find(({ file }: { file: string }) => {
    return file === "alice.pem";
  });
  const printed = sha256.toUpperCase().match(/../g).join(":");
  await place.configure(`[certificate.ops]\nprofile = "default"\nsha256 = ["${printed}"]\n`);
  const as = () => place.send(["--tls-cert", place.path("alice.pem"), "-e", "1"]);
  assertEquals((await as()).code, 0);
  assertEquals(place.principals(), ["cert:ops"]);
  await place.client("alice", "--force");
  assertEquals((await as()).code, 77);
});

Deno.test("clients end with a clear word and status when a certificate is not what it should be", async () => {
  await using place = await Place.open();
  await place.client("alice");
  const stranger = await makeAuthority("rtool", TODAY);
  place.write("stranger.pem", stranger.cert);
  const own = await place.authority();
  const old = await makeClient(own, "alice", YESTERDAY);
  const fake = await makeClient(stranger, "alice", TODAY);
  for (const [name, pair] of [["old", old], ["fake", fake]] as const) {
    place.write(`${name}.pem`, pair.cert);
    place.write(`${name}.key`, pair.key);
  }
  await Deno.chmod(place.write("open.key", old.key), 0o644);
  const alice = place.path("alice.pem");
  const faults: readonly (readonly [args: readonly string[], code: number, word: string])[] = [
    [["--tls-ca", place.path("stranger.pem")], 69, "nobody we trust has signed its certificate"],
    [["--tls-cert", place.path("old.pem")], 77, "refuses our certificate: it has expired"],
    [["--tls-cert", place.path("fake.pem")], 77, "nobody the server trusts has signed it"],
    [["--tls-cert", alice, "--tls-key", place.path("ca.key")], 78, "is not the key of"],
    [["--tls-cert", alice, "--tls-key", place.path("open.key")], 78, "chmod 600"],
    [["--tls-cert", place.path("nowhere.pem")], 78, "there is no such file"],
    [["--tls-cert", place.path("alice.key")], 78, "it holds no certificate"],
    [["--tls-key", place.path("alice.key")], 64, "--tls-cert"],
  ];
  for (const [args, code, word] of faults) {
    const ended = await place.send([...args, "-e", "1"]);
    assertEquals(ended.code, code, `${args}: ${text(ended.stderr)}`);
    assertStringIncludes(text(ended.stderr), word);
  }
  const audit = await Deno.readTextFile(place.path("audit.jsonl"));
  const reasons = audit.trim().split("\n").map((line) => JSON.parse(line).reason);
  assertEquals(reasons.length, 2); // Those whom the server refused itself.
  for (const reason of reasons) assertStringIncludes(reason, "The client's certificate is refused");
});

Deno.test("every command that connects takes --tls", async () => {
  await using place = await Place.open();
  const to = ["-p", `${place.server.port}`, "--tls-ca", place.path("ca.pem")];
  for (const command of [["jobs"], ["sessions"], ["top"], ["ping"], ["call", "base::pi"]]) {
    const [name = "", ...rest] = command;
    const ended = await rtool([name, ...to, ...rest]);
    assert([0, 1].includes(ended.code), `${name}: ${text(ended.stderr)}`);
  }
  const id = text((await place.send(["--detach", "-e", "cat(1); Sys.sleep(1); cat(2)"])).stdout);
  assertEquals(text((await rtool(["attach", ...to, id.trim()])).stdout), "12");
  const rpy2 = await place.send(["--wire", "rpy2", "-e", "cat(6 * 7)"]);
  assertEquals(text(rpy2.stdout), "42");
});

Deno.test("Ctrl-C stops a job, and stdin reaches one, under TLS", async () => {
  await using place = await Place.open();
  const fed = await place.send(["-e", "cat(rev(readLines(file('stdin'))))"], {}, "a\nb\n");
  assertEquals(text(fed.stdout), "b a");
  const args = ["send", "-p", `${place.server.port}`, "--tls-ca", place.path("ca.pem")];
  const child = spawnRtool([...args, "-e", "cat('on'); repeat {}"]);
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGINT");
  assertEquals((await child.status).signal, "SIGINT");
  await reader.cancel();
  await child.stderr.cancel();
  assertEquals((await place.send(["-e", "1"])).code, 0);
});

Deno.test("openssl s_client is let in with the right certificate, and refused with a wrong one", async () => {
  await using place = await Place.open();
  await place.client("alice");
  const fake = await makeClient(await makeAuthority("rtool", TODAY), "alice", TODAY);
  place.write("fake.pem", fake.cert);
  place.write("fake.key", fake.key);
  const ask = (...more: string[]) => {
    const to = ["-connect", `127.0.0.1:${place.server.port}`, "-CAfile", place.path("ca.pem")];
    const strict = ["-verify_return_error", "-x509_strict", "-quiet"];
    const request = `printf 'utf-8\\n\\007\\0\\0\\0\\0\\0\\0\\0cat(42)'; sleep 1`;
    const client = ["openssl", "s_client", ...to, ...strict, ...more].join(" ");
    return run(["sh", "-c", `(${request}) | ${client}`]);
  };
  const shown = (name: string) => {
    return ["-cert", place.path(`${name}.pem`), "-key", place.path(`${name}.key`)];
  };
  assertEquals(text((await ask(...shown("alice"))).stdout).slice(8), "42");
  assertEquals(text((await ask("-verify_hostname", "localhost")).stdout).slice(8), "42");
  assertStringIncludes(text((await ask(...shown("fake"))).stderr), "unknown ca");
  const old = await ask("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0");
  assertStringIncludes(text(old.stderr), "protocol version");
  assertEquals(text((await ask("-tls1_2", ...shown("alice"))).stdout).slice(8), "42");
  assertEquals(place.principals(), ["cert:alice", "uid-" + Deno.uid(), "cert:alice"]);
});

/** The client of rpy2's manual, under TLS. */
const PYTHON = `
import socket, ssl, struct, sys
port, ca, cert = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
context = ssl.create_default_context(cafile=ca)
if cert:
    context.load_cert_chain(*cert)
code = b"cat(R.version$language)"
try:
    raw = socket.create_connection(("127.0.0.1", port))
    with context.wrap_socket(raw, server_hostname="localhost") as peer:
        peer.sendall(b"utf-8\\n" + struct.pack("<Q", len(code)) + code)
        reply = b""
        while chunk := peer.recv(4096):
            reply += chunk
    print(reply[8:].decode())
except ssl.SSLError as error:
    print(error.reason)
`;

Deno.test("a client in Python's standard library is let in with the right certificate, and no other", async () => {
  await using place = await Place.open();
  await place.client("alice");
  await place.client("carol");
  const stranger = await makeAuthority("rtool", TODAY);
  const fake = await makeClient(stranger, "alice", TODAY);
  const [ca, fakeCert] = [place.path("ca.pem"), place.write("fake.pem", fake.cert)];
  const python = async (...args: string[]) => {
    const ended = await run(["python3", "-c", PYTHON, `${place.server.port}`, ...args]);
    assertEquals(ended.code, 0, text(ended.stderr));
    return text(ended.stdout).trim();
  };
  assertEquals(await python(ca, place.path("alice.pem"), place.path("alice.key")), "R");
  assertEquals(await python(ca), "R");
  const refused = await python(ca, place.path("carol.pem"), place.path("carol.key"));
  assertStringIncludes(refused, "This certificate is not admitted here");
  const unknown = await python(ca, fakeCert, place.write("fake.key", fake.key));
  assertEquals(unknown, "TLSV1_ALERT_UNKNOWN_CA");
  assertEquals(await python(place.write("s.pem", stranger.cert)), "CERTIFICATE_VERIFY_FAILED");
  assertEquals(place.principals(), ["cert:alice", "uid-" + Deno.uid()]);
});

Deno.test("at SIGHUP a server shows its new certificate, and open connections go on", async () => {
  await using place = await Place.open();
  const args = ["send", "-p", `${place.server.port}`, "--tls-ca", place.path("ca.pem")];
  const slow = spawnRtool([...args, "-e", "for (i in 1:4) { cat(i); Sys.sleep(0.5) }"]);
  const before = await place.serial();
  const made = await rtool(["tls", "server", "--dir", place.dir, "--force"]);
  assertEquals(made.code, 0, text(made.stderr));
  assertEquals(await place.serial(), before);
  await place.reload("configuration reloaded");
  assert(await place.serial() !== before, "It still shows the old one");
  const ended = await slow.output();
  assertEquals([ended.code, text(ended.stdout)], [0, "1234"]);
});

Deno.test("at SIGHUP a certificate that cannot be used changes nothing, and the log says why", async () => {
  await using place = await Place.open();
  const before = await place.serial();
  const own = await place.authority();
  const bad = [
    ["server.pem", "no certificate", "it holds no certificate"],
    ["server.pem", (await makeServer(own, ["localhost"], YESTERDAY)).cert, "it expired at"],
    ["server.pem", (await makeServer(own, ["localhost"], TODAY)).cert, "it is not the key of"],
    [
      "server.key",
      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      "no private key",
    ],
    ["ca.pem", (await makeClient(own, "alice", TODAY)).cert, "may not sign others"],
  ] as const;
  for (const [file, content, why] of bad) {
    const path = place.path(file);
    const good = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, content);
    await place.reload(why);
    await Deno.writeTextFile(path, good);
    assertEquals(await place.serial(), before);
  }
  await Deno.chmod(place.path("server.key"), 0o640);
  await place.reload("others may use it");
  assertEquals(await place.serial(), before);
});

Deno.test("a server does not start with certificates it cannot use, or open to others without credentials (78)", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-tls-" });
  const env = { XDG_CONFIG_HOME: dir };
  const serve = async (...args: string[]) => {
    const { code, stderr } = await rtool(["serve", "--port", "0", ...args], { env });
    assertEquals(code, 78, text(stderr));
    return text(stderr);
  };
  assertStringIncludes(await serve("--tls"), "rtool tls init");
  assertStringIncludes(await serve("--tls-ca", "x"), "without --tls-cert or --tls");
  const wide = ["--hostname", "0.0.0.0"];
  assertStringIncludes(await serve(...wide), "beyond this machine rtool needs TLS and credentials");
  assertEquals((await rtool(["tls", "init"], { env })).code, 0);
  const tls = `${dir}/rtool/tls`;
  await Deno.rename(`${tls}/ca.pem`, `${tls}/away.pem`);
  assertStringIncludes(await serve(...wide, "--tls"), "rtool token new NAME");
  addToken(`${dir}/rtool/tokens.json`, { name: "a", profile: "default", expiresAt: undefined }, 0);
  assertStringIncludes(await serve(...wide), "needs TLS and credentials");
  await Deno.chmod(`${tls}/server.key`, 0o644);
  assertStringIncludes(await serve("--tls"), "chmod 600");
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a token is not sent to another host in plain text", async () => {
  const env = { RTOOL_TOKEN: `rtool_${"A".repeat(43)}` };
  const plain = await rtool(["ping", "--hostname", "198.51.100.1"], { env }); // RFC 5737: nobody's.
  assertEquals(plain.code, 77);
  assertStringIncludes(text(plain.stderr), "in plain text");
});

/** An address of this machine that is not loopback; it has none where there is no network. */
const HOST = Deno.networkInterfaces().find(({ family, address }) => {
  return family === "IPv4" && !address.startsWith("127.");
})?.address;

Deno.test("under TLS a token goes to another host", async () => {
  const host = HOST ?? "127.0.0.1";
  await using place = await Place.open(["--hostname", host], ["--name", host]);
  const to = ["--hostname", host];
  const env = { RTOOL_TOKEN: place.token("ci") };
  assertEquals(text((await place.send([...to, "-e", "cat('t')"], env)).stdout), "t");
  assertEquals((await place.send([...to, "-e", "1"])).code, HOST === undefined ? 0 : 77);
  assertEquals(place.principals()[0], "token:ci");
});

/** A directory of certificates, and a server that uses them. */
class Place implements AsyncDisposable {
  private constructor(readonly dir: string, readonly server: TestServer) {}

  static async open(args: readonly string[] = [], init: readonly string[] = []): Promise<Place> {
    const dir = await Deno.makeTempDir({ prefix: "rtool-tls-" });
    const made = await rtool(["tls", "init", "--dir", dir, ...init]);
    assertEquals(made.code, 0, text(made.stderr));
    await Deno.writeTextFile(`${dir}/config.toml`, PROFILES);
    const config = ["--config", `${dir}/config.toml`, "--tokens", `${dir}/tokens.json`];
    const tls = ["--tls-cert", `${dir}/server.pem`, "--audit", `${dir}/audit.jsonl`];
    return new Place(dir, await startServer([...tls, ...config, ...args]));
  }

  path(name: string): string {
    return `${this.dir}/${name}`;
  }

  write(name: string, content: string): string {
    Deno.writeTextFileSync(this.path(name), content, { mode: 0o600 });
    return this.path(name);
  }

  token(name: string): string {
    const wish = { name, profile: "default", expiresAt: undefined };
    return addToken(this.path("tokens.json"), wish, 0);
  }

  async client(name: string, ...more: string[]): Promise<void> {
    const made = await rtool(["tls", "client", name, "--dir", this.dir, ...more]);
    assertEquals(made.code, 0, text(made.stderr));
  }

  async authority(): Promise<{ cert: string; key: string }> {
    const [cert = "", key = ""] = await Promise.all(
      ["ca.pem", "ca.key"].map((name) => Deno.readTextFile(this.path(name))),
    );
    return { cert, key };
  }

  send(args: readonly string[], env?: Record<string, string>, stdin?: string): Promise<Run> {
    const trust = args.includes("--tls-ca") ? [] : ["--tls-ca", this.path("ca.pem")];
    const options = { ...env && { env }, ...stdin === undefined ? {} : { stdin } };
    return this.server.send(["--tls", ...trust, ...args], options);
  }

  /** Who has run jobs, in order. */
  principals(): string[] {
    const ended = this.server.stderrText().matchAll(/msg="job ended".* principal=(\S+)/g);
    return [...ended].map(([, name = ""]) => name);
  }

  /** The number of the certificate the server shows. */
  async serial(): Promise<string> {
    const to = `127.0.0.1:${this.server.port}`;
    const shown = `openssl s_client -connect ${to} </dev/null 2>/dev/null`;
    return text((await run(["sh", "-c", `${shown} | openssl x509 -noout -serial`])).stdout);
  }

  async configure(content: string): Promise<void> {
    this.write("config.toml", content);
    await this.reload("configuration reloaded");
  }

  /** Sends SIGHUP, and waits until the log has said this once more. */
  async reload(said: string): Promise<void> {
    const count = () => this.server.stderrText().split(said).length;
    const before = count();
    Deno.kill(this.server.pid, "SIGHUP");
    for (let i = 0; count() === before; i++) {
      assert(i < 500, `The log does not say: ${said}\n${this.server.stderrText()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.dir, { recursive: true });
  }
}
