/**
 * Faults under load: whatever dies, vanishes, stalls or runs full, every job has one outcome in
 * time, nobody sees another's output, and nothing is left behind.
 *
 * `RTOOL_SOAK` multiplies how much is done (`deno task test:soak`); without it the faults are as
 * many as CI has time for.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { bareRequest } from "../../core/job.ts";
import { maybeResident, maybeStat, sendSignal } from "../../engine/process_table.ts";
import { ATTACKS } from "./attacks.ts";
import { run, start } from "./processes.ts";
import { RTOOL, rtool, spawnRtool, startServer, TestServer, text } from "./rtool.ts";
import { connect, type Counts, storm } from "./storm.ts";

const SOAK = Number(Deno.env.get("RTOOL_SOAK") ?? 1);

/** Attacks that end by themselves soon, and touch nothing but their session. */
const SHORT_ATTACKS = ATTACKS.filter(({ stays, limit }) => !stays && limit === undefined);

Deno.test("R killed at random under 200 clients: each job has one outcome, and the rest go on", async () => {
  await using server = await startServer(["--quiet", "--queue-max", "1000", "--jobs-max", "8"]);
  const over = new AbortController();
  const killing = killAtRandom(server, over.signal);
  const counts = await storm(server, { clients: 200, jobs: 2000 * SOAK, sessions: 8 });
  over.abort();
  const killed = await killing;
  tell("killed at random", { ...counts, killed });
  assert((counts["ok"] ?? 0) > 1500 * SOAK && killed > 5);
  assertOnly(counts, ["ok", "crashed"]);
  await assertServes(server);
});

Deno.test("R stopped by SIGSTOP: its job ends at its time limit, and the session has a new R", async () => {
  await using server = await startServer(["--quiet", "--stop-grace", "300ms"]);
  for (let round = 0; round < 2 * SOAK; round++) {
    const pid = Number(text((await server.send(["-e", "cat(Sys.getpid())"])).stdout));
    const job = server.send(["-t", "1s", "-e", "Sys.sleep(60)"]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    Deno.kill(pid, "SIGSTOP");
    assertEquals((await job).code, 124);
    await assertServes(server);
  }
});

Deno.test("attacks mixed in at 1%: nobody else's job notices", async () => {
  await using server = await startServer(["--quiet", "--queue-max", "1000"]);
  const code = (index: number) =>
    index % 100 === 50 ? SHORT_ATTACKS[(index / 100 | 0) % SHORT_ATTACKS.length]!.code : undefined;
  // What shares a session with an attack may end with its R: these have sessions of their own.
  const jobs = { clients: 50, jobs: 2000 * SOAK, sessions: 50, code, timeoutMs: 8000 };
  const counts = await storm(server, jobs);
  tell("attacks at 1%", counts);
  assert((counts["ok"] ?? 0) > 1900 * SOAK);
  await assertServes(server);
});

Deno.test("clients that vanish mid-stream take their jobs with them, and nothing else", async () => {
  await using server = await startServer(["--quiet", "--sessions-max", "200"]);
  const vanish = async (index: number) => {
    const client = await connect(server);
    const request = bareRequest("repeat cat(strrep('x', 1e4))", `v${index % 16}`);
    for await (const event of client.submit({ ...request, session: undefined }).events) {
      if (event.kind === "stdout") break;
    }
    await client[Symbol.asyncDispose]();
  };
  let next = 0;
  const total = 100 * (SOAK === 1 ? 1 : 100);
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (next < total) await vanish(next++);
  }));
  await until(async () => (await report(server)).running === 0, "Jobs outlived their clients");
  await assertServes(server);
  tell("vanished", { clients: total });
});

Deno.test("slow readers hold up nobody but themselves, and lose nothing", async () => {
  await using server = await startServer(["--quiet"]);
  const bytes = 3_000_000;
  const slow = [1, 2, 3].map(async (n) => {
    await using client = await connect(server);
    let got = 0;
    const request = bareRequest(`cat(strrep('x', ${bytes}))`, `slow${n}`);
    for await (const event of client.submit(request).events) {
      if (event.kind !== "stdout") continue;
      got += event.bytes.length;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assertEquals(got, bytes);
  });
  const counts = await storm(server, { clients: 10, jobs: 300 * SOAK, sessions: 4 });
  assertEquals(counts, { ok: 300 * SOAK });
  await Promise.all(slow);
});

Deno.test("SIGTERM under load: each job ends, nobody hangs, and the server exits with 0", async () => {
  for (let round = 0; round < 2 * (SOAK === 1 ? 1 : 25); round++) {
    await using server = await startServer(["--quiet", "--drain", "2s", "--queue-max", "500"]);
    const jobs = storm(server, { clients: 40, jobs: 400, sessions: 4 });
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 300));
    const { code } = await server.stop();
    assertEquals(code, 0);
    assertOnly(await jobs, ["ok", "rejected", "cancelled", "lost"]);
  }
});

