/**
 * What is counted: jobs, connections, R, and a queue's jobs; and that no name is told.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { HostReport } from "../cluster/host_report.ts";
import { RtoolError } from "../core/errors.ts";
import { bareRequest, EMPTY_RECEIPT, type Outcome, type Receipt } from "../core/job.ts";
import type { SessionReport } from "../core/report.ts";
import { QueueMetrics, tellQueue } from "../metrics/cluster_metrics.ts";
import { SESSION_STATES, tellEngine } from "../metrics/engine_metrics.ts";
import { FAMILIES } from "../metrics/families.ts";
import { JobMetrics, OUTCOME_KINDS } from "../metrics/job_metrics.ts";
import { Page } from "../metrics/page.ts";
import { PortMetrics } from "../metrics/port_metrics.ts";
import { tellProcess } from "../metrics/process_metrics.ts";
import { readPage } from "./exposition_reader.ts";
import { ECHO, fakeEvaluator, PRINCIPAL, REPORT } from "./fake_port.ts";

const IN_SESSION = { request: bareRequest("1", "main") };
const RAN: Receipt = { ...EMPTY_RECEIPT, wallMs: 20, cpuMs: 1500, start: "warm" };

Deno.test("every job is counted by its outcome, with what it used", () => {
  const jobs = new JobMetrics();
  const receipt = { ...RAN, stdoutBytes: 5, stderrBytes: 7 };
  for (const kind of OUTCOME_KINDS) jobs.ended(IN_SESSION, outcomeOf(kind), receipt);
  jobs.ended(IN_SESSION, outcomeOf("error"), { ...receipt, cpuMs: null, rung: "interrupt" });
  const values = told((page) => jobs.tell(page));
  for (const kind of OUTCOME_KINDS) {
    assertEquals(values.get(`rtool_jobs_total{outcome="${kind}"}`), kind === "error" ? 2 : 1);
  }
  const all = OUTCOME_KINDS.length + 1;
  assertEquals(values.get("rtool_job_cpu_seconds_total"), 1.5 * (all - 1));
  assertEquals(values.get('rtool_output_bytes_total{stream="stdout"}'), 5 * all);
  assertEquals(values.get('rtool_output_bytes_total{stream="stderr"}'), 7 * all);
  assertEquals(values.get('rtool_job_duration_seconds_bucket{le="0.025"}'), all);
  assertEquals(values.get('rtool_job_duration_seconds_bucket{le="0.005"}'), 0);
  assertEquals(values.get('rtool_job_stops_total{rung="interrupt"}'), 1);
  assertEquals(values.get('rtool_jobs_rejected_total{code="busy"}'), 1);
});

Deno.test("a job that never began has no duration; how long others waited is in seconds", () => {
  const jobs = new JobMetrics();
  jobs.ended(IN_SESSION, outcomeOf("timeout"), EMPTY_RECEIPT);
  jobs.started(2000);
  const values = told((page) => jobs.tell(page));
  assertEquals(values.get('rtool_jobs_total{outcome="timeout"}'), 1);
  assertEquals(values.get("rtool_job_duration_seconds_count"), 0);
  assertEquals(values.get("rtool_job_wait_seconds_sum"), 2);
  assertEquals(values.get('rtool_job_stops_total{rung="none"}'), 0);
});

Deno.test("a session that loses its R is counted; a clean R of one job loses nothing", () => {
  const jobs = new JobMetrics();
  const dead = { ...RAN, sessionSurvived: false };
  jobs.ended(IN_SESSION, outcomeOf("crashed"), dead);
  jobs.ended({ request: bareRequest("1", undefined) }, outcomeOf("crashed"), dead);
  jobs.ended(IN_SESSION, outcomeOf("ok"), RAN);
  assertEquals(told((page) => jobs.tell(page)).get("rtool_sessions_lost_total"), 1);
});

Deno.test("a refused job is a rejected one; one whose client has gone is nobody's", async () => {
  const jobs = new JobMetrics();
  const full = jobs.around(fakeEvaluator({
    submit: () => Promise.reject(new RtoolError("busy", "The server is busy")),
  }));
  const gone = new AbortController();
  const submit = () => full.submit(PRINCIPAL, IN_SESSION.request, gone.signal);
  await assertRejects(submit, RtoolError, "busy");
  gone.abort();
  await assertRejects(submit, RtoolError, "busy");
  const values = told((page) => jobs.tell(page));
  assertEquals(values.get('rtool_jobs_total{outcome="rejected"}'), 1);
  assertEquals(values.get('rtool_jobs_rejected_total{code="busy"}'), 1);
});

Deno.test("what goes into a queue is counted apart", async () => {
  const jobs = new JobMetrics();
  const around = jobs.around(ECHO);
  const queue = { name: "q", atMostOnce: false };
  const { signal } = new AbortController();
  for (const request of [IN_SESSION.request, { ...IN_SESSION.request, queue }]) {
    await around.submit(PRINCIPAL, request, signal);
  }
  assertEquals(told((page) => jobs.tellSent(page)).get("rtool_queue_sent_total"), 1);
});

Deno.test("a connection counts as silent until it speaks, and is gone when it ends", () => {
  const port = new PortMetrics();
  for (let n = 0; n < 3; n++) port.opened();
  port.spoke("native");
  port.spoke("other native");
  port.ended("native");
  port.refused();
  port.failed();
  const values = told((page) => port.tell(page));
  const now = ["native", "rpy2", "none", "other_native"].map((wire) => {
    return values.get(`rtool_connections{wire="${wire}"}`);
  });
  assertEquals(now, [0, 0, 1, 1]);
  assertEquals(values.get('rtool_connections_total{wire="native"}'), 1);
  assertEquals(values.get("rtool_connections_refused_total"), 1);
  assertEquals(values.get("rtool_auth_failures_total"), 1);
});

Deno.test("sessions and R are told by what they do", () => {
  const [session] = REPORT.sessions;
  const sessions: SessionReport[] = SESSION_STATES.map((state) => {
    return { ...session!, state, pid: state === "empty" ? null : 1, memoryBytes: 100 };
  });
  const stock = { starting: 3, ready: [], templates: [] };
  const starts = { fork: 4, spawn: 5, template: 6, failed: 7 };
  const values = told((page) => tellEngine(page, { ...REPORT, sessions }, stock, starts));
  for (const state of SESSION_STATES) {
    assertEquals(values.get(`rtool_sessions{state="${state}"}`), 1);
  }
  // The R of a session that waits has nothing to do either.
  const workers = { busy: 1, idle: 2, stopping: 1, spare: 0, starting: 3, template: 0 };
  for (const [state, count] of Object.entries(workers)) {
    assertEquals(values.get(`rtool_workers{state="${state}"}`), count, state);
  }
  assertEquals(values.get("rtool_worker_memory_bytes"), 500);
  assertEquals(values.get('rtool_worker_starts_total{how="spawn"}'), 5);
  assertEquals(values.get("rtool_worker_start_failures_total"), 7);
});

Deno.test("what becomes of a queue's jobs here is counted", () => {
  const queue = new QueueMetrics(OUTCOME_KINDS);
  queue.begun(0);
  queue.begun(2);
  queue.ended("ok");
  queue.ended("lost");
  queue.buried();
  queue.givenBack();
  queue.overtaken();
  const values = told((page) => queue.tell(page, { places: 4, running: 1, reconnects: 2 }));
  const names = ["reruns", "given_back", "overtaken", "dead"].map((name) => {
    return values.get(`rtool_queue_${name}_total`);
  });
  assertEquals(names, [1, 1, 1, 1]);
  assertEquals(values.get('rtool_queue_jobs_total{outcome="ok"}'), 1);
  assertEquals(values.get("rtool_queue_places"), 4);
  assertEquals(values.get("rtool_broker_reconnects_total"), 2);
});

Deno.test("servers of one machine are one host, whatever their process ids", () => {
  const hosts = [host("a:1", 2, 0.5), host("a:22", 3, 0.7), host("b:1", 4, 1)];
  const counts = { waiting: 5, running: 6, dead: 7, kept_bytes: 8 };
  const report = { queue: "q", oldest_ms: null, required: [], ...counts };
  const values = told((page) => tellQueue(page, report, hosts));
  assertEquals(values.get('rtool_cluster_host_places{host="a"}'), 5);
  assertEquals(values.get('rtool_cluster_host_load{host="a"}'), 0.7);
  assertEquals(values.get('rtool_cluster_host_info{host="b",version="0.1.0",r="4.2.2"}'), 1);
  assertEquals(values.get('rtool_cluster_servers{queue="q"}'), 3);
  assertEquals(values.get('rtool_cluster_oldest_job_age_seconds{queue="q"}'), 0);
});

Deno.test("more hosts than a cluster has are counted, not told", () => {
  const hosts = Array.from({ length: 2000 }, (_, n) => host(`h${n}:1`, 1, 0));
  const counts = { waiting: 0, running: 0, dead: 0, kept_bytes: 0 };
  const report = { queue: "q", oldest_ms: 90, required: [], ...counts };
  const values = told((page) => tellQueue(page, report, hosts));
  assertEquals(values.get('rtool_cluster_servers{queue="q"}'), 2000);
  const places = [...values.keys()].filter((key) => key.includes("host_places"));
  assertEquals(places.length, 1000);
});

Deno.test("the server's own process is told under the names every exporter has", () => {
  const values = told(tellProcess);
  assert(values.get("process_cpu_seconds_total")! > 0);
  assert(values.get("process_resident_memory_bytes")! > 1 << 20);
  assert(values.get("process_open_fds")! > 2);
  const startedAt = values.get("process_start_time_seconds")!;
  assert(startedAt <= Date.now() / 1000 && startedAt > Date.now() / 1000 - 86_400);
});

Deno.test("counters end in _total, times and sizes in their units, and no label is a name", () => {
  const labels = new Set(Object.values(FAMILIES).flatMap((family) => family.labels as string[]));
  assertEquals([...labels].sort(), [
    ...["code", "deno", "host", "how", "outcome", "queue", "r", "rung", "state", "stream"],
    ...["version", "wire"],
  ]);
  for (const [name, { type, help }] of Object.entries(FAMILIES)) {
    assertEquals(name.endsWith("_total"), type === "counter", name);
    assert(/^(rtool|process)(_[a-z]+)+$/.test(name), name);
    assert(!/_(ms|milliseconds|kb|mb)\b/.test(name), name);
    assert(help.length > 10 && !help.endsWith("."), help);
  }
});

function told(tell: (page: Page) => void): ReadonlyMap<string, number> {
  const page = new Page();
  tell(page);
  return readPage(page.text()).values;
}

function outcomeOf(kind: Outcome["kind"]): Outcome {
  // What else an outcome has is not looked at.
  return { kind, ...(kind === "rejected" ? { code: "busy", message: "" } : {}) } as Outcome;
}

function host(name: string, places: number, load: number): HostReport {
  return {
    host: name,
    software: "rtool 0.1.0",
    r: "4.2.2",
    labels: [],
    running: 0,
    places,
    done: 0,
    cores: 2,
    memory_bytes: 1,
    memory_free_bytes: 1,
    packages: null,
    load,
    uptime_ms: 1,
  };
}
