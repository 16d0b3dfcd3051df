/**
 * Principals across hosts: whose word counts in a queue, and what a job may do on another host.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { nkeys } from "@nats-io/nats-core";
import { Broker } from "../../cluster/broker.ts";
import { joined, TestBroker, until } from "./nats.ts";
import { outcomeOf, TestQueue } from "./queue_load.ts";
import { run } from "./processes.ts";
import { rtool, startServer, text } from "./rtool.ts";

Deno.test("a job signed by an unknown key is refused; one by a key that is trusted is run", async () => {
  await using broker = await TestBroker.start();
  const theirs = `${broker.dir}/theirs.key`;
  const publicKey = text((await rtool(["cluster", "key", theirs])).stdout).trim();
  const send = () => {
    const where = ["--nats", broker.url, "--queue", "q", "--cluster-key", theirs];
    return rtool(["send", ...where, "-e", "cat(1)"]);
  };
  {
    await using server = await broker.server();
    await joined(server);
    const { code, stderr } = await send();
    assertEquals(code, 77);
    assertMatch(text(stderr), /the key that signed it is not trusted here/);
  }
  await using trusting = await broker.server([`--cluster-trust=${publicKey}`]);
  await joined(trusting);
  const { code, stdout } = await send();
  assertEquals([code, text(stdout)], [0, "1"]);
});

Deno.test("a token's job is run under its profile as the other host has it, and is nobody else's", async () => {
  await using broker = await TestBroker.start();
  const made = ["token", "new", "ann", "--tokens", `${broker.dir}/tokens.json`];
  await Deno.writeTextFile(`${broker.dir}/token`, text((await rtool(made)).stdout), {
    mode: 0o600,
  });
  const config = `${broker.dir}/config.toml`;
  await Deno.writeTextFile(config, "[profile.default]\noutput_max = 5\n");
  const tokens = ["--tokens", `${broker.dir}/tokens.json`];
  // It lets the token in, and leaves the running to others.
  await using door = await broker.server([...tokens, "--label", "door"]);
  await joined(door);
  await using host = await startServer([
    ...[...broker.straight, "--queue", "q", "--label", "host", "--config", config],
  ]);
  await joined(host);
  const token = ["--token-file", `${broker.dir}/token`];
  const asAnn = (args: readonly string[]) => door.send([...token, "--queue", "q", ...args]);
  const there = await asAnn(["--require", "host", "-e", "cat('123456789')"]);
  assertEquals([there.code, text(there.stdout)], [1, "12345"]);
  assertMatch(text(there.stderr), /output limit of 5/);
  const mine = text((await asAnn(["--detach", "-e", "1"])).stdout).trim();
  const owners = text((await door.send(["--queue", "q", "--detach", "-e", "2"])).stdout).trim();
  const attach = (id: string) => rtool(["attach", "-p", String(door.port), ...token, id]);
  assertEquals((await attach(mine)).code, 0);
  assertEquals((await attach(owners)).code, 64);
  const cancelled = await rtool(["cancel", "-p", String(door.port), ...token, owners]);
  assertMatch(text(cancelled.stderr), /There is no job|is not kept|unknown/);
  const listed = await rtool(["jobs", "-p", String(door.port), ...token, "--all", "--json"]);
  assertEquals(text(listed.stdout).includes(owners), false);
});

Deno.test("a job message that is put into the queue again does not run again", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const file = `${broker.dir}/runs`;
  const job = await queue.submit(`cat('x', file = '${file}', append = TRUE)`);
  await using nats = await Broker.connect({ urls: [broker.url] });
  const kept = await nats.maybeLast("RTOOL_q_JOBS", "rtool.q.job.>");
  const again = () => nats.add(kept!.subject, crypto.randomUUID(), kept!.body, kept!.headers);
  for (let n = 0; n < 5; n++) await again();
  await using _server = await broker.server(["--quiet"]);
  const { kind } = await outcomeOf(job);
  await again();
  await until(async () => {
    return Object.keys(await nats.subjects("RTOOL_q_JOBS", "rtool.q.job.>")).length === 0;
  });
  assertEquals([kind, await Deno.readTextFile(file)], ["ok", "x"]);
});

Deno.test("a broker that wants an nkey and speaks TLS alone has both", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-tls-" });
  const [cert, key, seed, config] = ["cert.pem", "key.pem", "seed", "nats.conf"].map((name) => {
    return `${dir}/${name}`;
  }) as [string, string, string, string];
  const made = await run([
    ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
    ...["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"], // What serves is no authority.
    ...["-out", cert, "-keyout", key],
  ]);
  assertEquals(made.code, 0, text(made.stderr));
  const user = nkeys.createUser();
  await Deno.writeFile(seed, user.getSeed(), { mode: 0o600 });
  await Deno.writeTextFile(
    config,
    `tls { cert_file: "${cert}", key_file: "${key}" }
     authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
  );
  await using broker = await TestBroker.start(["-c", config]);
  const login = ["--nats-nkey-file", seed, "--nats-ca", cert];
  await using server = await broker.server(login);
  await joined(server);
  const { code, stdout, stderr } = await broker.run("send", [...login, "-e", "cat(6 * 7)"]);
  assertEquals([code, text(stdout)], [0, "42"], text(stderr));
  const stranger = await broker.run("send", ["--nats-nkey-file", seed, "-e", "1"]);
  assertEquals(stranger.code, 69);
  assertMatch(text(stranger.stderr), /certificate|self.signed|UnknownIssuer/i);
  await Deno.chmod(seed, 0o644);
  const careless = await broker.run("send", [...login, "-e", "1"]);
  assertEquals(careless.code, 78);
  await Deno.remove(dir, { recursive: true });
});