Deno.test("kill -9 of the server: no R and nothing it has started is alive a second later", async () => {
  for (let round = 0; round < 2 * (SOAK === 1 ? 1 : 25); round++) {
    const dir = await Deno.makeTempDir({ prefix: "rtool-e2e-" });
    const child = spawnRtool(["serve", "--port", "0", "--quiet"], { env: { TMPDIR: dir } });
    const server = new TestServer(child, dir);
    await server.ready;
    const busy = ["Sys.sleep(100)", "system('sleep 100')", "parallel::mclapply(1:2, Sys.sleep)"];
    const more = "system('setsid sleep 100 &'); repeat sqrt(2)";
    const jobs = [...busy, more].map((code, n) => server.send(["-s", `k${n}`, "-e", code]));
    jobs.push(server.send(["--fresh", "-e", "Sys.sleep(100)"]));
    await until(async () => (await workersOf(server)).length >= 5, "R did not start");
    await new Promise((resolve) => setTimeout(resolve, 400)); // What they start is there, too.
    child.kill("SIGKILL");
    for (const { code } of await Promise.all(jobs)) assertEquals(code, 76);
    const killedAt = performance.now();
    await until(async () => (await workersOf(server)).length === 0, "R outlived its server", 1500);
    assert(performance.now() - killedAt < 1500);
    await server.stop();
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a full disk: what R could not write is no success, and there is a next job", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-disk-" });
  const mounted = await run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", dir]);
  // Without the right to mount, a bound that no disk can hold stands for a full one.
  const args = mounted.code === 0 ? [] : ["--disk-left-min", "8000GiB"];
  try {
    await using server = await startServer(["--quiet", ...args], { env: { TMPDIR: dir } });
    const fill =
      "f <- file(tempfile(), 'wb'); for (i in 1:60) try(writeBin(raw(1e6), f), TRUE); close(f)";
    const full = await server.send(["--fresh", "-e", fill]);
    assertEquals(full.code, 1);
    assertMatch(text(full.stderr), /disk/);
    if (mounted.code === 0) await assertServes(server);
  } finally {
    if (mounted.code === 0) await run(["umount", "-l", dir]);
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("no file descriptor left: clients are told or wait, and all is well when some are free", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-e2e-" });
  const command = ["sh", "-c", 'ulimit -S -n 90; exec "$@"', "sh", ...RTOOL];
  const child = start([...command, "serve", "--port", "0", "--quiet"], { env: { TMPDIR: dir } });
  await using server = new TestServer(child, dir);
  await server.ready;
  const sends = Array.from(
    { length: 40 },
    (_, n) => server.send(["-t", "20s", "-s", `fd${n}`, "-e", "cat(6*7)"]),
  );
  for (const { code, stdout } of await Promise.all(sends)) {
    if (code === 0) assertEquals(text(stdout), "42");
    else assert([69, 75, 76].includes(code), `Wrong status ${code}`);
  }
  await until(
    async () => (await server.send(["-e", "cat(6*7)"])).code === 0,
    "It did not recover",
    30_000,
  );
});

Deno.test("R missing, too old or dying at its start is named, by the server and to each job", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-fakes-" });
  const fakes: readonly (readonly [string, string | undefined, RegExp])[] = [
    ["missing", undefined, /Cannot start R/],
    ["dying", "#!/bin/sh\necho 'cannot find libR.so' >&2; exit 127\n", /cannot find libR\.so/],
    ["silent", "#!/bin/sh\nexit 3\n", /Cannot start R: it ended at once/],
    ["old", OLD_R, /rtool needs R 4\.0 or newer, this is 3\.6\.3/],
  ];
  for (const [name, source, expected] of fakes) {
    const path = `${dir}/${name}`;
    if (source !== undefined) await Deno.writeTextFile(path, source, { mode: 0o755 });
    const { code, stderr } = await rtool(["serve", "--port", "0", "--r", path]);
    assertEquals(code, 69, name);
    assertMatch(text(stderr), expected);
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("an R that cannot be started any more is tried again, but not in a loop", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-fakes-" });
  const path = `${dir}/R`;
  await Deno.writeTextFile(path, `#!/bin/sh\necho x >> ${dir}/starts\nexec R "$@"\n`, {
    mode: 0o755,
  });
  await using server = await startServer(["--r", path, "--start", "spawn", "--spares", "1"]);
  await assertServes(server);
  await Deno.writeTextFile(path, `#!/bin/sh\necho x >> ${dir}/starts\nexit 9\n`);
  await server.send(["-e", "quit()"]);
  const refused = [];
  for (let n = 0; n < 10; n++) refused.push((await server.send(["-s", `n${n}`, "-e", "1"])).code);
  assert(refused.includes(69), String(refused));
  const starts = (await Deno.readTextFile(`${dir}/starts`)).length / 2;
  assert(starts < 12, `R was started ${starts} times`);
  await Deno.writeTextFile(path, `#!/bin/sh\nexec R "$@"\n`);
  await until(
    async () => (await server.send(["-e", "1"])).code === 0,
    "It did not recover",
    15_000,
  );
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a queue that is full says so in 50 ms, and the server's memory stays flat", async () => {
  await using server = await startServer(["--quiet", "--jobs-max", "1", "--queue-max", "10"]);
  await using client = await connect(server);
  const open = [client.submit(bareRequest("Sys.sleep(60)", "first"))];
  await until(async () => (await report(server)).running === 1, "It should run");
  await until(async () => (await report(server)).queued === 0, "It should have begun");
  for (let n = 0; n < 10; n++) open.push(client.submit(bareRequest("1", `q${n}`)));
  await until(async () => (await report(server)).queued === 10, "They should all wait");
  const before = maybeResident(server.pid)!;
  const times: number[] = [];
  for (let n = 0; n < 500 * SOAK; n++) {
    const startedAt = performance.now();
    for await (const event of client.submit(bareRequest("1", "late")).events) {
      if (event.kind === "end") assertEquals(event.outcome.kind, "rejected");
    }
    times.push(performance.now() - startedAt);
  }
  assert(times.sort((a, b) => a - b)[Math.floor(times.length / 2)]! < 50);
  assert(maybeResident(server.pid)! - before < 60 * 2 ** 20);
  for (const job of open) job.cancel();
});

/** The R that is here, made to believe that it is an old one. */
const OLD_R = `#!/bin/sh
{ cat <<'END'
unlockBinding("R.version", baseenv())
assign("R.version", utils::modifyList(R.version, list(major = "3", minor = "6.3")), baseenv())
END
cat <&3; } | exec R --vanilla --no-echo --file=/dev/stdin
`;

/** Processes of the server's workers, also forked ones. */
async function workersOf(server: TestServer): Promise<number[]> {
  const alive = await server.workersAlive();
  return alive.filter((pid) => !["Z", "T"].includes(maybeStat(pid)?.state ?? "Z"));
}

async function assertServes(server: TestServer): Promise<void> {
  const { code, stdout, stderr } = await server.send([
    "-s",
    "after",
    "-t",
    "10s",
    "-e",
    "cat(6*7)",
  ]);
  assertEquals([code, text(stdout)], [0, "42"], text(stderr));
}

async function report(server: TestServer): Promise<{ running: number; queued: number }> {
  await using client = await connect(server);
  return await client.report();
}

function assertOnly(counts: Counts, kinds: readonly string[]): void {
  for (const kind of Object.keys(counts)) {
    assert(kinds.includes(kind), `Unexpected outcomes: ${JSON.stringify(counts)}`);
  }
}

/** Kills an R as soon as another has come in the place of the last; how many it has killed. */
async function killAtRandom(server: TestServer, over: AbortSignal): Promise<number> {
  const seen = new Set<number>();
  let killed = 0;
  while (!over.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    const pids = await workersOf(server);
    // The R all others are forked from takes a second to start: it is killed more rarely.
    const isRoot = (pid: number) => maybeStat(pid)?.parent === server.pid;
    const chosen = pids.filter((pid) => isRoot(pid) === (killed % 50 === 49));
    const pid = chosen[Math.floor(Math.random() * chosen.length)];
    if (pid === undefined || pids.every((pid) => seen.has(pid))) continue;
    for (const pid of pids) seen.add(pid);
    if (sendSignal(pid, "SIGKILL")) killed++;
  }
  return killed;
}

async function until(
  met: () => Promise<boolean>,
  otherwise: string,
  patienceMs = 10_000,
): Promise<void> {
  const patience = performance.now() + patienceMs;
  while (!await met()) {
    assert(performance.now() < patience, otherwise);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

function tell(what: string, counts: Counts): void {
  console.log(`    ${what}: ${JSON.stringify(counts)}`);
}
