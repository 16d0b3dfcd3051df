/**
 * The configuration as an operator meets it: `rtool config`, and SIGHUP to a running server.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { addToken } from "../../access/tokens.ts";
import { rtool, spawnRtool, startServer, type TestServer, text } from "./rtool.ts";

/** How long a server may take to read its configuration again. */
const RELOAD_MS = 10_000;

Deno.test("config check exits with 78 for a bad file, 0 for a good one and 64 for bad usage", async () => {
  await using dir = new ConfigDir();
  await dir.write('port = "9090"\n[serve]\njob_max = 3\n');
  const bad = await rtool(["config", "check", dir.file]);
  assertEquals([bad.code, text(bad.stdout)], [78, ""]);
  assertMatch(text(bad.stderr), /^rtool: Cannot use .*: 2 problems\n.*:1: .*\n.*:3: .*\n$/);
  await dir.write("port = 9090\n");
  const good = await rtool(["config", "check", dir.file]);
  assertEquals([good.code, text(good.stdout)], [0, `${dir.file}: ok, 1 key\n`]);
  const wrong = await rtool(["config", "chekc"]);
  assertEquals([wrong.code, text(wrong.stderr)], [
    64,
    "rtool: Unknown subcommand 'chekc'\nrtool: did you mean check?\n",
  ]);
});

Deno.test("config show --origin names the file's line and the variable", async () => {
  await using dir = new ConfigDir();
  await dir.write('# mine\n[send]\nsession = "s"\n');
  const env = { RTOOL_CONFIG: dir.file, RTOOL_PORT: "9191" };
  const { code, stdout } = await rtool(["config", "show", "--origin"], { env });
  assertEquals(code, 0);
  assertStringIncludes(text(stdout), `# file ${dir.file}:3\n`);
  assertMatch(text(stdout), /^port = 9191 +# environment RTOOL_PORT$/m);
});

Deno.test("SIGHUP takes over new bounds; connections, sessions and running jobs stay", async () => {
  await using dir = new ConfigDir();
  await dir.write("");
  await using server = await startServer(["--config", dir.file]);
  await server.send(["-e", "x <- 42"]);
  const running = spawnRtool(["send", "-p", `${server.port}`, "-s", "b", "-e", SLOW]);
  const reader = running.stdout.getReader();
  assertEquals(text((await reader.read()).value!), "a");
  await dir.write('[serve]\ncode_max = "16B"\njobs_max = 2\n');
  await reload(server, "configuration reloaded");
  assertMatch(server.stderrText(), /changed="?serve\.jobs_max,serve\.code_max"?/);
  assertEquals(text((await reader.read()).value!), "b");
  await reader.cancel();
  await running.stderr.cancel();
  assertEquals((await running.status).code, 0);
  assertEquals(text((await server.send(["-e", "x"])).stdout), "[1] 42\n");
  const long = await server.send(["-e", `x # ${"x".repeat(99)}`]);
  assertEquals(long.code, 64);
  assertStringIncludes(text(long.stderr), "the most is 16");
});

Deno.test("SIGHUP with a bad file changes nothing and names the line; flags still win", async () => {
  await using dir = new ConfigDir();
  await dir.write('[serve]\ncode_max = "16B"\n');
  await using server = await startServer(["--config", dir.file, "--drain", "5s"]);
  await dir.write('[serve]\ndrain = "1s"\ncode_maxx = "32B"\n');
  await reload(server, "configuration kept");
  assertStringIncludes(server.stderrText(), `in ${dir.file}, line 3`);
  assertStringIncludes(server.stderrText(), "did you mean 'serve.code_max'?");
  assertEquals((await server.send(["-e", "x".repeat(17)])).code, 64);
  await dir.write('[serve]\ndrain = "1s"\n');
  await reload(server, "configuration reloaded");
  assertStringIncludes(server.stderrText(), "changed=serve.code_max");
  assert(!server.stderrText().includes("serve.drain"));
});

Deno.test("SIGHUP takes new profiles over, and keeps the old ones when a sandbox cannot be had", async () => {
  await using dir = new ConfigDir();
  await dir.write('[profile.default]\nenv = ["A"]\n');
  const tokens = dir.file.replace("rtool.toml", "tokens.json");
  const token = addToken(tokens, { name: "t", profile: "default", expiresAt: undefined }, 0);
  await using server = await startServer(["--config", dir.file, "--tokens", tokens]);
  const env = { RTOOL_TOKEN: token };
  const send = (name: string) => server.send(["--env", `${name}=1`, "-e", "1"], { env });
  assertEquals([(await send("A")).code, (await send("B")).code], [0, 77]);
  await dir.write('[profile.default]\nenv = ["B"]\n');
  await reload(server, "changed=profile");
  assertEquals([(await send("A")).code, (await send("B")).code], [77, 0]);
  // Root has named no worker, and others no directory that is there.
  await dir.write('[profile.default]\nisolation = "confined"\nread_only = ["/no/such"]\n');
  await reload(server, "configuration kept");
  assertEquals([(await send("A")).code, (await send("B")).code], [77, 0]);
});

Deno.test("SIGHUP says which keys need a restart, and the server goes on as before", async () => {
  await using dir = new ConfigDir();
  await dir.write("");
  await using server = await startServer(["--config", dir.file]);
  await dir.write('hostname = "::1"\n[serve]\nr = "no-such-R"\ninsecure = true\n');
  await reload(server, "needs a restart");
  assertMatch(server.stderrText(), /keys="?hostname,serve\.r,serve\.insecure"?/);
  assertEquals(text((await server.send(["-s", "new", "-e", "1"])).stdout), "[1] 1\n");
});

const SLOW = "cat('a'); Sys.sleep(2); cat('b')";

/** A configuration file in a directory of its own. */
class ConfigDir {
  readonly #dir = Deno.makeTempDirSync({ prefix: "rtool-config-" });
  readonly file = `${this.#dir}/rtool.toml`;

  async write(content: string): Promise<void> {
    await Deno.writeTextFile(this.file, content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#dir, { recursive: true });
  }
}

/** Sends SIGHUP and waits until the server has said this. */
async function reload(server: TestServer, said: string): Promise<void> {
  Deno.kill(server.pid, "SIGHUP");
  const until = performance.now() + RELOAD_MS;
  while (!server.stderrText().includes(said)) {
    assert(performance.now() < until, `No '${said}' in: ${server.stderrText()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("a server with half of a cluster's options says which is missing, before it starts R", async () => {
  const halves = [[["--nats", "nats://h"], "--queue"], [["--queue", "q"], "--nats"]] as const;
  for (const [given, missing] of halves) {
    const { code, stderr } = await rtool(["serve", "--r", "no-such-r", "--port", "0", ...given]);
    assertEquals(code, 78);
    assertStringIncludes(text(stderr), `add ${missing}`);
  }
});
