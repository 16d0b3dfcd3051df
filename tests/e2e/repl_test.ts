/**
 * `rtool repl` as its users have it: on a real terminal.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { RTOOL, rtool, startServer, type TestServer, text } from "./rtool.ts";
import { Pane } from "./tmux.ts";

/** What is typed stands behind the prompts. */
const RECORDED = `> x <- c(a = 1, b = 2)
> x
a b
1 2
> f <- function(n) {
+   n + 1
+ }
> f(1)
[1] 2
>
> # nothing
> 'two
+ lines'
[1] "two\\nlines"
> log(-1)
[1] NaN
Warning message:
In log(-1) : NaNs produced
> stop('no')
Error: no
> g <- function() stop('in g'); g()
Error in g() : in g
> 1 +* 2
Error: unexpected '*' in "1 +*"
> cat('half')
half> invisible(3); .Last.value
[1] 3
>`;

let server: TestServer;
let dir: string;
let sessions = 0;

// The server's pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

Deno.test.beforeAll(async () => {
  dir = await Deno.makeTempDir({ prefix: "rtool-repl-" });
  server = await startServer(["--stop-grace", "1s"]);
  await server.send(["-e", "invisible(1)"]);
});

Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Deno.remove(dir, { recursive: true });
});

test("a conversation looks as R's own", async () => {
  await using pane = await open();
  const typed = RECORDED.split("\n").flatMap((line) =>
    /^(?:half)?[>+] ?(.*)$/.exec(line)?.[1] ?? []
  );
  for (const line of typed.slice(0, -1)) await say(pane, line);
  assertEquals(await conversation(pane), RECORDED);
});

test("a paste of 200 lines is run in order, and none is lost", async () => {
  await using pane = await open();
  const block = (i: number) =>
    `f${i} <- function(x) {\n\tif (x) {\n\n    "two\n  lines" # a comment\n  }\n}\nn <- c(n, ${i})`;
  const blocks = Array.from({ length: 25 }, (_, i) => block(i + 1));
  const paste = ["n <- 0", ...blocks].join("\n") + "\n";
  assert(paste.split("\n").length > 200);
  await pane.paste(paste + "cat('sum', sum(n), length(n), nchar(f25(TRUE)), '\\n')\n");
  await pane.until((screen) => screen.includes("sum 325 26 11"));
  assert(!(await pane.screen()).includes("Error"));
});

test("Ctrl-C stops what runs, and the variables stay", async () => {
  await using pane = await open();
  await say(pane, "x <- 42");
  await pane.enter("{ cat('asleep\\n'); Sys.sleep(60) }");
  await pane.until((screen) => /^asleep$/m.test(screen));
  await pane.press("C-c");
  await pane.until((screen) => screen.includes("interrupted; the session's variables are kept"));
  await pane.enter("x");
  await pane.until((screen) => screen.includes("[1] 42"));
});

test("Ctrl-C clears the line and what came before it of an expression", async () => {
  await using pane = await open();
  await say(pane, "f <- function() {");
  await pane.type("half a");
  await pane.press("C-c");
  await pane.until((screen) => screen.endsWith("+ half a^C\n>"));
  await say(pane, "1 + 1");
  assertStringIncludes(await pane.screen(), "> 1 + 1\n[1] 2");
});

test("what is typed while R is busy is run afterwards; Ctrl-C drops it", async () => {
  await using pane = await open();
  await pane.enter("{ cat('busy\\n'); while (!file.exists('go')) Sys.sleep(0.01); unlink('go') }");
  await pane.until((screen) => /^busy$/m.test(screen));
  await pane.enter("cat('ahead', 1, '\\n')");
  await pane.enter("cat('ahead', 2, '\\n')");
  await Deno.writeTextFile(`${dir}/go`, "");
  await pane.until((screen) => screen.includes("ahead 1") && screen.includes("ahead 2"));
  await pane.enter("{ cat('again\\n'); Sys.sleep(60) }");
  await pane.until((screen) => /^again$/m.test(screen));
  await pane.enter("cat('ahead', 3, '\\n')");
  await pane.press("C-c");
  await pane.until((screen) => screen.includes("interrupted"));
  await say(pane, "'last'");
  assert(!(await pane.screen()).includes("ahead 3"));
});

