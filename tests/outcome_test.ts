/**
 * Outcomes for people and shells: the table of the design, one line each.
 */

import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { ERROR_CODES, EXIT_STATUS } from "../core/errors.ts";
import type { LimitName, Outcome } from "../core/job.ts";
import { exitStatus, maybeAdvice, outcomeText } from "../core/outcome.ts";

const ERROR = { kind: "error", text: "no", call: null, classes: [] } as const;

const STATUS: readonly (readonly [what: string, outcome: Outcome, status: number])[] = [
  ["evaluated", { kind: "ok" }, 0],
  ["an R error", { kind: "error", error: ERROR, halted: false }, 1],
  ["R halted", { kind: "error", error: ERROR, halted: true }, 1],
  ["quit(status = 0)", { kind: "quit", status: 0 }, 0],
  ["quit(status = 3)", { kind: "quit", status: 3 }, 3],
  ["quit(status = 255)", { kind: "quit", status: 255 }, 255],
  ["the time limit", { kind: "timeout", limitMs: 1500 }, 124],
  ["cancelled by its client", { kind: "cancelled", reason: "client" }, 130],
  ["its client went away", { kind: "cancelled", reason: "gone" }, 130],
  ["the server shut down", { kind: "cancelled", reason: "shutdown" }, 75],
  ["R died of SIGSEGV", crashed("SIGSEGV"), 139],
  ["R died of SIGKILL", crashed("SIGKILL"), 137],
  ["R died of SIGABRT", crashed("SIGABRT"), 134],
  ["R died of SIGTERM", crashed("SIGTERM"), 143],
  ["R died of SIGBUS", crashed("SIGBUS"), 135],
  ["R vanished with status 2", crashed(null, 2), 2],
  ["R vanished with status 0", crashed(null, 0), 76],
  ["R vanished", crashed(null, null), 76],
  ["the output limit", { kind: "limited", limit: "output", max: 10 }, 1],
  ["lost", { kind: "lost", message: "gone" }, 76],
];

for (const [what, outcome, status] of STATUS) {
  Deno.test(`\`rtool send\` exits with ${status} when a job ended so: ${what}`, () => {
    assertEquals(exitStatus(outcome), status);
  });
}

Deno.test("a job that was not started exits with the status of the reason", () => {
  for (const code of ERROR_CODES) {
    assertEquals(exitStatus({ kind: "rejected", code, message: "" }), EXIT_STATUS[code]);
  }
  const status = (code: keyof typeof EXIT_STATUS) => EXIT_STATUS[code];
  assertEquals(
    ["busy", "not_allowed", "bad_request", "draining"].map((code) => {
      return status(code as keyof typeof EXIT_STATUS);
    }),
    [75, 77, 64, 75],
  );
});

Deno.test("nothing but success, and quit(status = 0), exits with 0", () => {
  for (const [what, outcome] of STATUS) {
    const isSuccess = outcome.kind === "ok" || (outcome.kind === "quit" && outcome.status === 0);
    assertEquals(exitStatus(outcome) === 0, isSuccess, what);
  }
  for (const code of ERROR_CODES) assert(EXIT_STATUS[code] !== 0, code);
});

Deno.test("every signal that Deno knows has an exit status over 128", () => {
  const signals: Deno.Signal[] = [
    ...["SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS"] as const,
    ...["SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM"] as const,
    ...["SIGTERM", "SIGXCPU", "SIGXFSZ", "SIGSYS", "SIGSTKFLT", "SIGVTALRM", "SIGPROF"] as const,
  ];
  for (const signal of signals) assert(exitStatus(crashed(signal)) > 128, signal);
});

Deno.test("outcomeText() says each outcome in one line without a full stop", () => {
  for (const [what, outcome] of STATUS) {
    const text = outcomeText(outcome);
    assert(text.length > 0, what);
    assertNotMatch(text, /\n|\.$/);
  }
});

Deno.test("outcomeText() names the limit, the signal and the reason", () => {
  assertEquals(outcomeText({ kind: "timeout", limitMs: 1500 }), "time limit of 1.5 s reached");
  assertEquals(outcomeText(crashed("SIGSEGV")), "R died of SIGSEGV");
  assertEquals(outcomeText({ kind: "error", error: ERROR, halted: false }), "no");
});

/** What a limit's text says, and what raises it. */
const LIMITS: Readonly<Record<LimitName, readonly [max: number, text: string, word: RegExp]>> = {
  cpu: [90_000, "processor time limit of 1 min 30 s reached", /--cpu.*cpu_max/],
  memory: [
    2 ** 32,
    "memory limit of 4 GiB reached, by R and what it had started",
    /--memory.*memory_max/,
  ],
  output: [1024, "output limit of 1 KiB reached", /--output.*output_max/],
  processes: [128, "limit of 128 processes reached", /--processes.*processes_max/],
  open_files: [256, "limit of 256 open files reached", /open_files_max/],
  file_size: [2 ** 34, "file size limit of 16 GiB reached", /file_size_max/],
  value: [1024, "the value has more than 1 KiB", /value_max/],
  files: [1024, "the files have more than 1 KiB", /files_max/],
  disk: [2 ** 24, "less than 16 MiB is left on the server's disk", /disk_left_min/],
};

for (const [limit, [max, text, word]] of Object.entries(LIMITS)) {
  Deno.test(`outcomeText() names the bound '${limit}', and the advice says what raises it`, () => {
    const outcome: Outcome = { kind: "limited", limit: limit as LimitName, max };
    assertEquals(outcomeText(outcome), text);
    assertMatch(maybeAdvice(outcome)!, word);
    assertEquals(exitStatus(outcome), 1);
  });
}

Deno.test("outcomeText() speaks of one process, and of a disk that is full", () => {
  const text = (limit: LimitName, max: number) => outcomeText({ kind: "limited", limit, max });
  assertEquals(text("processes", 1), "limit of 1 process reached");
  assertEquals(text("disk", 0), "nothing is left on the server's disk");
});

Deno.test("there is advice only for what can be raised", () => {
  for (const [what, outcome] of STATUS) {
    assertEquals(maybeAdvice(outcome) !== undefined, outcome.kind === "limited", what);
  }
});

function crashed(signal: string | null, status: number | null = null): Outcome {
  return { kind: "crashed", signal, status, message: "last words" };
}
