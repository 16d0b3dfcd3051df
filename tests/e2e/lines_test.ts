/**
 * `rtool send --lines` and `--ndjson`, as their users see them.
 */

import { assert, assertEquals } from "@std/assert";
import { rtool, type Run, spawnRtool, startServer, type TestServer, text } from "./rtool.ts";

let server: TestServer;
let dir: string;

// The server's pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

Deno.test.beforeAll(async () => {
  dir = await Deno.makeTempDir({ prefix: "rtool-lines-" });
  await Deno.mkdir(`${dir}/R`);
  await Deno.writeTextFile(`${dir}/R/deep.R`, DEEP);
  await Deno.writeTextFile(`${dir}/R/main.R`, MAIN);
  server = await startServer();
});

Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Deno.remove(dir, { recursive: true });
});

const DEEP = `# Three calls deep.
outer <- function(x) {
  middle(x + 1)
}
middle <- function(y) inner(y)
inner <- function(z) {
  z <- z * 2

  stop("too deep")
}
`;

const MAIN = `source("R/deep.R")
cat("before\\n")
outer(1)
`;

const R_SAYS = "Error in inner(y) : too deep\nCalls: outer -> middle -> inner\nExecution halted\n";

Deno.test(
  "an error three calls deep in a sourced file prints as in Rscript",
  ACROSS_TESTS,
  async () => {
    const run = await server.send(["R/main.R"], { cwd: dir });
    assertEquals(shownRun(run), { stdout: "before\n", stderr: R_SAYS, code: 1 });
  },
);

Deno.test("with --lines its calls follow, each with file and line", ACROSS_TESTS, async () => {
  const run = await server.send(["--lines", "R/main.R"], { cwd: dir });
  const stderr = `${R_SAYS}rtool: the error came from main.R#3
4: stop("too deep") at deep.R#9
3: inner(y) at deep.R#5
2: middle(x + 1) at deep.R#3
1: outer(1) at main.R#3
`;
  assertEquals(shownRun(run), { stdout: "before\n", stderr, code: 1 });
});

Deno.test("with --json the calls are data, with and without --lines", ACROSS_TESTS, async () => {
  const error = async (args: string[]) => {
    const run = await server.send(["--json", ...args, "R/main.R"], { cwd: dir });
    const { line, traceback } = JSON.parse(text(run.stdout)).outcome.error;
    return [line, ...traceback];
  };
  assertEquals(await error([]), [3, "outer(1)", "middle(x + 1)", "inner(y)", 'stop("too deep")']);
  assertEquals((await error(["--lines"])).slice(0, 2), [3, "outer(1) at main.R#3"]);
});

Deno.test(
  "code from stdin is stdin in --lines, and a syntax error has a line",
  ACROSS_TESTS,
  async () => {
    const run = await server.send(["--lines"], { stdin: "1\nx y\n" });
    const stderr = 'Error: unexpected symbol in "x y"\nExecution halted\n' +
      "rtool: the error came from stdin#2\n";
    assertEquals(shownRun(run), { stdout: "[1] 1\n", stderr, code: 1 });
  },
);

Deno.test("--lines adds nothing to code that does not fail", ACROSS_TESTS, async () => {
  const run = await server.send(["--lines", "-e", "f <- function(x)  x; f; warning('w')"]);
  const stderr = "Warning message:\nw \n";
  assertEquals(shownRun(run), { stdout: "function(x)  x\n", stderr, code: 0 });
});

