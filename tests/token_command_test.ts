/**
 * `rtool token`, and how clients find their token.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { addToken } from "../access/tokens.ts";
import { rtool, type RunOptions, text } from "./e2e/rtool.ts";
import { fakeEvaluator, PRINCIPAL, REPORT, startPort } from "./fake_port.ts";

Deno.test("`rtool token new` prints the token alone on stdout, and keeps it nowhere", async () => {
  await using home = new Home();
  const { code, stdout, stderr } = await home.rtool(["token", "new", "ci"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^rtool_[A-Za-z0-9_-]{43}\n$/);
  assertStringIncludes(stderr, "--token-file");
  assertStringIncludes(stderr, "can run any code");
  const kept = Deno.readTextFileSync(home.tokens);
  assert(!kept.includes(stdout.trim()) && !stderr.includes(stdout.trim()));
  assertEquals(Deno.statSync(home.tokens).mode! & 0o777, 0o600);
});

Deno.test("`rtool token list` shows name, profile, times and state, never the token", async () => {
  await using home = new Home();
  await home.config('[profile.reports]\ntimeout_max = "5s"\n');
  const args = ["token", "new", "ci", "--profile", "reports", "--expires", "30d"];
  const made = (await home.rtool(args)).stdout.trim();
  addToken(home.tokens, { name: "old", profile: "default", expiresAt: 1000 }, 0);
  const listed = await home.rtool(["token", "list"]);
  const rows = listed.stdout.split("\n");
  assertMatch(rows[0]!, /^NAME +PROFILE +MADE +EXPIRES +STATE$/);
  assertMatch(rows[1]!, /^ci +reports +\S+ \S+ UTC +\S+ \S+ UTC +valid$/);
  assertMatch(rows[2]!, /^old +default +1970-01-01 00:00 UTC +1970-01-01 00:00 UTC +expired$/);
  const document = JSON.parse((await home.rtool(["token", "list", "--json"])).stdout);
  const fields = ["name", "profile", "made_at", "expires_at", "state"];
  assertEquals(Object.keys(document[0]), fields);
  const lifeMs = Date.parse(document[0].expires_at) - Date.parse(document[0].made_at);
  assertEquals(lifeMs, 30 * 864e5);
  assert(!listed.stdout.includes(made) && !JSON.stringify(document).includes(made));
});

Deno.test("`rtool token revoke` forgets a token, once", async () => {
  await using home = new Home();
  await home.rtool(["token", "new", "ci"]);
  assertEquals((await home.rtool(["token", "revoke", "ci"])).code, 0);
  assertEquals(JSON.parse((await home.rtool(["token", "list", "--json"])).stdout), []);
  const again = await home.rtool(["token", "revoke", "ci"]);
  assertEquals([again.code, again.stderr.split("\n")[0]], [64, "rtool: There is no token 'ci'"]);
});

/** What `rtool token` cannot be asked, and a word of what it says. */
const WRONG: readonly (readonly [args: readonly string[], said: string])[] = [
  [["new"], "Which token is it to make?"],
  [["revoke"], "Which token is it to revoke?"],
  [["nwe", "ci"], "did you mean new?"],
  [["new", "a b"], "a token's name is"],
  [["new", "ci", "more"], "Cannot use the argument 'more'"],
  [["new", "ci", "--profile", "defautl"], "did you mean default?"],
  [["new", "ci", "--profile", "owner"], "There is no profile 'owner'"],
  [["new", "ci", "--expires", "soon"], "30d"],
  [["new", "ci", "--expires", "0d"], "30d"],
  [["new", "ci", "--expires", "3651d"], "at most 3650d"],
  [["list", "--expires", "30d"], "belongs to 'rtool token new'"],
];

for (const [args, said] of WRONG) {
  Deno.test(`\`rtool token ${args.join(" ")}\` is refused (64), and makes nothing`, async () => {
    await using home = new Home();
    const { code, stdout, stderr } = await home.rtool(["token", ...args]);
    assertEquals([code, stdout], [64, ""]);
    assertStringIncludes(stderr, said);
    assertEquals(await home.rtool(["token", "list", "--json"]).then((run) => run.stdout), "[]\n");
  });
}

Deno.test("every `rtool token` refuses a token file that others can read (78), and says chmod", async () => {
  await using home = new Home();
  await home.rtool(["token", "new", "ci"]);
  Deno.chmodSync(home.tokens, 0o644);
  for (const args of [["list"], ["new", "b"], ["revoke", "ci"]]) {
    const { code, stderr } = await home.rtool(["token", ...args]);
    assertEquals(code, 78);
    assertStringIncludes(stderr, `chmod 600 ${home.tokens}`);
  }
});

Deno.test("a server does not start with such a file, nor with a profile it does not know", async () => {
  await using home = new Home();
  await home.rtool(["token", "new", "ci"]);
  Deno.chmodSync(home.tokens, 0o640);
  const shared = await home.rtool(["serve", "--port", "0"]);
  assertEquals(shared.code, 78);
  assertStringIncludes(shared.stderr, `chmod 600 ${home.tokens}`);
  Deno.chmodSync(home.tokens, 0o600);
  addToken(home.tokens, { name: "b", profile: "gone", expiresAt: undefined }, 0);
  const orphan = await home.rtool(["serve", "--port", "0"]);
  assertEquals(orphan.code, 78);
  assertStringIncludes(orphan.stderr, "[profile.gone]");
});