test("readline() and menu() are answered from the terminal, also in a paste", async () => {
  await using pane = await open();
  await pane.enter("name <- readline('Name? ')");
  await pane.until((screen) => screen.endsWith("\nName?"));
  await pane.enter("Ada");
  await pane.enter("menu(c('tea', 'coffee'))");
  await pane.until((screen) => screen.endsWith("\nSelection:"));
  await pane.enter("2");
  await pane.until((screen) => screen.endsWith("[1] 2\n>"));
  await pane.paste("cat('For whom '); b <- readline('? ')\npasted answer\npaste(name, b)\n");
  await pane.until((screen) => screen.includes('[1] "Ada pasted answer"'));
  assertStringIncludes(await pane.screen(), "\nFor whom ? pasted answer\n");
});

test("Ctrl-C while R waits for an answer stops it, and Ctrl-D answers nothing", async () => {
  await using pane = await open();
  await pane.enter("x <- 'kept'; x <- readline('? ')");
  await pane.until((screen) => screen.endsWith("\n?"));
  await pane.press("C-c");
  await pane.until((screen) => screen.includes("interrupted"));
  await say(pane, "x");
  assertStringIncludes(await pane.screen(), '[1] "kept"');
  await pane.enter("readline('! ')");
  await pane.until((screen) => screen.endsWith("\n!"));
  await pane.press("C-d");
  await pane.until((screen) => screen.endsWith('[1] ""\n>'));
});

test("Tab completes functions, columns, packages, arguments and files", async () => {
  await using pane = await open();
  await say(pane, "df <- data.frame(colour = 1, size = 2)");
  await say(pane, "cat <- function(...) stop('not R')");
  await Deno.writeTextFile(`${dir}/unusual-name.csv`, "");
  const completions = [
    ["Sys.ti", "Sys.time"],
    ["df$co", "df$colour"],
    ["library(graphi", "library(graphics"],
    ["seq(1, length.o", "seq(1, length.out="],
    ["read.csv('unus", "read.csv('unusual-name.csv"],
  ] as const;
  for (const [typed, completed] of completions) {
    await pane.type(typed);
    await pane.press("Tab");
    await pane.until((screen) => screen.endsWith(`> ${completed}`));
    await pane.press("C-c");
    await pane.until((screen) => screen.endsWith("\n>"));
  }
  await pane.type("Sys.set");
  await pane.press("Tab", "Tab");
  await pane.until((screen) => /Sys\.setenv\s+Sys\.setFileTime/.test(screen));
});

test("lines are remembered across runs, and answers to R are not", async () => {
  const state = { XDG_STATE_HOME: `${dir}/state` };
  {
    await using pane = await open([], state);
    await say(pane, "first <- 1");
    await pane.enter("secret <- readline('? ')");
    await pane.until((screen) => screen.endsWith("\n?"));
    await pane.enter("hunter2");
    await pane.until((screen) => screen.endsWith("hunter2\n>"));
    await leave(pane);
  }
  const path = `${dir}/state/rtool/history`;
  assertEquals(await Deno.readTextFile(path), "first <- 1\nsecret <- readline('? ')\n");
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  await using pane = await open([], state);
  await pane.press("Up", "Up");
  await pane.until((screen) => screen.endsWith("> first <- 1"));
});

test("--no-history keeps nothing", async () => {
  await using pane = await open(["--no-history"], { XDG_STATE_HOME: `${dir}/none` });
  await say(pane, "x <- 1");
  await leave(pane);
  assertEquals(await Deno.stat(`${dir}/none`).catch(() => undefined), undefined);
});

test("Ctrl-D leaves with 0 and the session stays; quit() leaves with R's status", async () => {
  {
    await using pane = await open(["--session", "stays"]);
    await say(pane, "x <- 7");
    await leave(pane);
  }
  await using pane = await open(["--session", "stays"]);
  await say(pane, "x");
  assertStringIncludes(await pane.screen(), "[1] 7");
  await pane.enter("quit(status = 3)");
  await pane.until((screen) => screen.endsWith("status 3"));
  assertStringIncludes(await pane.screen(), "R has ended, and the session with it");
});

test("what runs long enough to be killed costs the session, which is said", async () => {
  await using pane = await open();
  await pane.enter("{ cat('deaf\\n'); suspendInterrupts(repeat NULL) }");
  await pane.until((screen) => /^deaf$/m.test(screen));
  await pane.press("C-c", "C-c");
  const screen = await pane.until((screen) => screen.includes("variables are gone"));
  assertStringIncludes(screen, "R is being stopped; it has not heeded Ctrl-C yet");
  assertStringIncludes(screen, "R ignored the interrupt and was killed");
  await say(pane, "1 + 1");
});

test("the width is the terminal's, also when that changes", async () => {
  await using pane = await open();
  await say(pane, "getOption('width')");
  assertStringIncludes(await pane.screen(), "[1] 80");
  await pane.resize(61);
  await say(pane, "getOption('width')");
  assertStringIncludes(await pane.screen(), "[1] 61");
});

