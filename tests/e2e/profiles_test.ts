/**
 * Profiles whose R is started in ways of their own, on one server: each token sees what it should,
 * and nothing of the others; also when the configuration changes while it runs.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { addToken, revokeToken } from "../../access/tokens.ts";
import { workerUser } from "../confined.ts";
import { OtherUser } from "./other_user.ts";
import { rtool, type Run, spawnRtool, startServer, type TestServer, text } from "./rtool.ts";

const PATIENCE_MS = 15_000;

const SECRET = crypto.randomUUID();

const FUNCTIONS = `script = "functions.R"
[functions.twice]
arguments.x = { type = "double", scalar = true }
`;

Deno.test("three tokens of three profiles see what theirs shows, and nothing of the others", async () => {
  await using place = await Place.open((dir) => `
[profile.plain]
preload = ["stats4"]
[profile.shut]
isolation = "required"
read_only = ["${dir}/shown"]
open_files_max = 200
[profile.caller]
grant = "call"
functions = "${dir}/functions.toml"
`);
  const { dir } = place;
  const look = `cat("package:stats4" %in% search(), exists("twice"),
    tryCatch(suppressWarnings(readLines("${dir}/hidden/file")), error = function(e) "none"),
    tryCatch(suppressWarnings(readLines("${dir}/shown/file")), error = function(e) "none"),
    system("ulimit -n", intern = TRUE))`;
  const [plain, shut, caller] = ["plain", "shut", "caller"].map((name) => place.token(name, name));
  assertEquals(await place.said(plain, look), `TRUE FALSE ${SECRET} shown 256`);
  assertEquals(await place.said(shut, look), "FALSE FALSE none shown 200");
  // The server's own user has the server's own R.
  assertEquals(await place.said(undefined, look), `FALSE FALSE ${SECRET} shown 256`);

  const call = await place.rtool(caller, ["call", "twice", "-a", '{"x": 21}']);
  assertEquals(text(call.stdout), "[42]\n", text(call.stderr));
  assertEquals((await place.rtool(caller, ["send", "-e", "1"])).code, 77);
  const system = await place.rtool(caller, ["call", "base::system", "-a", '["id"]']);
  assertEquals([system.code, text(system.stdout)], [77, ""]);
  assertEquals((await place.rtool(plain, ["call", "twice", "-a", '{"x": 21}'])).code, 1);
});

Deno.test("a profile that becomes confined while the server runs is not served by an R that is not", async () => {
  await using place = await Place.open(() => "[profile.ada]\n");
  const ada = place.token("ada", "ada");
  const read = `cat(tryCatch(suppressWarnings(readLines("${place.dir}/hidden/file")),
    error = function(e) "none"), exists("x"))`;
  await place.said(ada, "x <- 1");
  assertEquals(await place.said(ada, read), `${SECRET} TRUE`);
  const slow = `cat("began"); while (!file.exists("${place.dir}/go")) Sys.sleep(0.02); cat("done")`;
  const running = spawnRtool(["send", "-p", `${place.server.port}`, "-s", "s", "-e", slow], {
    env: { RTOOL_TOKEN: ada! },
  });
  const reader = running.stdout.getReader();
  assertEquals(text((await reader.read()).value!), "began");
  await place.configure('[profile.ada]\nisolation = "confined"\n', "changed=profile");

  const next = await place.rtool(ada, ["send", "-e", read]);
  assertEquals(text(next.stdout), "none FALSE");
  assertStringIncludes(text(next.stderr), "was started as the configuration said then");
  // What runs may finish; what comes after it is confined.
  const waiting = place.rtool(ada, ["send", "-s", "s", "-e", read]);
  await Deno.writeTextFile(`${place.dir}/go`, "");
  assertEquals(text((await reader.read()).value!), "done");
  assertEquals(text((await waiting).stdout), "none FALSE");
  await reader.cancel();
  await running.stderr.cancel();
  assertEquals((await running.status).code, 0);
});

Deno.test("a token that is made anew with another profile has none of its old sessions", async () => {
  await using place = await Place.open(() => "[profile.a]\n[profile.b]\nspares = 1\n");
  const first = place.token("ci", "a");
  assertEquals(await place.said(first, "x <- 1; cat(exists('x'))"), "TRUE");
  revokeToken(place.tokens, "ci");
  const second = place.token("ci", "b");
  assertEquals(await place.said(second, "cat(exists('x'))"), "FALSE");
});

Deno.test("a profile that is gone, or a sandbox that cannot be had, leaves nobody with more", async () => {
  await using place = await Place.open(() => '[profile.a]\nisolation = "confined"\n');
  const token = place.token("t", "a");
  const read = `cat(file.exists("${place.dir}/hidden/file"))`;
  assertEquals(await place.said(token, read), "FALSE");
  const bad = '[profile.a]\nisolation = "confined"\nread_only = ["/no/such"]\n';
  await place.configure(bad, "configuration kept");
  assertStringIncludes(place.server.stderrText(), "Cannot use [profile.a]: Cannot show");
  assertEquals(await place.said(token, read), "FALSE");
  await place.configure("", "configuration reloaded");
  assertEquals((await place.rtool(token, ["send", "-e", read])).code, 77);
});

Deno.test("--rpy2-anonymous gives other users of rpy2's wire a profile, and no more than it allows", async () => {
  await using user = await OtherUser.create();
  const profiles = (grant: string) => `[profile.py]\ngrant = "${grant}"\nisolation = "confined"\n`;
  const args = ["--rpy2-anonymous", "py", "--audit", "-"];
  await using place = await Place.open(() => profiles("eval"), args);
  const to = ["-p", `${place.server.port}`];
  const ask = async (code: string) => {
    return text((await user.rtool(["send", ...to, "--wire", "rpy2", "-e", code])).stdout);
  };
  const read = `cat(file.exists("${place.dir}/hidden/file"), 6 * 7)`;
  assertEquals(await ask(read), "FALSE 42");
  // It is for that wire alone, and the server's own user is who it was.
  assertEquals((await user.rtool(["send", ...to, "-e", "1"])).code, 77);
  const own = await rtool(["send", ...to, "--wire", "rpy2", "-e", read]);
  assertEquals(text(own.stdout), "TRUE 42");
  assertMatch(place.server.stderrText(), /msg="job ended".* principal=rpy2 /);
  assertMatch(place.server.stderrText(), /"event":"job".*"principal":"rpy2".*"profile":"py"/);
  await place.configure(profiles("call"), "changed=profile");
  assertStringIncludes(await ask("cat(1)"), "Error: ");
  assertEquals((await ask("cat(6 * 7)")).includes("42"), false);
  await place.configure("", "configuration kept");
});

/** A server with a configuration, tokens, and a directory that some may see. */
class Place implements AsyncDisposable {
  private constructor(
    readonly server: TestServer,
    readonly dir: string,
    readonly tokens: string,
    readonly config: string,
  ) {}