Deno.test("a server does not start with a profile that asks for what it cannot have", async () => {
  await using home = new Home();
  const shut = '[profile.p]\nisolation = "confined"\n';
  const cases: readonly (readonly [text: string, args: readonly string[], said: string])[] = [
    ['[profile.p]\nisolation = "none"\n', ["--isolation", "confined"], "less than the server's"],
    [`[serve]\nisolation = "confined"\n[profile.p]\nnetwork = true\n`, [
      "--isolation",
      "none",
    ], "mean nothing to an R that is not confined"],
    [`${shut}read_only = ["${home.dir}"]\n`, [], "the server keeps"],
    [`${shut}read_write = ["${home.dir}"]\n`, [], "the server keeps"],
    [
      `${shut}read_write = ["${home.dir}/x"]\n[profile.q]\ninit = "${home.dir}/x/init.R"\n`,
      [],
      "the server keeps",
    ],
    ["", ["--rpy2-anonymous", "p"], "There is no profile 'p' for --rpy2-anonymous"],
  ];
  for (const [text, args, said] of cases) {
    await home.config(text);
    const { code, stderr } = await home.rtool(["serve", "--port", "0", ...args]);
    assertEquals(code, 78, stderr);
    assertStringIncludes(stderr, said);
  }
});

Deno.test("every client shows the token of --token-file, RTOOL_TOKEN or RTOOL_TOKEN_FILE, in this order", async () => {
  await using home = new Home();
  const [a, b, c] = ["a", "b", "c"].map((letter) => `rtool_${letter.repeat(43)}`);
  const [fileA, fileC] = [home.secret("a", `${a}\n`), home.secret("c", c!)];
  const seen: (string | undefined)[] = [];
  await using port = startPort(fakeEvaluator({ report: () => Promise.resolve(REPORT) }), {
    admit: (_link, token) => {
      seen.push(token);
      return Promise.resolve(PRINCIPAL);
    },
  });
  const ask = (args: readonly string[], env = {}) =>
    home.rtool([args[0]!, "-p", `${port.port}`, ...args.slice(1)], { env });
  const all = { RTOOL_TOKEN: b!, RTOOL_TOKEN_FILE: fileC };
  await ask(["jobs", "--token-file", fileA], all);
  await ask(["jobs"], all);
  await ask(["jobs"], { RTOOL_TOKEN_FILE: fileC });
  await ask(["jobs"]);
  assertEquals(seen.splice(0), [a, b, c, undefined]);
  const commands = ["send -e 1", "call f", "attach 123456", "jobs", "cancel 123456"];
  commands.push("sessions", "top", "ping");
  for (const command of commands) {
    await ask(command.split(" "), { RTOOL_TOKEN: b! });
    assertEquals(seen.splice(0), [b], command);
  }
});

Deno.test("a client's token file that others can read, or that holds none, is refused (78) and not shown", async () => {
  await using home = new Home();
  const shared = home.secret("shared", `rtool_${"a".repeat(43)}`);
  Deno.chmodSync(shared, 0o644);
  const other = home.secret("other", "hunter2");
  const cases = [[shared, "chmod 600"], [other, "holds no token"], ["/none", "no such file"]];
  for (const [path, said] of cases) {
    const { code, stderr } = await home.rtool(["ping", "-p", "1", "--token-file", path!]);
    assertEquals(code, 78, stderr);
    assertStringIncludes(stderr, said!);
    assert(!stderr.includes("hunter2"));
  }
});

Deno.test("a token is never sent beyond this machine in plain text (77)", async () => {
  const address = Deno.networkInterfaces().find(({ family, address }) => {
    return family === "IPv4" && !address.startsWith("127.");
  })?.address;
  assert(address, "This machine has no address but loopback");
  await using home = new Home();
  using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const heard = listener.accept().then(async (conn) => {
    const bytes = await conn.read(new Uint8Array(1000)).catch(() => null);
    conn.close();
    return bytes;
  });
  const to = ["--hostname", address, "-p", `${listener.addr.port}`];
  const env = { RTOOL_TOKEN: `rtool_${"a".repeat(43)}` };
  const { code, stderr } = await home.rtool(["ping", ...to], { env });
  assertEquals(code, 77);
  assertStringIncludes(stderr, "TLS");
  assertEquals(await heard, null);
});

Deno.test("--token-file is refused on the rpy2 wire, which has no word for it", async () => {
  await using home = new Home();
  const args = ["send", "--wire", "rpy2", "--token-file", "f", "-e", "1"];
  const { code, stderr } = await home.rtool(args);
  assertEquals(code, 64);
  assertStringIncludes(stderr, "--token-file");
});

/** A home directory in which rtool finds its files. */
class Home implements AsyncDisposable {
  readonly dir = Deno.makeTempDirSync({ prefix: "rtool-home-" });
  readonly tokens = `${this.dir}/rtool/tokens.json`;

  async config(content: string): Promise<void> {
    await Deno.mkdir(`${this.dir}/rtool`, { recursive: true });
    await Deno.writeTextFile(`${this.dir}/rtool/config.toml`, content);
  }

  secret(name: string, content: string): string {
    Deno.writeTextFileSync(`${this.dir}/${name}`, content, { mode: 0o600 });
    return `${this.dir}/${name}`;
  }

  async rtool(args: readonly string[], { env = {} }: RunOptions = {}) {
    const { code, stdout, stderr } = await rtool(args, {
      env: { XDG_CONFIG_HOME: this.dir, TMPDIR: this.dir, ...env },
    });
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}
