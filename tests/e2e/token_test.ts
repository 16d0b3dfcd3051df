/**
 * Tokens as users of one machine meet them: a second user with and without one, and every command
 * as each kind of principal, those with certificates among them. The table of docs/security.md says
 * who is let in.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { addToken, revokeToken } from "../../access/tokens.ts";
import { makeClient } from "../../cli/make_certificates.ts";
import { ALICE, AUTHORITY, STRANGER, TlsPlace, TODAY } from "../tls_place.ts";
import { OtherUser } from "./other_user.ts";
import type { Run, RunOptions } from "./processes.ts";
import { rtool, startServer, type TestServer, text } from "./rtool.ts";

const NO_JOB = "0".repeat(32);

/** Every command of a client, and how it ends when it is let in. */
const COMMANDS: readonly (readonly [args: readonly string[], status: number])[] = [
  [["send", "-e", "1"], 0],
  [["attach", NO_JOB], 64],
  [["jobs"], 0],
  [["cancel", NO_JOB], 64],
  [["sessions"], 0],
  [["top"], 0],
  [["call", "base::nchar", "--args", '["abc"]'], 0],
  [["ping"], 0],
];

Deno.test("each kind of principal may do what the table of docs/security.md says, with every command", async () => {
  await using place = await Place.open();
  const args = ["--tokens", place.tokens, "--rpy2-anonymous", "default"];
  await using server = await startServer(args);
  const kinds = new Map(place.kinds);
  kinds.set("other user, `--rpy2-anonymous`", { isOther: true, token: undefined, server });
  const rows = await tableRows();
  assertEquals(rows.map(([who]) => who).sort(), [...kinds.keys()].sort());
  for (const [who, native, rpy2] of rows) {
    const found = kinds.get(who)!;
    const codes = await Promise.all(COMMANDS.map(([args]) => place.run(found, args)));
    const expected = COMMANDS.map(([, status]) => native === "allowed" ? status : 77);
    assertEquals(codes.map(({ code }) => code), expected, who);
    const said = await place.run(found, ["send", "--wire", "rpy2", "-e", "cat(6 * 7)"]);
    const isServed = text(said.stdout) === "42";
    assertEquals(isServed ? "allowed" : "refused", rpy2, `${who}: ${text(said.stdout)}`);
  }
});

Deno.test("another user is refused in one line with 77, and told of tokens; with one it is served", async () => {
  await using place = await Place.open();
  const { user, server } = place;
  const to = ["-p", `${server.port}`];
  const refused = await user.rtool(["send", ...to, "-e", "1"]);
  assertEquals([refused.code, text(refused.stdout)], [77, ""]);
  assertStringIncludes(text(refused.stderr), `You are user ${user.uid}; `);
  assertStringIncludes(text(refused.stderr), "--token-file or RTOOL_TOKEN");
  assertEquals(text(refused.stderr).trim().split("\n").length, 1);
  const file = await user.write("token", place.add("file"), 0o600);
  const served = await user.rtool(["send", ...to, "--token-file", file, "-e", "x <- 1; x"]);
  assertEquals([served.code, text(served.stdout)], [0, "[1] 1\n"], text(served.stderr));
  await Deno.chmod(file, 0o644);
  const shared = await user.rtool(["send", ...to, "--token-file", file, "-e", "1"]);
  assertEquals(shared.code, 78);
  assertStringIncludes(text(shared.stderr), `chmod 600 ${file}`);
});

Deno.test("principals have their own sessions, and see nothing of each other", async () => {
  await using place = await Place.open();
  const { user, server } = place;
  await server.send(["-e", "secret <- 1"]);
  const [a, b] = [place.add("a"), place.add("b")];
  const send = (token: string, code: string) => {
    return user.rtool(["send", "-p", `${server.port}`, "-e", code], {
      env: { RTOOL_TOKEN: token },
    });
  };
  assertEquals(text((await send(a, "mine <- 1; exists('secret')")).stdout), "[1] FALSE\n");
  assertEquals(text((await send(b, "exists('mine')")).stdout), "[1] FALSE\n");
  const listed = await user.rtool(["sessions", "--json", "-p", `${server.port}`], {
    env: { RTOOL_TOKEN: b },
  });
  const owners = JSON.parse(text(listed.stdout)).map((each: { owner: string }) => each.owner);
  assertEquals(owners.length, 1);
  assert(!text(listed.stdout).includes("token:a"), text(listed.stdout));
});

Deno.test("another user reads neither token file nor audit nor the directory of the server", async () => {
  await using place = await Place.open();
  place.add("a");
  await rtool(["ping", "-p", `${place.server.port}`]); // The audit has a line.
  await Deno.chmod(place.tokens.replace(/\/[^/]*$/, ""), 0o755);
  for (const path of [place.tokens, place.audit]) {
    assert(Deno.statSync(path).size > 0, path);
    assert((await place.user.run(["cat", path])).code !== 0, path);
  }
  const list = await place.user.rtool(["token", "list", "--tokens", place.tokens]);
  assertEquals(list.code, 78);
  assertStringIncludes(text(list.stderr), "permission denied");
  const { dir } = place.server;
  await Deno.chmod(dir, 0o755); // What is in it protects itself.
  assertEquals((await place.user.run(["ls", dir])).code, 0);
  const states = [...Deno.readDirSync(dir)].filter(({ name }) => /^rtool-\d+-/.test(name));
  assertEquals(states.length, 1);
  assert((await place.user.run(["ls", `${dir}/${states[0]!.name}`])).code !== 0);
});

