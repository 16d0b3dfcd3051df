/**
 * What Prometheus is told by a real server: numbers that agree with what its clients saw, of one
 * machine and of a cluster, and nobody's name.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { addToken } from "../../access/tokens.ts";
import { bareRequest } from "../../core/job.ts";
import { type ReadPage, readPage } from "../exposition_reader.ts";
import { joined, TestBroker, until } from "./nats.ts";
import { outcomeOf, TestQueue } from "./queue_load.ts";
import { rtool, spawnRtool, startServer, type TestServer, text } from "./rtool.ts";
import { connect } from "./storm.ts";

/** A scrape that takes longer has failed: Prometheus waits for 10 s. */
const SCRAPE_MS = 8000;

/** A job for each outcome that one machine can bring about, and what it exits with. */
const JOBS: readonly (readonly [outcome: string, args: readonly string[], status: number])[] = [
  ["ok", ["-e", "invisible(sum(runif(1e6)))"], 0],
  ["ok", ["--fresh", "-e", "cat('12345')"], 0],
  ["error", ["-e", "stop('x')"], 1],
  ["quit", ["-e", "quit(status = 3)"], 3],
  ["timeout", ["-t", "1s", "-e", "Sys.sleep(60)"], 124],
  ["crashed", ["-e", "tools::pskill(Sys.getpid(), 9)"], 137],
  ["limited", ["--output", "1KiB", "-e", "cat(strrep('x', 5000))"], 1],
  ["rejected", ["-s", "no.name!", "-e", "1"], 64],
];

/** Who may ask for the metrics, and may do nothing else. */
const WATCHERS = `
[profile.metrics]
grant = "call"
[certificate.prometheus]
profile = "metrics"
`;

Deno.test("every job's outcome is counted once, with what it used and lost", async () => {
  await using server = await startServer(["--metrics", "0"]);
  const before = await scrape(server);
  for (const [outcome, args, status] of JOBS) {
    const { code, stderr } = await server.send(args);
    assertEquals(code, status, `${outcome}: ${text(stderr)}`);
  }
  const cancelled = spawnRtool([
    ...["send", "-p", String(server.port), "-e", "cat('on\n'); Sys.sleep(60)"],
  ]);
  const output = cancelled.stdout.getReader();
  await output.read();
  const busy = [
    "rtool_jobs_running",
    'rtool_sessions{state="busy"}',
    'rtool_workers{state="busy"}',
  ];
  const isBusy = ({ values }: ReadPage) => {
    // Those of the jobs before it may be about to end.
    return values.get('rtool_connections{wire="native"}') === 1 &&
      busy.every((key) => values.get(key) === 1);
  };
  await until(async () => isBusy(await scrape(server)));
  cancelled.kill("SIGINT");
  await Promise.all([cancelled.status, output.cancel(), cancelled.stderr.cancel()]);
  await until(async () => (await scrape(server)).values.get("rtool_jobs_running") === 0);
  const after = await scrape(server);
  const grown = (key: string) => after.values.get(key)! - before.values.get(key)!;
  const expected = Map.groupBy([...JOBS, ["cancelled"] as const], ([outcome]) => outcome);
  for (const key of after.values.keys()) {
    const outcome = /^rtool_jobs_total\{outcome="(.*)"\}$/.exec(key)?.[1];
    if (outcome) assertEquals(grown(key), expected.get(outcome)?.length ?? 0, outcome);
  }
  assertEquals(grown('rtool_jobs_rejected_total{code="bad_request"}'), 1);
  const began = grown("rtool_job_wait_seconds_count");
  // On a slow machine a second may be over before R is there.
  assert(began === JOBS.length || began === JOBS.length - 1, `${began}`);
  assertEquals(grown("rtool_job_duration_seconds_count"), began);
  assertEquals(grown('rtool_output_bytes_total{stream="stdout"}'), 5 + 1024 + 3);
  const [interrupted, killed] = ["interrupt", "kill"].map((rung) => {
    return grown(`rtool_job_stops_total{rung="${rung}"}`);
  });
  assertEquals(interrupted! + killed!, began - (JOBS.length - 3));
  assertEquals(grown("rtool_sessions_lost_total"), 2 + killed!);
  assertEquals(grown('rtool_connections_total{wire="native"}'), JOBS.length + 1);
  assert(grown("rtool_job_cpu_seconds_total") > 0);
  assert(grown('rtool_worker_starts_total{how="fork"}') >= 3);
  assert(after.values.get("rtool_worker_memory_bytes")! > 20 << 20);
});