test("a word behind a colon is for rtool; one it does not know names the nearest", async () => {
  await using pane = await open();
  await say(pane, ":plot x");
  await say(pane, "x <- 'here'");
  await say(pane, ":session other");
  await say(pane, "exists('x')");
  const screen = await pane.screen();
  assertStringIncludes(screen, "there is no :plot; did you mean :plots?");
  assertStringIncludes(screen, "rtool: session other\n> exists('x')\n[1] FALSE");
  await pane.enter(":quit");
  await pane.until((shown) => shown.endsWith("status 0"));
});

test("plots are drawn on line by line, and kept once :plots says where", async () => {
  await using pane = await open();
  await say(pane, "plot(1:3)");
  await say(pane, ":plots figures");
  await say(pane, "abline(h = 2)");
  await say(pane, "plot(3:1)");
  await say(pane, ":plots off");
  await say(pane, "lines(1:3)");
  const screen = await pane.screen();
  assert(!screen.includes("Error"), screen);
  const kept = [...Deno.readDirSync(`${dir}/figures`)].map(({ name }) => name).sort();
  assertEquals(kept, ["plot-001.png", "plot-002.png"]);
});

test("a session that another client uses is waited for, in sight", async () => {
  await using pane = await open(["--session", "shared"]);
  const code = "cat('on'); while (!file.exists('free')) Sys.sleep(0.01)";
  const other = server.send(["--session", "shared", "-e", code], { cwd: dir });
  await untilBusy("shared");
  await pane.enter("1 + 1");
  await pane.until((screen) => screen.includes("rtool: waiting for job"));
  await Deno.writeTextFile(`${dir}/free`, "");
  const screen = await pane.until((shown) => shown.endsWith("[1] 2\n>"));
  assert(!screen.includes("waiting"));
  assertEquals((await other).code, 0);
});

test("control sequences in data do not reach the terminal", async () => {
  await using pane = await open();
  await say(pane, "cat('a\\033]0;title\\007b\\n')");
  assertStringIncludes(await pane.screen(), "a\\x1b]0;title");
});

test("a lost connection is said, and ends it with 76", async () => {
  await using other = await startServer();
  await using pane = await open(["-p", String(other.port)]);
  await pane.enter("{ cat('on\\n'); Sys.sleep(60) }");
  await pane.until((screen) => /^on$/m.test(screen));
  Deno.kill(other.pid, "SIGKILL");
  await pane.until((screen) => screen.endsWith("status 76"));
  await other.stop();
});

test("without a terminal it names `rtool send`", async () => {
  const { code, stderr } = await rtool(["repl", "-p", String(server.port)], { stdin: "1 + 1\n" });
  assertEquals(code, 64);
  assertStringIncludes(text(stderr), "rtool send");
});

function test(name: string, fn: () => Promise<void>): void {
  Deno.test(name, ACROSS_TESTS, fn);
}

/** A REPL at its first prompt, in a session of its own. */
async function open(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Pane> {
  const at = args.includes("-p") ? [] : ["-p", String(server.port)];
  const session = args.includes("--session") ? [] : ["--session", `repl-${++sessions}`];
  const command = [...RTOOL, "repl", ...at, ...session, ...args];
  const pane = await Pane.open(command, { env: { XDG_STATE_HOME: dir, ...env }, cwd: dir });
  await pane.until((screen) => screen.endsWith("\n>"));
  return pane;
}

/** Types a line and waits until there is a prompt again. */
async function say(pane: Pane, line: string): Promise<void> {
  const prompts = (screen: string) => screen.split(/^(?:half)?[>+](?: |$)/m).length;
  const before = prompts(await pane.screen());
  await pane.enter(line);
  await pane.until((screen) => prompts(screen) > before && /[>+]$/.test(screen));
}

async function untilBusy(session: string): Promise<void> {
  for (let busy = false; !busy;) {
    const { stdout } = await rtool(["sessions", "--json", "-p", String(server.port)]);
    busy = new RegExp(`"${session}"[^}]*"busy"`).test(text(stdout));
  }
}

async function leave(pane: Pane): Promise<void> {
  await pane.press("C-d");
  await pane.until((screen) => screen.endsWith("status 0"));
}

/** The screen behind the banner. */
async function conversation(pane: Pane): Promise<string> {
  const [banner = "", ...lines] = (await pane.screen()).split("\n");
  assert(
    /^rtool \S+, R \S+ at 127\.0\.0\.1:\d+, session \S+; Ctrl-D leaves, :help$/.test(banner),
    banner,
  );
  return lines.join("\n");
}
