/**
 * `rtool map` as a process, against a server of a few lines: what it asks for, what it says, and
 * what it ends with.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Evaluator, JobEvent, JobRequest } from "../core/job.ts";
import { EMPTY_RECEIPT } from "../core/job.ts";
import { MapProgress, progressText } from "../cli/map_progress.ts";
import { StatusLine } from "../cli/status_line.ts";
import { decodeValue } from "../rdata/read.ts";
import { fromJson } from "../rdata/json_read.ts";
import { numeric } from "../rdata/values.ts";
import { encodeValue } from "../rdata/write.ts";
import { RTOOL, rtool, type RunOptions, text } from "./e2e/rtool.ts";
import { run as runProcess } from "./e2e/processes.ts";
import { createEvaluator, okEnd, startPort } from "./fake_port.ts";

/** An evaluator that gives each item back, and notes what it is asked for. */
function echoing() {
  const requests: JobRequest[] = [];
  const items: unknown[] = [];
  const evaluator = createEvaluator(async function* (request) {
    requests.push(request);
    const bytes = await Deno.readFile(request.uploads.at(-1)!.path!);
    items.push(decodeValue(bytes));
    yield { kind: "started", note: undefined };
    yield { kind: "item", item: { kind: "value" } };
    yield { kind: "item_bytes", bytes };
    yield { kind: "item_end", problem: undefined };
    yield okEnd();
  });
  return { evaluator, requests, items };
}

/** Fails each item with its own index. */
const FAILING = createEvaluator(async function* (): AsyncGenerator<JobEvent> {
  yield await Promise.resolve({ kind: "started", note: undefined });
  const text = "boom\nin two lines";
  const error = { kind: "error", text, call: null, classes: ["error"] } as const;
  yield {
    kind: "end",
    outcome: { kind: "error", error, halted: false },
    receipt: EMPTY_RECEIPT,
  };
});

async function run(evaluator: Evaluator, args: readonly string[], options: RunOptions = {}) {
  const spoolDir = await Deno.makeTempDir({ prefix: "rtool-spool-" });
  try {
    await using server = startPort(evaluator, { spoolDir });
    const ended = await rtool(["map", "-p", String(server.port), ...args], options);
    return { code: ended.code, stdout: text(ended.stdout), stderr: text(ended.stderr) };
  } finally {
    await Deno.remove(spoolDir, { recursive: true });
  }
}

Deno.test("each line is a stateless job with its item as data, and what all items are given", async () => {
  const { evaluator, requests, items } = echoing();
  const given = ["--set", "n=[1]", "--env", "A=b", "--timeout", "5s", "--memory", "1GiB"];
  const args = ["-e", ".item + n", "--over", "-", "-j", "1", ...given, "--", "x"];
  const { code, stdout, stderr } = await run(evaluator, args, { stdin: "1\n[2,3]\n" });
  assertEquals(
    stdout,
    '{"index":0,"outcome":"ok","value":[1]}\n' +
      '{"index":1,"outcome":"ok","value":[2,3]}\n',
  );
  assertMatch(stderr, /^rtool: 2 items in .*: 2 ok\n$/);
  assertEquals(code, 0);
  assertEquals(items, [fromJson("1"), fromJson("[2,3]")]);
  for (const request of requests) {
    const { code, session, env, timeoutMs, limits, wants, detach, key } = request;
    assertEquals({ code, session, env, timeoutMs, limits, wants, detach, key }, {
      code: ".item + n",
      session: undefined,
      env: { A: "b" },
      timeoutMs: 5000,
      limits: { memoryBytes: 2 ** 30 },
      wants: { value: true, plots: [], files: [] },
      detach: false,
      key: undefined,
    });
    assertEquals(request.args?.slice(-2), ["--args", "x"]);
    const targets = request.uploads.map(({ target }) => target);
    assertEquals(targets, [{ kind: "data", name: "n" }, { kind: "data", name: ".item" }]);
  }
});