Deno.test("scrapes during 200 jobs only grow, and add up to them in the end", async () => {
  await using server = await startServer(["--metrics", "0", "--quiet"]);
  let isOver = false;
  const watching = (async () => {
    for (let [before, count] = [0, 0];; count++) {
      const now = sum(await scrape(server), "rtool_jobs_total");
      assert(now >= before && now <= 200, `${before}, ${now}`);
      before = now;
      if (isOver) return count;
    }
  })();
  await Promise.all(Array.from({ length: 20 }, async (_, lane) => {
    await using client = await connect(server);
    for (let n = 0; n < 10; n++) {
      for await (const _event of client.submit(bareRequest("cat('ab')", `s${lane % 5}`)).events);
    }
  }));
  isOver = true;
  assert(await watching > 1);
  const idle = 'rtool_sessions{state="idle"}';
  await until(async () => (await scrape(server)).values.get(idle) === 5);
  const page = await scrape(server);
  assertEquals(page.values.get('rtool_jobs_total{outcome="ok"}'), 200);
  assertEquals(sum(page, "rtool_jobs_total"), 200);
  assertEquals(page.values.get("rtool_job_duration_seconds_count"), 200);
  assertEquals(page.values.get("rtool_job_wait_seconds_count"), 200);
  assertEquals(page.values.get('rtool_output_bytes_total{stream="stdout"}'), 400);
  assertEquals(page.values.get('rtool_connections_total{wire="native"}'), 20);
});

Deno.test("no name of a token, a session, a function, a variable or a job is in the metrics", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-metrics-" });
  const tokens = `${dir}/tokens.json`;
  const wish = { name: "hidden-token", profile: "default", expiresAt: undefined };
  const token = addToken(tokens, wish, 0);
  const wrong = { env: { RTOOL_TOKEN: addToken(`${dir}/other.json`, wish, 0) } };
  await using server = await startServer(["--metrics", "0", "--tokens", tokens]);
  const as = { env: { RTOOL_TOKEN: token, hidden_variable: "hidden_value" } };
  const args = ["--env", "hidden_variable", "-s", "hidden-session"];
  assertEquals((await server.send([...args, "-e", "hidden_code <- 1"], as)).code, 0);
  const call = ["call", "-p", String(server.port), "base::nchar", "--args", '["hidden_argument"]'];
  assertEquals((await rtool(call, as)).code, 0);
  const kept = await server.send(["--detach", "--key", "hidden_key", "-e", "1"], as);
  const id = text(kept.stdout).trim();
  assertEquals((await server.send(["-e", "1"], wrong)).code, 77);
  const page = await fetchMetrics(server);
  for (const name of ["hidden", id, token, dir, `uid-${Deno.uid()}`]) {
    assert(!page.includes(name), name);
  }
  assertEquals(readPage(page).values.get("rtool_auth_failures_total"), 1);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("an address that cannot be had ends the start with a reason", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const cases: readonly (readonly [address: string, status: number, told: string])[] = [
    ["host", 64, 'Cannot use --metrics "host": an address is a port'],
    [String(port), 69, `Port ${port} on 127.0.0.1 is taken\nrtool: choose another with --metrics`],
    ["0.0.0.0:0", 78, "Cannot listen on 0.0.0.0: beyond this machine rtool needs TLS"],
    ["192.0.2.1:0", 78, "beyond this machine rtool needs TLS"],
  ];
  await Promise.all(cases.map(async ([address, status, told]) => {
    // What is wrong is found before R is started.
    const serve = ["serve", "--port", "0", "--r", "/nonexistent", "--metrics", address];
    const { code, stderr } = await rtool(serve);
    assertEquals(code, status, text(stderr));
    assertStringIncludes(text(stderr), told);
  }));
});

