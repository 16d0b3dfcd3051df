/**
 * The native door, frame by frame: waiting, detached jobs, attaching, and orders and their answers.
 */

import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes";
import { RtoolError } from "../core/errors.ts";
import type { JobEvent, JobRequest } from "../core/job.ts";
import type { ControlCommand } from "../core/report.ts";
import { reportFields } from "../messages_report.ts";
import {
  decodeJson,
  encodeFrame,
  encodeJson,
  encodeWindow,
  type Frame,
  WINDOW_BYTES,
} from "../protocol.ts";
import {
  aborted,
  createEvaluator,
  ECHO,
  fakeEvaluator,
  okEnd,
  REPORT,
  SLEEPER,
  startPort,
} from "./fake_port.ts";
import { RawPeer, submission } from "./raw_peer.ts";

const encoder = new TextEncoder();
const ID = "0123456789abcdef0123456789abcdef";

Deno.test("what a job waits for is told, with and without the job it waits for", async () => {
  const waiter = createEvaluator(async function* () {
    const holder = { job: ID, ageMs: 12.4 };
    yield await Promise.resolve({ kind: "waiting", ahead: 3, holder: undefined });
    yield { kind: "waiting", ahead: 1, holder };
    yield okEnd();
  });
  await using server = startPort(waiter);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "x", { progress: true });
  const frames = await peer.until("end", 1);
  const told = frames.filter(({ kind }) => kind === "waiting").map(decodeJson);
  assertEquals(told, [{ ahead: 3 }, { ahead: 1, job: ID, job_age_ms: 12 }]);
});

Deno.test("what is to be known of a job at once stands in its 'accepted'", async () => {
  const note = "no host has that";
  const noting: typeof ECHO = {
    ...ECHO,
    submit: async (...asked) => ({ ...await ECHO.submit(...asked), note }),
  };
  await using server = startPort(noting);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "x");
  const [accepted] = await peer.until("end", 1);
  assertEquals(decodeJson(accepted!)["note"], note);
});

Deno.test("what a job waits for costs 256 bytes of credit", async () => {
  const waiter = createEvaluator(async function* (_request, signal) {
    const event: JobEvent = { kind: "waiting", ahead: 1, holder: undefined };
    while (!signal.aborted) yield await Promise.resolve(event);
    yield okEnd();
  });
  await using server = startPort(waiter);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "x");
  let count = 0;
  while (count < WINDOW_BYTES / 256 - 1) if ((await peer.frame()).kind === "waiting") count++;
  await peer.send(encodeFrame("ping", 0), encodeFrame("cancel", 1));
  while ((await peer.frame()).kind === "waiting") assertLessOrEqual(++count, WINDOW_BYTES / 256);
});

Deno.test("a request arrives with all that was asked for", async () => {
  const seen: JobRequest[] = [];
  const noter = createEvaluator(async function* (request) {
    seen.push(request);
    yield await Promise.resolve(okEnd());
  });
  await using server = startPort(noter);
  using peer = await RawPeer.greeted(server.port);
  const limits = { cpu_ms_max: 1, memory_bytes_max: 2, output_bytes_max: 3, processes_max: 4 };
  const more = { session: undefined, fresh: true, key: "k", progress: true, ...limits };
  await peer.submit(1, "x", more);
  await peer.end(1);
  const { session, key, progress, detach, limits: asked } = seen[0]!;
  assertEquals({ session, key, progress, detach }, {
    session: undefined,
    key: "k",
    progress: true,
    detach: false,
  });
  assertEquals(asked, { cpuMs: 1, memoryBytes: 2, outputBytes: 3, processes: 4 });
});

Deno.test("a detached job's stream is over with 'accepted', and its number is free", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "first", { detach: true });
  assertEquals((await peer.frame()).kind, "accepted");
  await peer.submit(1, "second");
  const frames = await peer.until("end", 1);
  assertEquals(frames.map(({ kind }) => kind), ["accepted", "started", "stdout", "end"]);
  assertEquals(outputOf(frames), "second");
});

