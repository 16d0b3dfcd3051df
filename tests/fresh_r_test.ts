/**
 * Sessions made for one job: clean, ended as Rscript ends, and nothing of them left, however R was
 * started.
 */

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { EngineOptions } from "../engine/sessions.ts";
import { collect, type Ended, markedProcesses, type More, TestEngine } from "./engine.ts";

const FRESH: More = { session: undefined };
const CLIENT = { kind: "cancelled", reason: "client" } as const;
const GIVES_IN = "cat('on'); system('sleep 60')";
const STUBBORN = "repeat tryCatch({ cat('on'); Sys.sleep(60) }, interrupt = function(c) NULL)";

for (const start of ["fork", "spawn"] as const) {
  const started = (options: Partial<EngineOptions> = {}) =>
    TestEngine.started({ start, spares: 2, ...options });

  Deno.test(`${start}: a fresh job sees nothing of another`, async () => {
    await using engine = await started();
    const leave =
      "x <- 1; options(digits = 3, mine = TRUE); library(tools); set.seed(1); runif(1);" +
      "Sys.setenv(LEFT = 'yes'); setwd(tempdir()); writeLines('a', 'left.txt');" +
      "f <- file('b', 'w')";
    await engine.run(leave, FRESH);
    const { stdout } = await engine.run(LOOK, FRESH);
    assertEquals(stdout, "character(0) 7 TRUE FALSE FALSE FALSE character(0) character(0) \n");
  });

  Deno.test(`${start}: fresh jobs differ in temporary directory, directory, process, numbers`, async () => {
    await using engine = await started();
    const code = "cat(tempdir(), getwd(), Sys.getpid(), runif(1))";
    const [a, b] = await Promise.all([engine.run(code, FRESH), engine.run(code, FRESH)]);
    const [first, second] = [a.stdout.split(" "), b.stdout.split(" ")];
    for (const index of [0, 1, 2, 3]) assertNotEquals(first[index], second[index]);
  });

  Deno.test(`${start}: what Rscript does at its end a fresh job does too`, async () => {
    await using engine = await started();
    const text = async (code: string) => (await engine.run(code, FRESH)).stdout;
    assertEquals(await text(".Last <- function() cat('last\\n')"), "last\n");
    const finalizer = "invisible(reg.finalizer(environment(), function(e) cat('over\\n'), TRUE))";
    assertEquals(await text(finalizer), "over\n");
    const both = await engine.run(`${finalizer}; stop('no')`, FRESH);
    assertEquals([both.stdout, both.outcome.kind], ["over\n", "error"]);
    const dir = await Deno.makeTempDir();
    await engine.run(
      "f <- file('unclosed.txt', 'w'); cat('kept', file = f); pdf('own.pdf'); plot(1)",
      { ...FRESH, cwd: dir },
    );
    assertEquals(await Deno.readTextFile(`${dir}/unclosed.txt`), "kept");
    assertMatch(await Deno.readTextFile(`${dir}/own.pdf`), /%%EOF\s*$/);
    await Deno.remove(dir, { recursive: true });
  });

  Deno.test(`${start}: errors, quits and crashes of a fresh job are told as ever`, async () => {
    await using engine = await started();
    const ends: readonly (readonly [string, Partial<Ended["outcome"]>])[] = [
      ["1", { kind: "ok" }],
      ["stop('no')", { kind: "error" }],
      ["quit(status = 7)", { kind: "quit", status: 7 }],
      ["tools::pskill(Sys.getpid(), 11)", { kind: "crashed", signal: "SIGSEGV" }],
      ["tools::pskill(Sys.getpid(), 9); Sys.sleep(9)", { kind: "crashed", signal: "SIGKILL" }],
    ];
    for (const [code, expected] of ends) {
      const { outcome } = await engine.run(code, FRESH);
      assertEquals({ ...outcome, ...expected }, outcome, code);
    }
  });

  Deno.test(`${start}: no byte of a fresh job is lost, also of what its children print`, async () => {
    await using engine = await started();
    const code = "invisible(lapply(1:2000, function(i) cat(strrep('x', 999), '\\n', sep = '')));" +
      "system('head -c 1000000 /dev/zero'); message('done')";
    const jobs = await Promise.all([1, 2, 3].map(() => engine.run(code, FRESH)));
    for (const { stdout, stderr } of jobs) {
      assertEquals(stdout.length, 3_000_000);
      assertEquals(stderr, "done\n");
    }
  });

  Deno.test(`${start}: nothing of a fresh job is left`, async () => {
    await using engine = await started({ spares: 1 });
    const code = "cat(Sys.getenv('RTOOL_WORKER')); system('(sleep 60 &) ; setsid sleep 60 &');" +
      "parallel::mcparallel(Sys.sleep(60)); invisible()";
    const { stdout: worker } = await engine.run(code, FRESH);
    await until(() => markedProcesses(worker).length === 0);
    await until(() => ![...Deno.readDirSync(engine.dir)].some(({ name }) => name === worker));
  });

  Deno.test(`${start}: a fresh job is stopped like any other`, async () => {
    await using engine = await started({ stopGraceMs: 300 });
    const late = await engine.run("Sys.sleep(60)", { ...FRESH, timeoutMs: 1000 });
    assertEquals([late.outcome.kind, late.receipt.rung], ["timeout", "interrupt"]);
    for (const [work, rung] of [[GIVES_IN, "interrupt"], [STUBBORN, "kill"]] as const) {
      const job = await engine.submit(work, FRESH);
      const { receipt } = await collect(job, () => job.cancel(CLIENT));
      assertEquals(receipt.rung, rung);
    }
  });

  Deno.test(`${start}: every session has what was preloaded`, async () => {
    const script = await Deno.makeTempFile({ suffix: ".R" });
    await Deno.writeTextFile(script, "answer <- 42; invisible(runif(1)); library(splines)");
    await using engine = await started({
      preload: { packages: ["tools", "stats4"], scripts: [script] },
    });
    const code =
      "cat(answer, c('package:tools', 'package:stats4', 'package:splines') %in% search())";
    for (const session of [undefined, "named"]) {
      assertEquals((await engine.run(code, { session })).stdout, "42 TRUE TRUE TRUE");
    }
    const drawn = await Promise.all([1, 2].map(() => engine.run("cat(runif(1))", FRESH)));
    assertNotEquals(drawn[0]?.stdout, drawn[1]?.stdout);
    await Deno.remove(script);
  });

  Deno.test(`${start}: a package that cannot be preloaded is named`, async () => {
    const engine = new TestEngine({ start, preload: { packages: ["noSuch"], scripts: [] } });
    const error = await engine.sessions.start().catch((error) => error);
    assertMatch(String(error), /there is no package called .noSuch./);
    await engine[Symbol.asyncDispose]();
  });
}