Deno.test("beyond this machine Prometheus needs TLS, and a token or a certificate that can be for nothing else", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-metrics-" });
  const file = (name: string) => Deno.readTextFile(`${dir}/${name}`);
  assertEquals((await rtool(["tls", "init", "--dir", dir])).code, 0);
  assertEquals((await rtool(["tls", "client", "prometheus", "--dir", dir])).code, 0);
  await Deno.writeTextFile(`${dir}/config.toml`, WATCHERS);
  const tokens = `${dir}/tokens.json`;
  const token = addToken(tokens, { name: "p", profile: "metrics", expiresAt: undefined }, 0);
  const args = ["--config", `${dir}/config.toml`, "--tokens", tokens];
  const tls = ["--tls-cert", `${dir}/server.pem`, "--audit", `${dir}/audit.jsonl`];
  await using server = await startServer(["--metrics", "0.0.0.0:0", ...args, ...tls]);
  const caCerts = [await file("ca.pem")];
  const [cert, key] = [await file("prometheus.pem"), await file("prometheus.key")];
  const ask = async (shown: Record<string, string>, identity = {}) => {
    using client = Deno.createHttpClient({ caCerts, ...identity });
    const answer = await fetch(`https://localhost:${metricsPort(server)}/metrics`, {
      ...{ client, headers: shown, signal: AbortSignal.timeout(SCRAPE_MS) },
    });
    return { status: answer.status, page: await answer.text() };
  };
  const wrong = await ask({ Authorization: "Bearer wrong" });
  assertEquals(wrong, { status: 401, page: "This needs a token of this server.\n" });
  const { status, page } = await ask({ Authorization: `Bearer ${token}` });
  assertEquals([status, readPage(page).values.get("rtool_auth_failures_total")], [200, 1]);
  assertEquals((await ask({}, { cert, key })).status, 200);
  const plain = await fetch(`http://127.0.0.1:${metricsPort(server)}/metrics`);
  assertEquals([plain.status, await plain.text()], [400, "This port speaks TLS alone.\n"]);
  const [refused = "", ...more] = (await file("audit.jsonl")).trim().split("\n");
  assertMatch(refused, /"event":"connection","decision":"refused".*"code":"not_allowed"/);
  assertEquals(more, []);
  const trust = ["--tls", "--tls-ca", `${dir}/ca.pem`];
  const sent = await server.send([...trust, "-e", "1"], { env: { RTOOL_TOKEN: token } });
  assertEquals(sent.code, 77, text(sent.stderr));
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a server in a cluster tells of its queue, and that the broker has gone and come back", async () => {
  await using broker = await TestBroker.start();
  const places = ["--metrics", "0", "--queue-jobs-max", "1"];
  await using one = await broker.server(places);
  await using two = await broker.server(places);
  await joined(one, two);
  for (const code of ["1", "stop('x')", "2"]) {
    await one.send(["--queue", "q", "-e", code]);
  }
  for (let n = 0; n < 3; n++) {
    await broker.run("send", ["--detach", "-e", "Sys.sleep(60)"]);
  }
  await until(async () => (await whole(one, "jobs_running")) === 2);
  const [first, second] = await Promise.all([scrapeWhole(one), scrapeWhole(two)]);
  for (const { values } of [first, second]) {
    assertEquals(values.get('rtool_cluster_jobs_waiting{queue="q"}'), 1);
    assertEquals(values.get('rtool_cluster_servers{queue="q"}'), 2);
    assertEquals(values.get("rtool_queue_jobs_running"), 1);
    assertEquals(values.get(`rtool_cluster_host_places{host="${Deno.hostname()}"}`), 2);
    assertEquals(values.get(`rtool_cluster_host_jobs_running{host="${Deno.hostname()}"}`), 2);
    assert(values.get('rtool_cluster_oldest_job_age_seconds{queue="q"}')! > 0);
  }
  const ended = (outcome: string) => {
    const key = `rtool_queue_jobs_total{outcome="${outcome}"}`;
    return first.values.get(key)! + second.values.get(key)!;
  };
  assertEquals([ended("ok"), ended("error")], [2, 1]);
  const sent = [first, second].map(({ values }) => values.get("rtool_queue_sent_total"));
  assertEquals(sent, [3, 0]);
  await broker.kill("SIGSTOP");
  await assertAlone(one);
  await broker.kill("SIGCONT");
  const again = await scrapeWhole(one);
  assertEquals(again.values.get('rtool_cluster_jobs_waiting{queue="q"}'), 1);
  await broker.kill("SIGKILL");
  await assertAlone(one);
  await broker.revive();
  assert((await scrapeWhole(one)).values.get("rtool_broker_reconnects_total")! >= 1);
  for (const id of await waitingIds(broker)) await broker.run("cancel", [id]);
});