Deno.test("detached jobs leave room for others on their connection", async () => {
  await using server = startPort(SLEEPER, { jobsPerConnectionMax: 1 });
  using peer = await RawPeer.greeted(server.port);
  for (let stream = 1; stream <= 20; stream++) {
    await peer.submit(stream, "x", { detach: true });
    assertEquals((await peer.frame()).kind, "accepted");
  }
});

Deno.test("a detached job that is refused ends as rejected", async () => {
  await using server = startPort(ECHO, { codeMax: 1 });
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "too long", { detach: true });
  assertEquals(rejection(await peer.end(1)), "code_too_big");
});

Deno.test("attaching gives the job's events from the first, or behind those that are known", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "hello", { detach: true });
  const { job } = decodeJson(await peer.frame());
  const kinds: string[][] = [];
  for (const after of [undefined, 0, 1, 2]) {
    await peer.send(encodeJson("attach", 2, { job, after }));
    const [accepted, ...frames] = await peer.until("end", 2);
    assertEquals(decodeJson(accepted!), { job });
    kinds.push(frames.map(({ kind }) => kind));
  }
  const all = ["started", "stdout", "end"];
  assertEquals(kinds, [all, all, all.slice(1), all.slice(2)]);
  await peer.send(encodeJson("attach", 2, { job, after: 3 }));
  assertEquals(rejection(await peer.end(2)), "bad_request");
});

Deno.test("attaching to a job that is not there ends as rejected", async () => {
  await using server = startPort(ECHO);
  using peer = await RawPeer.greeted(server.port);
  await peer.send(encodeJson("attach", 1, { job: ID }));
  assertEquals(rejection(await peer.end(1)), "unknown_job");
  await peer.send(encodeJson("attach", 1, { job: 1 }));
  assertEquals(rejection(await peer.end(1)), "bad_request");
  await peer.submit(1, "x");
  assertEquals((await peer.end(1))["outcome"], { kind: "ok" });
});

Deno.test("a cancel on an attached stream stops the job; a lost connection does not", async () => {
  const seen: string[] = [];
  const stop = new AbortController();
  const attachable = fakeEvaluator({
    attach: (_principal, id, after, signal) => {
      signal.addEventListener("abort", () => seen.push("left"));
      const events = async function* (): AsyncGenerator<JobEvent> {
        yield { kind: "started", note: String(after) };
        await aborted(AbortSignal.any([stop.signal, signal]));
        yield okEnd();
      };
      const cancel = () => {
        seen.push("cancelled");
        stop.abort();
      };
      return Promise.resolve({ id, events: events(), cancel });
    },
  });
  await using server = startPort(attachable);
  {
    using peer = await RawPeer.greeted(server.port);
    await peer.send(encodeJson("attach", 1, { job: ID, after: 7 }));
    const [, started] = await peer.until("started", 1);
    assertEquals(decodeJson(started!), { note: "7" });
  }
  await server.ended(1);
  assertEquals(seen, ["left"]);
  using peer = await RawPeer.greeted(server.port);
  await peer.send(encodeJson("attach", 1, { job: ID }), encodeFrame("cancel", 1));
  await peer.end(1);
  assertEquals(seen, ["left", "cancelled"]);
});

Deno.test("input on a stream that is only attached to is the client's fault", async () => {
  await using server = startPort(SLEEPER);
  using peer = await RawPeer.greeted(server.port);
  await peer.submit(1, "x", { detach: true });
  const { job } = decodeJson(await peer.frame());
  await peer.send(encodeJson("attach", 1, { job }));
  await peer.send(encodeFrame("code", 1, encoder.encode("late")));
  await peer.send(encodeFrame("input", 1, encoder.encode("x")));
  const error = decodeJson((await peer.until("error", 0)).at(-1)!);
  assertStringIncludes(String(error["message"]), "not announced");
});

Deno.test("a report comes as a document that names the server's software", async () => {
  await using server = startPort(fakeEvaluator({}));
  using peer = await RawPeer.greeted(server.port);
  await peer.send(encodeJson("control", 1, { kind: "report" }));
  const frames = await peer.until("end", 1);
  assertEquals(documentOf(frames), { ...reportFields(REPORT), software: "rtool test" });
  assertEquals(decodeJson(frames.at(-1)!)["outcome"], { kind: "ok" });
});

