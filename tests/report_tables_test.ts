/**
 * Sessions and jobs as tables, the screen of `rtool top`, and the line on what is waited for.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { findJobId, shownDigits } from "../cli/job_id.ts";
import { hostedTable, jobsTable, reportLine, sessionsTable } from "../cli/report_tables.ts";
import { findSubcommand } from "../cli/subcommand.ts";
import { textTable } from "../cli/text_table.ts";
import { TopScreen } from "../cli/top_screen.ts";
import { WaitingLine, waitingText } from "../cli/waiting_line.ts";
import { Client } from "../client.ts";
import { RtoolError } from "../core/errors.ts";
import type { JobReport, SessionReport } from "../core/report.ts";
import type { Waiting } from "../messages.ts";
import { fakeEvaluator, REPORT, startPort } from "./fake_port.ts";

const SESSION: SessionReport = { ...REPORT.sessions[0]!, principal: "me" };
const JOB = REPORT.jobs[0]!;

/** A session that has never had an R, nor a name. */
const BARE: SessionReport = {
  ...SESSION,
  id: "ffffffff",
  name: null,
  state: "empty",
  job: null,
  jobAgeMs: null,
  idleMs: 200_000,
  pid: null,
  start: null,
  cpuMs: null,
  memoryBytes: null,
  jobsDone: 0,
};

Deno.test("textTable() aligns words left and numbers right, and ends no line in blanks", () => {
  const columns = [{ title: "A" }, { title: "LONG", right: true }, { title: "B" }];
  assertEquals(
    textTable(columns, [["a", "1", "x"], ["bcd", "23456", ""]]),
    "A     LONG  B\na        1  x\nbcd  23456\n",
  );
  assertEquals(textTable(columns, []), "A  LONG  B\n");
});

Deno.test("sessionsTable() shows a session in a line, and a dash for what there is not", () => {
  assertEquals(sessionsTable([SESSION, BARE]).split("\n"), [
    "ID        NAME     OWNER  STATE  JOB       RUNNING  QUEUED        IDLE    CPU  MEMORY  DONE",
    "0a1b2c3d  main     me     busy   01234567     12 s       0           -  1.5 s  64 MiB     7",
    "ffffffff  (fresh)  me     empty  -               -       0  3 min 20 s      -       -     0",
    "",
  ]);
});

Deno.test("sessions of several hosts have their host before them", () => {
  const [head, line] = hostedTable([{ ...BARE, host: "a:1" }]).split("\n");
  assertEquals([head?.split(/ +/)[0], line?.split(/ +/).slice(0, 3)], ["HOST", [
    "a:1",
    BARE.id,
    "(fresh)",
  ]]);
});

Deno.test("jobsTable() shows a job in a line, with the outcome of one that has ended", () => {
  const ended: JobReport = {
    ...JOB,
    id: `f${JOB.id.slice(1)}`,
    state: "ended",
    outcome: "timeout",
  };
  const waiting: JobReport = { ...JOB, id: `e${JOB.id.slice(1)}`, state: "waiting", wallMs: null };
  assertEquals(jobsTable([JOB, { ...ended, detached: false }, waiting]).split("\n"), [
    "ID        SESSION  OWNER   STATE           DETACHED   AGE  RUNNING       CODE",
    "01234567  main     tester  running         yes       13 s     12 s  100 bytes",
    "f1234567  main     tester  ended: timeout  no        13 s     12 s  100 bytes",
    "e1234567  main     tester  waiting         yes       13 s        -  100 bytes",
    "",
  ]);
});

Deno.test("tables show as many digits of ids as tell them apart, eight at least", () => {
  const [a, b] = [`${"0".repeat(20)}a${"0".repeat(11)}`, "0".repeat(32)];
  assertEquals(shownDigits([]), 8);
  assertEquals(shownDigits([a, a]), 8);
  assertEquals(shownDigits([a, b, a]), 21);
});

Deno.test("reportLine() says what the server is doing", () => {
  assertEquals(
    reportLine({ ...REPORT, software: "rtool 0.1.0", queued: 3 }),
    "rtool 0.1.0, R 4.2.2, up 1 s: 1 of 4 jobs running, 3 waiting, 1 session",
  );
});