Deno.test("a token file of another user is refused at start (78)", async () => {
  await using place = await Place.open();
  const theirs = await place.user.write("tokens.json", '{"version":1,"tokens":[]}', 0o600);
  const { code, stderr } = await rtool(["serve", "--port", "0", "--tokens", theirs]);
  assertEquals(code, 78);
  assertStringIncludes(text(stderr), `belongs to user ${place.user.uid}`);
});

Deno.test("a token that is revoked is refused at once, and the log names neither", async () => {
  await using place = await Place.open();
  const { server } = place;
  const env = { RTOOL_TOKEN: place.add("short") };
  assertEquals((await server.send(["-e", "1"], { env })).code, 0);
  revokeToken(place.tokens, "short");
  const refused = await server.send(["-e", "1"], { env });
  assertEquals(refused.code, 77);
  assertStringIncludes(text(refused.stderr), "wrong, expired or revoked");
  assertStringIncludes(server.stderrText(), "msg=refused peer=127.0.0.1:");
  assertStringIncludes(server.stderrText(), 'reason="wrong token"');
  assert(!server.stderrText().includes(env.RTOOL_TOKEN));
});

/** Who runs a command, and with which token; under TLS with these options. */
interface Kind {
  readonly isOther: boolean;
  readonly token: string | undefined;
  readonly tls?: readonly string[];
  /** @default {the server of the place} */
  readonly server?: TestServer;
}

/** A server with a token file, and a second user beside it. */
class Place implements AsyncDisposable {
  readonly kinds: Map<string, Kind>;

  private constructor(
    readonly server: TestServer,
    readonly user: OtherUser,
    readonly tokens: string,
    readonly audit: string,
    /** Under TLS, with the same tokens. */
    readonly secured: TestServer,
  ) {
    const right = this.add("right");
    const expired = this.add("expired", 1000);
    const revoked = this.add("revoked");
    revokeToken(tokens, "revoked");
    const wrong = `rtool_${"A".repeat(43)}`;
    const own = (token?: string): Kind => ({ isOther: false, token });
    const other = (token?: string): Kind => ({ isOther: true, token });
    this.kinds = new Map([
      ["own user", own()],
      ["own user, right token", own(right)],
      ["own user, wrong token", own(wrong)],
      ["other user", other()],
      ["other user, wrong token", other(wrong)],
      ["other user, expired token", other(expired)],
      ["other user, revoked token", other(revoked)],
      ["other user, right token", other(right)],
    ]);
  }

  static async open(): Promise<Place> {
    const dir = await Deno.makeTempDir({ prefix: "rtool-place-" });
    const [tokens, audit] = [`${dir}/tokens.json`, `${dir}/audit.jsonl`];
    const user = await OtherUser.create();
    await Deno.writeTextFile(`${dir}/config.toml`, '[certificate.alice]\nprofile = "default"\n');
    const certificates = new TlsPlace();
    const { cert } = certificates.serverFiles();
    const configured = ["--tokens", tokens, "--config", `${dir}/config.toml`];
    const place = new Place(
      await startServer(["--tokens", tokens, "--audit", audit]),
      user,
      tokens,
      audit,
      await startServer([...configured, "--tls-cert", cert]),
    );
    certificates[Symbol.dispose]();
    await place.addCertificates();
    return place;
  }

  /** Each user has files of its own: nobody reads the key of another. */
  async addCertificates(): Promise<void> {
    const right = this.kinds.get("other user, right token")?.token;
    const shown = [
      ["right certificate", ALICE],
      ["certificate without a table", await makeClient(AUTHORITY, "mallory", TODAY)],
      ["certificate of another authority", await makeClient(STRANGER, "alice", TODAY)],
    ] as const;
    for (const who of ["own user", "other user"]) {
      const isOther = who === "other user";
      const write = async (name: string, content: string) => {
        const path = await this.user.write(`${who[1]}-${name}`, content, 0o600);
        if (!isOther) await Deno.chown(path, Deno.uid(), Deno.gid());
        return path;
      };
      const ca = ["--tls-ca", await write("ca.pem", AUTHORITY.cert)];
      this.kinds.set(`${who} under TLS`, { isOther, token: undefined, tls: ca });
      this.kinds.set(`${who} under TLS, right token`, { isOther, token: right, tls: ca });
      for (const [what, { cert, key }] of shown) {
        const files = ["--tls-cert", await write(`${what[0]}${what.length}.pem`, cert)];
        await write(`${what[0]}${what.length}.key`, key);
        this.kinds.set(`${who}, ${what}`, { isOther, token: undefined, tls: [...ca, ...files] });
      }
    }
  }

  add(name: string, expiresAt: number | undefined = undefined): string {
    return addToken(this.tokens, { name, profile: "default", expiresAt }, 0);
  }

  run({ isOther, token, tls, server }: Kind, args: readonly string[]): Promise<Run> {
    const [command = "", ...rest] = args;
    const { port } = server ?? (tls ? this.secured : this.server);
    const whole = [command, "-p", `${port}`, ...tls ?? [], ...rest];
    const options: RunOptions = token === undefined ? {} : { env: { RTOOL_TOKEN: token } };
    return isOther ? this.user.rtool(whole, options) : rtool(whole, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.secured[Symbol.asyncDispose]();
    await this.user[Symbol.asyncDispose]();
    await Deno.remove(this.tokens.replace(/\/[^/]*$/, ""), { recursive: true });
  }
}

/** The rows of the table of who may connect. */
async function tableRows(): Promise<readonly (readonly [string, string, string])[]> {
  const page = await Deno.readTextFile(new URL("../../docs/security.md", import.meta.url));
  const rows = page.matchAll(/^\| ((?:own|other) user[^|]*?) *\| (\w+) +\| (\w+) +\|$/gm);
  return [...rows].map(([, who = "", native = "", rpy2 = ""]) => [who, native, rpy2]);
}
