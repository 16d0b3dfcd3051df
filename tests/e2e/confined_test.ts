/**
 * `rtool serve --isolation required`: what its users cannot do, and when it does not start.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { workerUser } from "../confined.ts";
import { EVASIONS, ORACLES } from "./escapes.ts";
import { rtool, startServer, type TestServer, text } from "./rtool.ts";

const SIDE_BY_SIDE = 4;

// The server's pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

const SECRET = crypto.randomUUID();

let server: TestServer;
let outside: string;
let listener: Deno.TcpListener;
let reached = 0;

Deno.test.beforeAll(async () => {
  server = await startServer(await asWorker("required"), { env: { SERVER_SECRET: SECRET } });
  outside = await Deno.makeTempDir({ prefix: "rtool-outside-" });
  await Deno.writeTextFile(`${outside}/secret`, `${SECRET}\n`);
  for (const path of [outside, `${outside}/secret`]) await Deno.chmod(path, 0o777);
  listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void accept(listener);
});

Deno.test.afterAll(async () => {
  listener.close();
  await server[Symbol.asyncDispose]();
  await Deno.remove(outside, { recursive: true });
});

Deno.test("what R runs past any list of names is still confined", ACROSS_TESTS, async () => {
  const attempts = EVASIONS.map((code, index) => {
    const ran = `r${index}r`;
    const shell = [
      ...[`cat ${outside}/secret`, `echo > ${outside}/canary`, `echo > /usr/rtool-canary`],
      ...[`kill -9 ${server.pid}`, "setsid sleep 616 >/dev/null 2>&1 &", `echo ${ran}`],
    ].join("; ").replace("&;", "&");
    return { code: `P <- ${JSON.stringify(shell)}\n${code}\n`, ran };
  });
  const silent = await inTurns(attempts, async ({ code, ran }, lane) => {
    const { stdout } = await server.send(["-s", `evade-${lane}`, "-"], { stdin: code });
    assertHeld(code, stdout);
    return text(stdout).includes(ran) ? [] : [code];
  });
  assertEquals(silent, [], "These did not run, and prove nothing");
  for (let lane = 0; lane < SIDE_BY_SIDE; lane++) await kill(`evade-${lane}`);
  assertEquals(sleeping("616"), 0);
});

Deno.test(
  "no function of R finds, reads, writes or reaches what lies outside",
  ACROSS_TESTS,
  async () => {
    const { port } = listener.addr;
    const names = `SECRET <- '${outside}/secret'; DIR <- '${outside}'; ` +
      `CANARY <- '${outside}/canary'; PORT <- ${port}L\n`;
    await inTurns(ORACLES, async (code, lane) => {
      const { stdout } = await server.send(["-s", `ask-${lane}`, "-"], { stdin: names + code });
      assertHeld(code, stdout);
      assertEquals(text(stdout).includes("reached"), false, code);
      return [];
    });
    assertEquals(reached, 0);
  },
);

Deno.test("what a session left running ends with the session", ACROSS_TESTS, async () => {
  const hide = "system('(env -i setsid sleep 617 </dev/null >/dev/null 2>&1 &)'); Sys.sleep(0.2)";
  await server.send(["-s", "daemon", "-e", hide]);
  assertEquals(sleeping("617"), 1);
  await kill("daemon");
  assertEquals(sleeping("617"), 0);
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
  const other = await startServer(await asWorker("confined"));
  await other.send(["-e", "system('(env -i setsid sleep 618 </dev/null >/dev/null 2>&1 &)')"]);
  await other.stop("SIGKILL");
  for (let round = 0; round < 100 && sleeping("618") > 0; round++) await pause(20);
  assertEquals(sleeping("618"), 0);
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
  const none = await refused(await asWorker("confined"), { PATH: bin });
  assertStringIncludes(none, "there is no bubblewrap");
  assertStringIncludes(none, "apt install bubblewrap");
  // One that shuts nothing in.
  const fake = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n';
  await Deno.writeTextFile(`${bin}/bwrap`, fake, { mode: 0o755 });
  const out = await refused(await asWorker("confined"), { PATH: `${bin}:${path.join(":")}` });
  assertStringIncludes(out, "it gets out of the sandbox (");
  assertStringIncludes(out, "read_server_files");
  await Deno.remove(bin, { recursive: true });
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

async function asWorker(level: "confined" | "required"): Promise<string[]> {
  const user = await workerUser();
  return ["--isolation", level, ...(user === undefined ? [] : ["--worker-user", user])];
}

/** What a server says that does not start. */
async function refused(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stderr } = await rtool(["serve", "--port", "0", ...args], { env });
  assertEquals(code, 78, text(stderr));
  return text(stderr);
}

async function kill(session: string): Promise<void> {
  await rtool(["sessions", "-p", String(server.port), "kill", session]);
}

function assertHeld(code: string, stdout: Uint8Array): void {
  assertEquals(text(stdout).includes(SECRET), false, `read what lies outside: ${code}`);
  const names = Array.from(Deno.readDirSync(outside), ({ name }) => name);
  assertEquals(names, ["secret"], `wrote outside: ${code}`);
  const usr = Array.from(Deno.readDirSync("/usr"), ({ name }) => name);
  assertEquals(usr.includes("rtool-canary"), false, `wrote to /usr: ${code}`);
}

/** Some at a time, each in its lane's turn; what they return, together. */
async function inTurns<T>(
  all: readonly T[],
  attempt: (each: T, lane: number) => Promise<string[]>,
): Promise<string[]> {
  const open = [...all];
  const lanes = Array.from({ length: SIDE_BY_SIDE }, async (_, lane) => {
    const found: string[] = [];
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      found.push(...await attempt(next, lane));
    }
    return found;
  });
  return (await Promise.all(lanes)).flat();
}

async function accept(from: Deno.TcpListener): Promise<void> {
  try {
    for (;;) {
      (await from.accept()).close();
      reached++;
    }
  } catch {
    // Closed at the end.
  }
}

function sleeping(seconds: string): number {
  return Array.from(Deno.readDirSync("/proc")).filter(({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/${name}/cmdline`) === `sleep\0${seconds}\0`;
    } catch {
      return false;
    }
  }).length;
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