Deno.test("fork: a session's directories and channels are its own, and it cannot close them", async () => {
  await using engine = await TestEngine.started({ start: "fork", spares: 1 });
  await engine.run("rm(list = ls(all.names = TRUE)); gc(); closeAllConnections()");
  assertEquals((await engine.run("cat('still here')")).stdout, "still here");
});

Deno.test("fork: sessions go on when the R they were forked from dies, and new ones come", async () => {
  await using engine = await TestEngine.started({ start: "fork", spares: 1 });
  await engine.run("x <- 1; cat(Sys.getpid())");
  const parent = Number(
    (await engine.run("cat(readLines('/proc/self/stat'))")).stdout.split(" ")[3],
  );
  Deno.kill(parent, "SIGKILL");
  assertEquals((await engine.run("cat(x)")).stdout, "1");
  assertEquals((await engine.run("cat('new')", { session: "other" })).stdout, "new");
  const code = "tools::pskill(Sys.getpid(), 9); Sys.sleep(9)";
  assertEquals((await engine.run(code)).outcome.kind, "crashed");
});

Deno.test("jobs wait while R fails to start, and have theirs when it starts again", async () => {
  await using dir = await makeDir();
  const command = `${dir.path}/R`;
  // Of two starts at once only one removes a file: it fails, and no other for the same reason.
  const failing = 'for each in "$0".fails.*; do rm "$each" 2>/dev/null && exit 9; done';
  await Deno.writeTextFile(command, `#!/bin/sh\n${failing}\nexec R "$@"\n`, { mode: 0o755 });
  await using engine = await TestEngine.started({ start: "spawn", spares: 2, command });
  await engine.run("1", { session: "first" });
  for (const time of ["once", "twice"]) await Deno.writeTextFile(`${command}.fails.${time}`, "");
  const names = ["a", "b", "c", "d"];
  const ends = await Promise.all(
    names.map((session) => engine.run("cat(session <- 1)", { session })),
  );
  assertEquals(ends.map(({ outcome }) => outcome.kind), ["ok", "ok", "ok", "ok"]);
});

Deno.test("other bounds hold for the sessions that come after, forked ones too", async () => {
  await using engine = await TestEngine.started({ start: "fork", spares: 2 });
  const { options, sessions } = engine;
  const fileBytes = 1 << 16;
  sessions.reconfigure({ ...options, systemLimits: { ...options.systemLimits, fileBytes } });
  const { outcome } = await engine.run("writeBin(raw(1e6), 'big')", FRESH);
  assertEquals(outcome, { kind: "limited", limit: "file_size", max: fileBytes });
});

/** What a job could see of another. */
const LOOK = "cat(deparse(ls(all.names = TRUE)), getOption('digits'), is.null(getOption('mine'))," +
  "'package:tools' %in% search(), exists('.Random.seed'), nzchar(Sys.getenv('LEFT'))," +
  "deparse(list.files(tempdir())), deparse(list.files()), '\\n')";

async function until(met: () => boolean): Promise<void> {
  const patience = performance.now() + 5000;
  while (!met()) {
    assert(performance.now() < patience, "It did not come true within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function makeDir(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
