/**
 * Getting in at a broker: each way, right and wrong, for servers and clients; and what is asked of
 * it once one is in.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cable, joined, TestBroker, until } from "./nats.ts";
import { credentialsEntrance, type Entrance, secretFile } from "./nats_logins.ts";
import { tokenEntrance, userEntrance, type Way } from "./nats_logins.ts";
import { rtool, type Run, startServer, text } from "./rtool.ts";

const PAGE = await Deno.readTextFile(new URL("../../docs/cluster.md", import.meta.url));

const ENTRANCES = [
  ["a user and password or an nkey", userEntrance],
  ["a token", tokenEntrance],
  ["a credentials file", credentialsEntrance],
] as const;

for (const [names, makeEntrance] of ENTRANCES) {
  Deno.test(`who comes with ${names} is let in, and who comes with a wrong one is told so`, async () => {
    using place = new Place();
    const entrance = makeEntrance(place.dir);
    await using broker = await TestBroker.start(["-c", place.write("nats.conf", entrance.config)]);
    for (const way of entrance.ways) await tryWay(broker, way, entrance);
  });
}

async function tryWay(broker: TestBroker, { right, wrong }: Way, entrance: Entrance) {
  await using server = await broker.server(right);
  await joined(server);
  const [sent, shown, ...refused] = await Promise.all([
    broker.run("send", [...right, "-e", "cat(6 * 7)"]),
    broker.run("cluster", right),
    ...wrong.map(([login]) => broker.run("send", [...login, "-e", "1"])),
    ...wrong.map(([login]) => broker.run("cluster", login)),
  ]);
  assertEquals([sent!.code, text(sent!.stdout)], [0, "42"], text(sent!.stderr));
  assertEquals(shown!.code, 0, text(shown!.stderr));
  for (const [n, run] of refused.entries()) assertRefused(run, wrong[n % wrong.length]![1]);
  const [login, why] = wrong.at(-1)!;
  const log = await outsideLog(broker, login, why);
  const args = await Deno.readTextFile(`/proc/${server.pid}/cmdline`);
  const runs = [sent!, shown!, ...refused].map(({ stdout, stderr }) => text(stdout) + text(stderr));
  for (const seen of [...runs, log, server.stderrText(), args]) assertHidden(seen, entrance);
}

/** What a server logs that the broker does not let in; its own door serves as ever. */
async function outsideLog(broker: TestBroker, login: readonly string[], why: RegExp) {
  await using server = await broker.server(login);
  await until(() => server.stderrText().includes("cluster not joined"));
  assertMatch(server.stderrText(), why);
  assertMatch(server.stderrText(), /hint=/);
  assertEquals(text((await server.send(["-e", "cat(1)"])).stdout), "1");
  return server.stderrText();
}

/** One sentence, one hint. */
function assertRefused({ code, stdout, stderr }: Run, why: RegExp): void {
  const lines = text(stderr).trimEnd().split("\n");
  assertEquals([code, lines.length, stdout.length], [77, 2, 0], text(stderr));
  assertMatch(lines[0]!, why);
}

function assertHidden(place: string, { secrets }: Entrance): void {
  for (const secret of secrets) assert(!place.includes(secret), place);
}

Deno.test("a way in that cannot be used is an error at the start of a server, too", async () => {
  using place = new Place();
  const password = secretFile(place.dir, "password", "right-secret");
  const shared = secretFile(place.dir, "shared", "right-secret");
  await Deno.chmod(shared, 0o644);
  const key = `${place.dir}/cluster.key`;
  await rtool(["cluster", "key", key]);
  const cases: readonly (readonly [args: readonly string[], why: RegExp])[] = [
    [["--nats-user", "ann", "--nats-password-file", shared], /others may use it, too \(0644\)/],
    [["--nats-token-file", `${place.dir}/none`], /there is no such file/],
    [["--nats-password-file", password], /without --nats-user/],
    [["--nats-user", "ann", "--nats-token-file", password], /beside --nats-token-file/],
    [["--nats-ca", password], /it holds no certificate/],
    [["--nats-cert", password], /need each other/],
  ];
  await Promise.all(cases.map(async ([login, why], n) => {
    const where = ["--nats", "nats://127.0.0.1:1", "--queue", "q", "--cluster-key", key];
    // To start a server takes a while, and it reads what a client does.
    for (const command of n === 0 ? ["cluster", "serve"] : ["cluster"]) {
      const { code, stderr } = await rtool([command, ...where, ...login]);
      assertEquals(code, 78, text(stderr));
      assertMatch(text(stderr), why);
    }
  }));
  const { code, stderr } = await rtool([
    ...["cluster", "--queue", "q", "--nats", "nats://ann:right-secret@127.0.0.1:1"],
  ]);
  assertEquals([code, text(stderr).includes("right-secret")], [78, false]);
});