Deno.test("a file with a bad line is refused before anything runs; stdin is at its line", async () => {
  const { evaluator, requests } = echoing();
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "1\n2\nthree\n");
  const file = await run(evaluator, ["-e", "1", "--over", path]);
  await Deno.remove(path);
  assertEquals([file.code, file.stdout, requests.length], [65, "", 0]);
  assertEquals(file.stderr, `rtool: ${path}, line 3, column 1: it is no JSON: unexpected "t"\n`);
  const piped = await run(evaluator, ["-e", "1", "--over", "-"], { stdin: "1\n2\nthree\n4\n" });
  assertEquals([piped.code, piped.stdout.split("\n").length, requests.length], [65, 3, 2]);
  assertStringIncludes(piped.stderr, "rtool: stdin, line 3, column 1: it is no JSON");
});

Deno.test("failures are results too: one exit status, and a list of the first ten", async () => {
  const stdin = "1\n".repeat(12);
  const { code, stdout, stderr } = await run(FAILING, ["-e", "1", "--over", "-"], { stdin });
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ index }) => index), Array.from({ length: 12 }, (_, n) => n));
  assertEquals(lines[0].message, "boom\nin two lines");
  assertEquals(lines[0].error.classes, ["error"]);
  const said = stderr.trim().split("\n");
  assertEquals(said.filter((line) => /^rtool: item \d+: error: boom$/.test(line)).length, 10);
  assertEquals(said[10], "rtool: and 2 more");
  assertMatch(said[11]!, /^rtool: 12 items in .*: 0 ok, 12 failed$/);
  assertEquals(code, 1);
  const quiet = await run(FAILING, ["-q", "-e", "1", "--over", "-"], { stdin: "1\n" });
  assertEquals([quiet.stderr, quiet.code], ["rtool: item 0: error: boom\n", 1]);
});

Deno.test("what items print goes nowhere, or to stderr line by line behind their index", async () => {
  const printing = createEvaluator(async function* () {
    const bytes = new TextEncoder().encode(`a\n${"b".repeat(9000)}`);
    yield await Promise.resolve({ kind: "stdout", bytes });
    yield { kind: "stderr", bytes: new TextEncoder().encode("no line end") };
    yield* valueOf();
  });
  const args = ["-e", "1", "--over", "-"];
  const silent = await run(printing, ["-q", ...args], { stdin: "1\n" });
  assertEquals([silent.stdout, silent.stderr], ['{"index":0,"outcome":"ok","value":[7]}\n', ""]);
  const shown = await run(printing, ["-q", "--show-output", ...args], { stdin: "1\n" });
  assertEquals(shown.stdout, silent.stdout);
  const pieces = ["a", "b".repeat(8192), "b".repeat(9000 - 8192), "no line end"];
  assertEquals(shown.stderr, pieces.map((piece) => `0: ${piece}\n`).join(""));
});

Deno.test("what cannot be meant is refused with 64, and says why", async () => {
  const cases: readonly (readonly [args: readonly string[], said: string])[] = [
    [["-e", "1"], "--over names a file"],
    [["--over", "-"], "Which script?"],
    [["-", "--over", "-"], "both the script and the items"],
    [["-e", "1", "--over", "-", "--resume"], "--resume needs -o FILE"],
    [["-e", "1", "--over", "-", "-o", "x", "--failed"], "--failed needs --resume"],
    [["-e", "1", "--over", "-", "-j", "257"], "at most 256"],
    [["-e", "1", "--over", "-", "--set", ".item=1"], "Cannot set .item"],
  ];
  for (const [args, said] of cases) {
    const { code, stderr } = await run(FAILING, args, { stdin: "1\n" });
    assertEquals(code, 64, stderr);
    assertStringIncludes(stderr, said);
  }
  const absent = await run(FAILING, ["-e", "1", "--over", "/nonexistent/items"]);
  assertEquals(absent.code, 66);
});