Deno.test("a server that takes over from a lost one tells of the jobs that ran again or are lost", async () => {
  await using broker = await TestBroker.start();
  const lease = ["--lease", "1s", "--queue-jobs-max", "2", "--metrics", "0"];
  const victim = await broker.server(lease);
  await using queue = await TestQueue.connect(broker);
  const file = `${broker.dir}/runs`;
  const code = `cat('x', file = '${file}', append = TRUE); Sys.sleep(1)`;
  const ends = [false, true].map(async (atMostOnce) => {
    return outcomeOf(await queue.submit(code, { atMostOnce }));
  });
  await until(async () => (await Deno.stat(file).catch(() => undefined))?.size === 2);
  await victim.stop("SIGKILL");
  await using other = await broker.server(lease);
  const kinds = (await Promise.all(ends)).map(({ kind }) => kind);
  assertEquals(kinds, ["ok", "lost"]);
  const { values } = await scrape(other);
  assertEquals(values.get("rtool_queue_reruns_total"), 1);
  assertEquals(values.get('rtool_queue_jobs_total{outcome="ok"}'), 1);
  assertEquals(values.get('rtool_queue_jobs_total{outcome="lost"}'), 1);
  assertEquals(values.get("rtool_queue_dead_total"), 0);
  await victim[Symbol.asyncDispose]();
});

/** The broker does not answer, and the server does, of itself. */
async function assertAlone(server: TestServer): Promise<void> {
  const { values } = await scrape(server);
  assertEquals(values.get("rtool_broker_up"), 0);
  assertEquals([...values.keys()].filter((key) => key.startsWith("rtool_cluster_")), []);
  assertEquals(values.get("rtool_queue_jobs_running"), 1);
}

/** What a server tells once the broker has answered it in time. */
async function scrapeWhole(server: TestServer): Promise<ReadPage> {
  let page: ReadPage | undefined;
  await until(async () => {
    page = await scrape(server);
    return page.values.get("rtool_broker_up") === 1;
  });
  return page!;
}

async function scrape(server: TestServer): Promise<ReadPage> {
  return readPage(await fetchMetrics(server));
}

async function fetchMetrics(server: TestServer): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${metricsPort(server)}/metrics`, {
    signal: AbortSignal.timeout(SCRAPE_MS),
  });
  assertEquals(answer.status, 200);
  return await answer.text();
}

function metricsPort(server: TestServer): string {
  return /^rtool: metrics on [\d.]+:(\d+)$/m.exec(server.stderrText())![1]!;
}

/** What a server tells of the queue as a whole. */
async function whole(server: TestServer, what: string): Promise<number | undefined> {
  return (await scrape(server)).values.get(`rtool_cluster_${what}{queue="q"}`);
}

function sum({ values }: ReadPage, name: string): number {
  return [...values].reduce(
    (all, [key, value]) => key.startsWith(`${name}{`) ? all + value : all,
    0,
  );
}

/** Jobs of the queue that have not ended. */
async function waitingIds(broker: TestBroker): Promise<string[]> {
  const listed: { id: string; state: string }[] = JSON.parse(
    text((await broker.run("jobs", ["--json"])).stdout),
  );
  return listed.filter(({ state }) => state !== "ended").map(({ id }) => id);
}