Deno.test("--ndjson prints events as they happen, and nothing else", ACROSS_TESTS, async () => {
  const code = "cat('é\\n'); message('m'); warning('w'); f <- function() stop('no'); f()";
  const run = await server.send(["--ndjson", "-n", "-e", code]);
  assertEquals([text(run.stderr), run.code], ["", 1]);
  const lines = eventsOf(run).filter(({ event }) => event !== "waiting");
  const kinds = lines.map(({ event }) => event);
  assertEquals([kinds[0], kinds[1], kinds.at(-1)], ["accepted", "started", "end"]);
  const textOf = (kind: string) => {
    return lines.filter(({ event }) => event === kind).map((line) => line["text"]).join("");
  };
  assertEquals(textOf("stdout"), "é\n");
  assertEquals([textOf("message"), textOf("warning")], ["m\n", "w"]);
  assert(textOf("stderr").includes("Error in f() : no\n"));
  const { exit_status, origin, outcome } = lines.at(-1) as unknown as EndLine;
  assertEquals([exit_status, origin, outcome.error.traceback], [1, "r", ["f()", 'stop("no")']]);
});

Deno.test("an event's line does not wait for the next event", ACROSS_TESTS, async () => {
  const release = `${dir}/release`;
  const code = `cat("first"); while (!file.exists("${release}")) Sys.sleep(0.01)`;
  // The job ends only because its line is seen: with one held back it would run out of time.
  const args = ["send", "-p", String(server.port), "--ndjson", "-n", "-t", "20s", "-e", code];
  const child = spawnRtool(args);
  let output = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += piece;
    if (output.includes('"text":"first"')) await Deno.writeTextFile(release, "");
  }
  await child.stderr.cancel();
  assertEquals((await child.status).code, 0);
});

Deno.test("--ndjson hands over items, their bytes in base64", ACROSS_TESTS, async () => {
  const run = await server.send(["--ndjson", "-n", "--value", "json", "-e", "1L"]);
  const [head, bytes, end, ...more] = eventsOf(run).filter(({ event }) =>
    /^item/.test(String(event))
  );
  assertEquals([head, end, more], [{ event: "item", kind: "value" }, { event: "item_end" }, []]);
  // R's format, and the integer at its end.
  const data = atob(String(bytes?.["data"]));
  assertEquals([data.slice(0, 2), data.slice(-4)], ["B\n", "\x01\0\0\0"]);
});

Deno.test("attach --ndjson tells a job's events again", ACROSS_TESTS, async () => {
  const sent = await server.send(["--ndjson", "--detach", "-e", "cat('kept')"]);
  const [accepted, ...more] = eventsOf(sent);
  assertEquals([accepted?.["event"], more], ["accepted", []]);
  const port = String(server.port);
  const run = await rtool(["attach", "--ndjson", "-p", port, String(accepted?.["job"])]);
  const lines = eventsOf(run).filter(({ event }) => event !== "waiting");
  assertEquals(lines.map(({ event }) => event), ["accepted", "started", "stdout", "end"]);
  assertEquals([lines[2]?.["text"], lines[3]?.["job"]], ["kept", accepted?.["job"]]);
});

Deno.test("a server that is not there is a line too", ACROSS_TESTS, async () => {
  const run = await rtool(["send", "--ndjson", "-p", "1", "-e", "1"]);
  assertEquals([run.code, text(run.stderr)], [69, ""]);
  const [end, ...more] = eventsOf(run) as unknown as EndLine[];
  assertEquals([end?.["event"], end?.["outcome"].code, end?.["exit_status"], more], [
    "end",
    "cannot_connect",
    69,
    [],
  ]);
});

Deno.test("--json and --ndjson exclude each other", ACROSS_TESTS, async () => {
  const run = await server.send(["--json", "--ndjson", "-e", "1"]);
  assertEquals([run.code, text(run.stdout)], [64, ""]);
  assert(text(run.stderr).startsWith("rtool: --json and --ndjson exclude each other\n"));
});

interface EndLine {
  readonly event: string;
  readonly exit_status: number;
  readonly origin: string;
  readonly outcome: { readonly code: string; readonly error: { readonly traceback: string[] } };
}

function eventsOf(run: Run): Record<string, unknown>[] {
  const lines = text(run.stdout).split("\n");
  assertEquals(lines.pop(), "");
  return lines.map((line) => JSON.parse(line));
}

function shownRun({ stdout, stderr, code }: Run): unknown {
  return { stdout: text(stdout), stderr: text(stderr), code };
}