Deno.test("a server that is not there is said to be so in two lines, and that is all", async () => {
  const args = ["map", "-p", "1", "-e", "1", "--over", "-"];
  const { code, stderr } = await rtool(args, { stdin: "1\n" });
  assertEquals([code, text(stderr).trim().split("\n").length], [69, 2], text(stderr));
  assertStringIncludes(text(stderr), "Cannot connect to 127.0.0.1:1");
});

Deno.test("results that are there are not written over, and another script or item is refused", async () => {
  const { evaluator, requests } = echoing();
  const dir = await Deno.makeTempDir();
  const args = ["--over", "-", "-o", "out.ndjson"];
  const go = async (code: string, stdin: string, ...more: string[]) => {
    const ended = await run(evaluator, ["-e", code, ...args, ...more], { stdin, cwd: dir });
    return [ended.code, ended.stderr.replaceAll("rtool: ", "").split("\n")[0]];
  };
  assertEquals((await go("1", "1\n2\n"))[0], 0);
  const written = await Deno.readTextFile(`${dir}/out.ndjson`);
  assertEquals(await go("1", "1\n2\n"), [64, "out.ndjson holds results already"]);
  const [code, said] = await go("2", "1\n2\n", "--resume");
  assertEquals([code, String(said).slice(0, 25)], [64, "Cannot resume: the script"]);
  for (const stdin of ["1\n3\n4\n", "1\n"]) {
    assertEquals((await go("1", stdin, "--resume"))[0], 64, stdin);
  }
  assertEquals([await Deno.readTextFile(`${dir}/out.ndjson`), requests.length], [written, 2]);
  assertEquals((await go("1", "1\n2\n3\n", "--resume"))[0], 0, "What is new is run");
  assertEquals(requests.length, 3);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a reader that leaves ends the map", async () => {
  const { evaluator } = echoing();
  const spoolDir = await Deno.makeTempDir({ prefix: "rtool-spool-" });
  await using server = startPort(evaluator, { spoolDir });
  const map = `${RTOOL.join(" ")} map -q -p ${server.port} -e 1 --over -`;
  const shell = `{ yes 1 | ${map}; echo $? >&2; } | head -n 2`;
  const ended = await runProcess(["sh", "-c", shell]);
  assertEquals(text(ended.stdout).split("\n").length, 3);
  assertEquals(text(ended.stderr).trim().split("\n").at(-1), "141");
  await Deno.remove(spoolDir, { recursive: true });
});

Deno.test("progress is one line: how far, what runs, what failed, how long still", () => {
  const standing = { done: 500, doneNow: 250, failed: 3, running: 4, total: 2000 };
  const known = "rtool: [#####---------------] 500 of 2,000, 3 failed, 4 running, about 1 min left";
  assertEquals(progressText(standing, 10_000), known);
  assertEquals(
    progressText({ ...standing, failed: 0, total: undefined }, 10_000),
    "rtool: 500, 4 running",
  );
});

Deno.test("what is written while progress is shown stands above it, and the line goes at the end", async () => {
  let screen = "";
  const line = new StatusLine((text) => screen += text, 40);
  {
    using progress = new MapProgress(line, () => {
      return { done: 1, doneNow: 1, failed: 0, running: 2, total: 3 };
    });
    progress.update();
    await progress.above(() => {
      screen += "result\n";
      progress.update();
    });
  }
  const shown = "\r\x1b[Krtool: [######--------------] 1 of 3, 2";
  assertEquals(screen, `${shown}\r\x1b[Kresult\n${shown}\r\x1b[K`);
});

async function* valueOf(): AsyncGenerator<JobEvent> {
  yield await Promise.resolve({ kind: "item", item: { kind: "value" } });
  yield { kind: "item_bytes", bytes: wire(numeric([7])) };
  yield { kind: "item_end", problem: undefined };
  yield okEnd();
}

function wire(value: ReturnType<typeof numeric>): Uint8Array {
  return Uint8Array.from(encodeValue(value).flatMap((part) => [...part]));
}