  static async open(profiles: (dir: string) => string, args: readonly string[] = []) {
    const home = await Deno.makeTempDir({ prefix: "rtool-profiles-" });
    const dir = await Deno.makeTempDir({ prefix: "rtool-shown-" });
    for (const [name, content] of [["hidden", SECRET], ["shown", "shown"]]) {
      await Deno.mkdir(`${dir}/${name}`);
      await Deno.writeTextFile(`${dir}/${name}/file`, `${content}\n`);
    }
    await Deno.writeTextFile(`${dir}/functions.toml`, FUNCTIONS);
    await Deno.writeTextFile(`${dir}/functions.R`, "twice <- function(x) 2 * x\n");
    // Nothing but the sandbox is in R's way.
    await Deno.chmod(dir, 0o755);
    const [tokens, config] = [`${home}/tokens.json`, `${home}/config.toml`];
    await Deno.writeTextFile(config, profiles(dir), { mode: 0o600 });
    const user = await workerUser();
    const worker = user === undefined ? [] : ["--worker-user", user];
    const files = ["--config", config, "--tokens", tokens, ...worker];
    return new Place(await startServer([...files, ...args]), dir, tokens, config);
  }

  token(name: string, profile: string): string {
    return addToken(this.tokens, { name, profile, expiresAt: undefined }, Date.now());
  }

  rtool(token: string | undefined, [command = "", ...args]: readonly string[]): Promise<Run> {
    const env: Record<string, string> = token === undefined ? {} : { RTOOL_TOKEN: token };
    return rtool([command, "-p", `${this.server.port}`, ...args], { env });
  }

  /** What the code prints. */
  async said(token: string | undefined, code: string): Promise<string> {
    const { stdout, stderr } = await this.rtool(token, ["send", "-e", code]);
    return text(stdout) + text(stderr);
  }

  /** Writes the configuration anew and waits until the server has said this of it. */
  async configure(content: string, said: string): Promise<void> {
    await Deno.writeTextFile(this.config, content);
    const from = this.server.stderrText().length;
    Deno.kill(this.server.pid, "SIGHUP");
    const until = performance.now() + PATIENCE_MS;
    while (!this.server.stderrText().slice(from).includes(said)) {
      assert(performance.now() < until, `No '${said}' in: ${this.server.stderrText()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    for (const dir of [this.dir, this.config.replace(/\/[^/]*$/, "")]) {
      await Deno.remove(dir, { recursive: true });
    }
  }
}
