/**
 * `rtool doctor` on this machine: it agrees with what `rtool serve` then does.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { confinedArgs, makeNoSandbox } from "../confined.ts";
import { joined, TestBroker } from "./nats.ts";
import { rtool, startServer, text } from "./rtool.ts";

/** How long the command may take; on a machine that does other things too, so many starts of R. */
const LIMIT_MS = 2000;
const R_STARTS_MAX = 8;

Deno.test("doctor finds that serve would work here, within two seconds, as a table and as JSON", async () => {
  await using dir = new ConfigDir("port = 0\n");
  const times: number[] = [];
  let startMs = 0;
  for (const form of [[], ["--json"], []]) {
    const startedAt = performance.now();
    const { code, stdout, stderr } = await rtool(["doctor", "--config", dir.file, ...form]);
    times.push(performance.now() - startedAt);
    assertEquals([code, text(stderr)], [0, ""]);
    const said = text(stdout);
    const [, ms] = /R 4\.\d+\.\d+, starts in (\d+) ms/.exec(said) ?? [];
    startMs = Math.max(startMs, Number(ms));
    if (form.length === 0) assertMatch(said, /^R +ok +R 4\./m);
    else assertEquals(JSON.parse(said).ok, true);
  }
  assert(Math.min(...times) < Math.max(LIMIT_MS, R_STARTS_MAX * startMs), String(times));
});

Deno.test("doctor names the reason first and ends with 1 where serve does not start", async () => {
  const cases: readonly (readonly [config: string, reason: RegExp])[] = [
    ['[serve]\nr = "no-such-R"\n', /^rtool serve would not work: R: cannot run 'no-such-R'$/m],
    ["[serve]\njob_max = 3\n", /^rtool serve would not work: configuration: .*job_max/m],
    ['[serve]\ndisk_left_min = "8000GiB"\n', /^rtool serve would not work: state directory: /m],
    ['hostname = "0.0.0.0"\n', /^rtool serve would not work: port: /m],
  ];
  for (const [config, reason] of cases) {
    await using dir = new ConfigDir(`port = 0\n${config}`);
    const { code, stdout } = await rtool(["doctor", "--config", dir.file]);
    assertEquals(code, 1, config);
    assertMatch(text(stdout), reason);
    assert(text(stdout).startsWith("rtool serve would not work"));
  }
});

Deno.test("doctor tells a running rtool from something else at the port", async () => {
  await using server = await startServer();
  await using own = new ConfigDir(`port = ${server.port}\n`);
  const beside = await rtool(["doctor", "--config", own.file]);
  assertStringIncludes(text(beside.stdout), `${server.port} has rtool `);
  assertEquals(beside.code, 0);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using taken = new ConfigDir(`port = ${listener.addr.port}\n`);
  const blocked = await rtool(["doctor", "--config", taken.file]);
  assertStringIncludes(text(blocked.stdout), `port: 127.0.0.1:${listener.addr.port} is taken`);
  assertEquals(blocked.code, 1);
});

Deno.test("doctor tells a token file that others can read", async () => {
  await using dir = new ConfigDir("port = 0\n");
  await Deno.mkdir(`${dir.path}/rtool`);
  await Deno.writeTextFile(`${dir.path}/rtool/tokens.json`, "{}");
  await Deno.chmod(`${dir.path}/rtool/tokens.json`, 0o644);
  const env = { XDG_CONFIG_HOME: dir.path };
  const { code, stdout } = await rtool(["doctor", "--config", dir.file], { env });
  assertEquals(code, 1);
  assertMatch(text(stdout), /^tokens +broken +others can use .*tokens\.json\n.*chmod 600/m);
});

Deno.test("doctor confines an R as serve would, and tells each probe", async () => {
  await using dir = new ConfigDir("port = 0\n");
  const confined = await rtool(["doctor", "--config", dir.file, ...await confinedArgs("confined")]);
  assertEquals(confined.code, 0);
  assertMatch(text(confined.stdout), /^confined R +ok +18 ways out tried, all shut$/m);
  const open = await makeNoSandbox();
  const env = { PATH: `${open}:${Deno.env.get("PATH")}` };
  const args = ["--config", dir.file, "--json"];
  const out = await rtool(["doctor", ...args, ...await confinedArgs("confined")], { env });
  await Deno.remove(open, { recursive: true });
  assertEquals(out.code, 1);
  const { ok, verdict, checks } = JSON.parse(text(out.stdout));
  const { probes } = checks.find(({ what }: { what: string }) => what === "confined R");
  assertEquals(ok, false);
  assertMatch(verdict, /^rtool serve would not work: confined R: .* gets out of the sandbox \(/);
  assertEquals(
    new Set(probes.map(({ result }: { result: string }) => result)).has("got out"),
    true,
  );
});

Deno.test("doctor tries to confine R, and serve works, where it is not to be confined", async () => {
  if (Deno.uid() !== 0) return;
  await using dir = new ConfigDir("port = 0\n");
  const { code, stdout } = await rtool(["doctor", "--config", dir.file]);
  assertEquals(code, 0);
  assertMatch(text(stdout), /^confined R +missing +Cannot confine R as root.*\n.*useradd/m);
});

Deno.test("doctor goes to the broker of a cluster, and makes nothing there", async () => {
  await using broker = await TestBroker.start();
  await using dir = new ConfigDir(
    `port = 0\n[cluster]\nurls = ["${broker.url}"]\nqueue = "q"\nkey = "${broker.key}"\n`,
  );
  const look = async () => text((await rtool(["doctor", "--config", dir.file])).stdout);
  assertMatch(await look(), /^broker +ok +nats-server \d.* at nats:.*, q will be made$/m);
  assertMatch(await look(), /q will be made$/m);
  await using server = await broker.server();
  await joined(server);
  assertMatch(await look(), /q is there$/m);
  await Deno.remove(broker.key);
  assertMatch(
    await look(),
    /^rtool serve would not work: broker: .*cluster\.key: there is no such/,
  );
  await rtool(["cluster", "key", broker.key]);
  await broker.kill("SIGKILL");
  assertMatch(
    await look(),
    /^rtool serve would work[^]*^broker +broken +Cannot connect to .*\n.*own doors alone/m,
  );
});

Deno.test("what doctor says of TLS beyond this machine, of tokens and functions is what serve does", async () => {
  await using dir = new ConfigDir('hostname = "0.0.0.0"\nport = 0\n[serve]\ntls = true\n');
  const env = { XDG_CONFIG_HOME: dir.path };
  assertEquals((await rtool(["tls", "init"], { env })).code, 0);
  const well = await rtool(["doctor", "--config", dir.file], { env });
  assertEquals(well.code, 0, text(well.stdout));
  await Deno.writeTextFile(`${dir.path}/rtool/tokens.json`, "{", { mode: 0o600 });
  const torn = await rtool(["doctor", "--config", dir.file], { env });
  assertMatch(
    text(torn.stdout),
    /^rtool serve would not work: access: .*tokens\.json: it is no JSON/,
  );
  const served = await rtool(["serve", "--config", dir.file], { env });
  assertEquals([torn.code, served.code], [1, 78]);
  assertMatch(text(served.stderr), /tokens\.json: it is no JSON/);
});

/** A directory with a configuration file. */
class ConfigDir {
  readonly path = Deno.makeTempDirSync({ prefix: "rtool-doctor-test-" });
  readonly file = `${this.path}/rtool.toml`;

  constructor(content: string) {
    Deno.writeTextFileSync(this.file, content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