Deno.test("a report of many jobs comes in pieces, no faster than it is granted", async () => {
  const jobs = Array.from({ length: 10_000 }, () => REPORT.jobs[0]!);
  const report = { ...REPORT, software: "rtool test", jobs };
  await using server = startPort(fakeEvaluator({ report: () => Promise.resolve(report) }));
  using peer = await RawPeer.greeted(server.port);
  await peer.send(encodeJson("control", 1, { kind: "report" }));
  const frames: Frame[] = [];
  for (let credit = WINDOW_BYTES; frames.at(-1)?.kind !== "end";) {
    const frame = await peer.frame();
    frames.push(frame);
    if (frame.kind === "reply") credit -= frame.payload.length;
    assert(credit >= -65536, "More was sent than granted");
    if (credit < 65536) await peer.send(encodeWindow(1, WINDOW_BYTES));
    if (credit < 65536) credit += WINDOW_BYTES;
  }
  assertEquals(documentOf(frames), JSON.parse(JSON.stringify(reportFields(report))));
});

Deno.test("an order is passed on, and what was done is told", async () => {
  const orders: ControlCommand[] = [
    { kind: "kill", session: "main" },
    { kind: "interrupt", session: "main" },
    { kind: "reset", session: "0a1b2c3d" },
    { kind: "recycle" },
    { kind: "cancel", job: ID },
  ];
  const given: ControlCommand[] = [];
  const obedient = fakeEvaluator({
    control: (_principal, command) => {
      given.push(command);
      return Promise.resolve(`done: ${command.kind}`);
    },
  });
  await using server = startPort(obedient);
  using peer = await RawPeer.greeted(server.port);
  for (const order of orders) {
    await peer.send(encodeJson("control", 1, order));
    assertEquals(documentOf(await peer.until("end", 1)), { message: `done: ${order.kind}` });
  }
  assertEquals(given, orders);
});

Deno.test("an order that cannot be carried out ends as rejected, with the reason", async () => {
  const codes = ["unknown_session", "unknown_job", "not_allowed"] as const;
  let next = 0;
  const refuser = fakeEvaluator({
    control: () => Promise.reject(new RtoolError(codes[next++]!, "No")),
  });
  await using server = startPort(refuser);
  using peer = await RawPeer.greeted(server.port);
  for (const code of codes) {
    await peer.send(encodeJson("control", 1, { kind: "kill", session: "x" }));
    assertEquals(rejection(await peer.end(1)), code);
  }
  for (const wrong of [{}, { kind: "explode" }, { kind: "kill" }, { kind: "cancel", job: 1 }]) {
    await peer.send(encodeJson("control", 1, wrong));
    assertEquals(rejection(await peer.end(1)), "bad_request");
  }
});

Deno.test("a question that is not answered yet counts as an open job, and delays no other", async () => {
  const answered = Promise.withResolvers<string>();
  const slow = fakeEvaluator({ control: () => answered.promise, submit: ECHO.submit });
  await using server = startPort(slow, { jobsPerConnectionMax: 2 });
  using peer = await RawPeer.greeted(server.port);
  await peer.send(encodeJson("control", 1, { kind: "recycle" }), encodeFrame("cancel", 1));
  await peer.submit(2, "x");
  assertEquals((await peer.end(2))["outcome"], { kind: "ok" });
  await peer.send(encodeJson("control", 2, { kind: "recycle" }), ...submission(3, "x"));
  assertEquals(rejection(await peer.end(3)), "too_many_jobs");
  answered.resolve("done");
  assertEquals((await peer.end(2))["outcome"], { kind: "ok" });
});

function documentOf(frames: readonly Frame[]): unknown {
  const parts = frames.filter(({ kind }) => kind === "reply").map(({ payload }) => payload);
  return JSON.parse(new TextDecoder().decode(concat(parts)));
}

function outputOf(frames: readonly Frame[]): string {
  const parts = frames.filter(({ kind }) => kind === "stdout").map(({ payload }) => payload);
  return new TextDecoder().decode(concat(parts));
}

function rejection(end: Readonly<Record<string, unknown>>): unknown {
  const { kind, code } = end["outcome"] as Record<string, unknown>;
  return kind === "rejected" ? code : kind;
}