Deno.test("TopScreen shows who works before who rests, and the processor used just now", () => {
  const screen = new TopScreen();
  const first = { ...REPORT, sessions: [BARE, { ...SESSION, state: "idle" as const }, SESSION] };
  const [, , , ...before] = screen.lines(first, 200, 24);
  const states = before.slice(0, 3).map((line) => line.split(/ +/)[3]);
  assertEquals(states, ["busy", "idle", "empty"]);
  const busier = { ...SESSION, cpuMs: SESSION.cpuMs! + 500 };
  const lines = screen.lines({ ...REPORT, uptimeMs: 2000, sessions: [busier] }, 200, 24);
  assert(lines[3]!.includes(" 50 % "), lines[3]);
});

Deno.test("TopScreen tells nothing of the processor for an R it sees for the first time", () => {
  const screen = new TopScreen();
  assert(!screen.lines(REPORT, 200, 24)[3]!.includes("%"));
  const restarted = { ...SESSION, pid: 1, cpuMs: 9000 };
  const lines = screen.lines({ ...REPORT, uptimeMs: 2000, sessions: [restarted] }, 200, 24);
  assert(!lines[3]!.includes("%"));
});

Deno.test("TopScreen fits any terminal", () => {
  const sessions = Array.from({ length: 64 }, () => SESSION);
  for (const [columns, rows] of [[80, 24], [20, 10], [200, 100], [1, 4]] as const) {
    const lines = new TopScreen().lines({ ...REPORT, sessions }, columns, rows);
    assert(lines.length <= rows, `${lines.length} lines of ${rows}`);
    for (const line of lines) assert(line.length <= columns, line);
  }
});

const JOB_ID = JOB.id;
const WAITING: readonly (readonly [ahead: number, ageMs: number | undefined, text: string])[] = [
  [0, undefined, "waiting for its turn"],
  [1, undefined, "waiting: 1 job ahead"],
  [3, undefined, "waiting: 3 jobs ahead"],
  [0, 12_000, "waiting for job 01234567, which has run for 12 s"],
  [2, 12_000, "waiting for job 01234567, which has run for 12 s, and 2 more"],
];

Deno.test("waitingText() says what a job waits for", () => {
  for (const [ahead, ageMs, text] of WAITING) {
    assertEquals(waitingText(waiting(ahead, ageMs)), text);
  }
});

Deno.test("WaitingLine rewrites one line, fits it to the terminal, and erases it once", () => {
  let written = "";
  const line = new WaitingLine((text) => written += text, 30);
  line.erase();
  assertEquals(written, "");
  line.show(waiting(3, undefined));
  line.show(waiting(0, 12_000));
  line.erase();
  line.erase();
  assertEquals(
    written.split("\r\x1b[K"),
    ["", "rtool: waiting: 3 jobs ahead", "rtool: waiting for job 012345", ""],
  );
});

Deno.test("findJobId() takes a whole id as it is, and asks which job a shortened one means", async () => {
  const other = { ...JOB, id: `0123456${"f".repeat(25)}` };
  const report = { ...REPORT, jobs: [JOB, other] };
  await using server = startPort(fakeEvaluator({ report: () => Promise.resolve(report) }));
  const to = { hostname: "127.0.0.1", port: server.port, timeoutMs: 5000, software: "test" };
  await using client = await Client.connect(to);
  assertEquals(await findJobId(client, "f".repeat(32)), "f".repeat(32));
  assertEquals(await findJobId(client, "01234567"), JOB_ID);
  assertEquals(await findJobId(client, "0123456F"), other.id);
  const wrong = ["0123456", "ffffff", "12345", "main", "", "0".repeat(33)];
  const codes = await Promise.all(wrong.map(async (given) => {
    return (await assertRejects(() => findJobId(client, given), RtoolError)).code;
  }));
  assertEquals(codes, ["usage", "unknown_job", "usage", "usage", "usage", "usage"]);
});

Deno.test("findSubcommand() knows its words, and suggests the nearest", () => {
  const words = ["list", "kill", "reset"] as const;
  assertEquals(findSubcommand("sessions", undefined, words), "list");
  assertEquals(findSubcommand("sessions", "kill", words), "kill");
  for (const [given, nearest] of [["kil", "kill"], ["rest", "reset"]] as const) {
    const error = assertThrows(() => findSubcommand("sessions", given, words), RtoolError);
    assertEquals([error.code, error.hint], ["usage", `did you mean ${nearest}?`]);
  }
});

function waiting(ahead: number, ageMs: number | undefined): Waiting {
  const holder = ageMs === undefined ? undefined : { job: JOB_ID, ageMs };
  return { kind: "waiting", ahead, holder };
}
