/**
 * `rtool serve --isolation required`: what its users cannot do, and when it does not start.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { confinedArgs, makeNoSandbox, sleepers } from "../confined.ts";
import { OtherUser } from "./other_user.ts";
import { rtool, startServer, type TestServer, text } from "./rtool.ts";

// The server's pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

let server: TestServer;

Deno.test.beforeAll(async () => {
  server = await startServer(await confinedArgs("required"));
});

Deno.test.afterAll(() => server[Symbol.asyncDispose]());

Deno.test("what a session left running ends with the session", ACROSS_TESTS, async () => {
  const hide = "system('(env -i setsid sleep 617 </dev/null >/dev/null 2>&1 &)'); Sys.sleep(0.2)";
  await server.send(["-s", "daemon", "-e", hide]);
  assertEquals(sleepers(617).length, 1);
  await kill("daemon");
  assertEquals(sleepers(617).length, 0);
});

Deno.test("a confined server keeps its promise of files and output", ACROSS_TESTS, async () => {
  const cwd = await Deno.makeTempDir();
  await Deno.writeTextFile(`${cwd}/in.csv`, "a\n6\n7\n");
  const code =
    "write.csv(data.frame(b = prod(read.csv('in.csv')$a)), 'out.csv', row.names = FALSE)";
  const args = ["--put", "in.csv", "--get", "out.csv", "-e", code];
  const { code: status, stderr } = await server.send(args, { cwd });
  assertEquals([status, text(stderr)], [0, ""]);
  assertEquals(await Deno.readTextFile(`${cwd}/out.csv`), '"b"\n42\n');
  await Deno.remove(cwd, { recursive: true });
});

Deno.test("nothing of a confined server survives its kill", ACROSS_TESTS, async () => {
  const other = await startServer(await confinedArgs("confined"));
  await other.send(["-e", "system('(env -i setsid sleep 618 </dev/null >/dev/null 2>&1 &)')"]);
  await other.stop("SIGKILL");
  for (let round = 0; round < 100 && sleepers(618).length > 0; round++) await pause(20);
  assertEquals(sleepers(618).length, 0);
  await other[Symbol.asyncDispose]();
});

Deno.test("a server says what its probes have found", ACROSS_TESTS, () => {
  const said = [...server.stderrText().matchAll(/msg=probe name=(\w+) result=(\S+)/g)];
  assertEquals(said.length, 18);
  assertEquals(said.every(([, , result]) => result === "held"), true);
});

Deno.test("a server that cannot confine R does not start, and says what is missing", async () => {
  const bin = await Deno.makeTempDir();
  await Deno.chmod(bin, 0o755);
  const path = Deno.env.get("PATH")!.split(":");
  for (const name of ["sh", "R", "cat", "sed", "uname"]) await link(name, path, bin);
  const none = await refused(await confinedArgs("confined"), { PATH: bin });
  assertStringIncludes(none, "there is no bubblewrap");
  assertStringIncludes(none, "apt install bubblewrap");
  const open = await makeNoSandbox();
  const out = await refused(await confinedArgs("confined"), {
    PATH: `${open}:${Deno.env.get("PATH")}`,
  });
  assertStringIncludes(out, "it gets out of the sandbox (");
  assertStringIncludes(out, "read_server_files");
  for (const dir of [bin, open]) await Deno.remove(dir, { recursive: true });
});

Deno.test("a directory for sessions that R's user may not enter is told, and what to do", async () => {
  if (Deno.uid() !== 0) return;
  const closed = await Deno.makeTempDir();
  const args = await confinedArgs("confined");
  const said = await refused(args, { TMPDIR: closed });
  assertMatch(said, /^rtool: Cannot run R as '.*': it may not enter .*\nrtool: set TMPDIR to /);
  const { code, stdout } = await rtool(["doctor", ...args], { env: { TMPDIR: closed } });
  assertEquals(code, 1);
  assertMatch(text(stdout), /^confined R +missing +Cannot run R as .*it may not enter/m);
  await Deno.remove(closed, { recursive: true });
});

Deno.test("a TMPDIR that is not there is told, and what to do", async () => {
  const said = await refused([], { TMPDIR: "/nowhere" });
  assertMatch(said, /^rtool: Cannot make a directory for sessions: .*\nrtool: let TMPDIR name /);
});

Deno.test("a script that R's user cannot be shown is told, and why", async () => {
  const args = [...await confinedArgs("confined"), "--init"];
  const missing = await refused([...args, "/nowhere/init.R"]);
  assertMatch(missing, /^rtool: Cannot show "\/nowhere\/init.R" to R: there is no such file/);
  if (Deno.uid() !== 0) return;
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/init.R`, "x <- 1\n");
  for (const mode of [0o700, 0o711]) {
    await Deno.chmod(dir, mode);
    await Deno.chmod(`${dir}/init.R`, 0o600);
    const said = await refused([...args, `${dir}/init.R`]);
    assertMatch(said, /^rtool: Cannot show ".*" to R: the user '.*' may not read it\nrtool: let /);
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("R of the server's own user is not granted the network, where it would be let in as that user", async () => {
  const config = '[profile.net]\nisolation = "confined"\nnetwork = true\n';
  await using user = await OtherUser.create();
  const file = await user.write("config.toml", config, 0o600);
  const { code, stderr } = await user.rtool(["serve", "--port", "0", "--config", file]);
  assertEquals(code, 78, text(stderr));
  assertMatch(
    text(stderr),
    /\[profile.net\]: Cannot grant the network .* own user.*\n.*--worker-user/,
  );
});

Deno.test("a root that confines R must name a user that there is, and that is not root", async () => {
  if (Deno.uid() !== 0) return;
  const cases = [[], ["--worker-user", "nobody-has-this-name"], ["--worker-user", "root"]];
  for (const args of cases) {
    const profile = await Deno.makeTempFile({ suffix: ".toml" });
    await Deno.writeTextFile(profile, '[profile.p]\nisolation = "confined"\n');
    for (const asked of [["--isolation", "confined"], ["--config", profile]]) {
      const said = await refused([...asked, ...args]);
      assertStringIncludes(said, "useradd --system");
      assertStringIncludes(said, "--worker-user rtool-worker");
    }
    await Deno.remove(profile);
  }
});

/** What a server says that does not start. */
async function refused(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stderr } = await rtool(["serve", "--port", "0", ...args], { env });
  assertEquals(code, 78, text(stderr));
  return text(stderr);
}

async function kill(session: string): Promise<void> {
  await rtool(["sessions", "-p", String(server.port), "kill", session]);
}

async function link(name: string, path: readonly string[], to: string): Promise<void> {
  for (const dir of path) {
    const found = await Deno.realPath(`${dir}/${name}`).catch(() => undefined);
    if (found !== undefined) return await Deno.symlink(found, `${to}/${name}`);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