Deno.test("rtool config shows where secrets are, and not what they are", async () => {
  using place = new Place();
  const file = secretFile(place.dir, "password", "right-secret");
  const config = place.write("rtool.toml", `[cluster]\nuser = "ann"\npassword_file = "${file}"\n`);
  const { code, stdout, stderr } = await rtool(["config", "show", "--config", config]);
  assertEquals([code, text(stdout).includes(file)], [0, true], text(stderr));
  assertEquals(text(stdout).includes("right-secret"), false);
});

Deno.test("of several brokers one that answers is used, and another when that one is lost", async () => {
  await using broker = await TestBroker.start();
  await using one = new Cable(broker.port);
  await using two = new Cable(broker.port);
  const urls = ["nats://127.0.0.1:1", one.url, two.url].join(",");
  const where = ["--nats", urls, "--cluster-key", broker.key, "--queue", "q"];
  await using server = await startServer(where);
  await joined(server);
  const send = async () => text((await rtool(["send", ...where, "-e", "cat(1)"])).stdout);
  // It is at one of them: whichever that is gets lost.
  for (const [lost, kept] of [[one, two], [two, one]] as const) {
    kept.mend();
    lost.cut();
    assertEquals(await send(), "1");
  }
  await until(() => server.stderrText().includes("broker back"));
  one.cut();
  two.cut();
  const none = await rtool(["send", ...where, "-e", "cat(1)"]);
  assertEquals(none.code, 69, text(none.stderr));
});

Deno.test("a server that is refused when its broker is back goes on trying, with the password it then has", async () => {
  using place = new Place();
  const file = secretFile(place.dir, "password", "first-secret");
  const login = ["--nats-user", "ann", "--nats-password-file", file];
  await using broker = await TestBroker.start(["--user", "ann", "--pass", "first-secret"]);
  await using server = await broker.server(login);
  await joined(server);
  await broker.kill("SIGKILL");
  await broker.revive(["--user", "ann", "--pass", "second-secret"]);
  await until(() => /broker refuses" why=.*Authorization/.test(server.stderrText()));
  secretFile(place.dir, "password", "second-secret");
  await until(() => server.stderrText().includes("broker back"));
  const { code, stdout, stderr } = await broker.run("send", [...login, "-e", "cat(6 * 7)"]);
  assertEquals([code, text(stdout)], [0, "42"], text(stderr));
  assertEquals(server.stderrText().match(/broker refuses/g)?.length, 1, server.stderrText());
});

Deno.test("the permissions of docs/cluster.md are enough for all that rtool does with a queue", async () => {
  using place = new Place();
  const snippet = /^```\n(authorization \{[^]*?)^```$/m.exec(PAGE)?.[1] ?? "";
  assertMatch(snippet, /"SERVER-PASSWORD"[^]*"CLIENT-PASSWORD"/);
  const server = secretFile(place.dir, "server", "SERVER-PASSWORD");
  const client = secretFile(place.dir, "client", "CLIENT-PASSWORD");
  await using broker = await TestBroker.start(["-c", place.write("nats.conf", snippet)]);
  const way = [...broker.straight, "--queue", "main"];
  const asClient = ["--nats-user", "rtool-client", "--nats-password-file", client];
  const asServer = ["--nats-user", "rtool-server", "--nats-password-file", server];
  const run = async (command: string, ...args: readonly string[]) => {
    const [word, ...rest] = command.split(" ");
    const { code, stdout, stderr } = await rtool([word!, ...way, ...asClient, ...rest, ...args]);
    return [code, text(stdout).trim(), text(stderr)] as const;
  };
  const early = await run("cluster");
  assertEquals(early[0], 77, early[2]);
  await using host = await startServer([...way, ...asServer, "--label", "gpu"]);
  await joined(host);
  const big = place.write("big", "x".repeat(2 << 20));
  const size = ["--put", `${big}:big`, "-e", "cat(file.size('big'))"];
  assertEquals(await run("send", ...size), [0, String(2 << 20), ""]);
  assertEquals((await run("send", "--require", "gpu", "-e", "cat(1)"))[1], "1");
  assertEquals(text((await host.send(["--queue", "main", ...size])).stdout), String(2 << 20));
  const [, id] = await run("send", "--detach", "-e", "cat('begun\n'); Sys.sleep(60)");
  await until(async () => JSON.parse((await run("jobs --json"))[1])[0]?.state === "running");
  assertEquals((await run("cancel", id))[0], 0);
  assertEquals((await run("attach", id)).slice(0, 2), [130, "begun"]);
  assertMatch((await run("cluster"))[1], /queue main: 0 waiting, 0 running, 0 dead/);
  assertEquals((await run("queue dead --json"))[1], "[]");
  assertEquals(host.stderrText().includes("broker refuses"), false, host.stderrText());
});

/** A directory that is gone with the test. */
class Place implements Disposable {
  readonly dir = Deno.makeTempDirSync({ prefix: "rtool-broker-" });

  write(name: string, content: string): string {
    const path = `${this.dir}/${name}`;
    Deno.writeTextFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}
