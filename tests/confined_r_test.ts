/**
 * A confined R does what any other does, sees nothing of the machine, and goes with all it started.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { RtoolError } from "../core/errors.ts";
import type { Upload } from "../core/item.ts";
import { processesWith } from "../engine/process_table.ts";
import { WORKER_VARIABLE } from "../engine/spawn.ts";
import { confinedEngine, makeSandbox, sleepers, workerUser } from "./confined.ts";
import { BARE, collect, type Ended, markedProcesses, TestEngine, USER } from "./engine.ts";

const NO_LIMITS = { memoryBytes: undefined, openFiles: undefined, fileBytes: undefined };

Deno.test("a confined session keeps its variables, and prints as any other", async () => {
  await using engine = await confinedEngine();
  assertEquals((await engine.run("x <- 41; x + 1")).stdout, "[1] 42\n");
  const next = await engine.run("x; message('m'); warning('w'); stop('e')");
  assertEquals(next.stdout, "[1] 41\n");
  assertEquals(next.stderr, "m\nWarning message:\nw \nError: e\n");
  assertEquals(next.outcome.kind, "error");
});

Deno.test("a confined R runs as nobody else, in a directory of its own that is its home", async () => {
  await using engine = await confinedEngine();
  const code = "cat(system('id -u', intern = TRUE), getwd() == path.expand('~'), " +
    "dirname(dirname(tempdir())) == dirname(getwd()), file.create('x'))";
  const { stdout } = await engine.run(code);
  const id = await workerUser() ?? String(Deno.uid());
  const uid = await new Deno.Command("id", { args: ["-u", id] }).output();
  assertEquals(stdout, `${new TextDecoder().decode(uid.stdout).trim()} TRUE TRUE TRUE`);
});

Deno.test("a confined R reads the input of its job, then the end of it", async () => {
  await using engine = await confinedEngine();
  const { stdout } = await engine.run("cat(rev(readLines(stdin())))", { input: lines("a", "b") });
  assertEquals(stdout, "b a");
  assertEquals((await engine.run("length(readLines(stdin()))")).stdout, "[1] 0\n");
});

Deno.test("a confined R is given files, and hands some over", async () => {
  await using engine = await confinedEngine();
  const path = `${engine.dir}/upload`;
  await Deno.writeTextFile(path, "first\n", { mode: 0o600 });
  const uploads: Upload[] = [{ target: { kind: "file", path: "a/in.txt" }, bytes: 6, path }];
  const wants = { value: false, plots: [], files: ["out.txt"] };
  const code = "writeLines(toupper(readLines('a/in.txt')), 'out.txt')";
  const job = await engine.submit(code, { uploads, wants });
  let got = "";
  for await (const event of job.events) {
    if (event.kind === "item_bytes") got += new TextDecoder().decode(event.bytes);
    if (event.kind === "end") assertEquals(event.outcome.kind, "ok");
  }
  assertEquals(got, "FIRST\n");
});

Deno.test("an interrupt stops a confined R and what it waits for, and its variables stay", async () => {
  await using engine = await confinedEngine();
  for (const code of ["repeat NULL", "Sys.sleep(60)", "invisible(system('sleep 60'))"]) {
    const { outcome, receipt } = await engine.run(`x <- 7; ${code}`, { timeoutMs: 300 });
    assertEquals([outcome.kind, receipt.rung], ["timeout", "interrupt"], code);
    assertEquals((await engine.run("x; rm(x)")).stdout, "[1] 7\n");
  }
});

Deno.test("a confined R that ignores a stop is killed, and the next job is told", async () => {
  await using engine = await confinedEngine({}, { stopGraceMs: 200 });
  const code = "suspendInterrupts(repeat NULL)";
  const { outcome, receipt } = await engine.run(code, { timeoutMs: 300 });
  assertEquals([outcome.kind, receipt.rung], ["timeout", "kill"]);
  const next = await engine.run("cat('next')");
  assertEquals(next.stdout, "next");
  assertStringIncludes(next.note!, "had ignored an interrupt and was killed");
});

Deno.test("what a confined R has started ends with it, wherever it hides", async () => {
  await using engine = await confinedEngine();
  // A session of its own, no parent, and no mark: only the sandbox still knows it.
  const hide = "(env -i setsid sleep 612 </dev/null >/dev/null 2>&1 &) &";
  const { stdout } = await engine.run(`system("${hide}"); Sys.sleep(0.2); cat(Sys.getpid())`);
  assertEquals(Number(stdout) < 100, true, "R sees its own process id");
  assertEquals(sleepers(612).length, 1);
  await engine.sessions.control(USER, { kind: "kill", session: "main" });
  assertEquals(sleepers(612), []);
});

Deno.test("nothing of a confined engine is left when it is disposed", async () => {
  const engine = await confinedEngine();
  await engine.run("for (i in 1:3) system('setsid sleep 613 &'); Sys.sleep(0.1)");
  const report = await engine.sessions.report(USER);
  const id = report.sessions[0]!.pid!;
  assert(Deno.readTextFileSync(`/proc/${id}/comm`).startsWith("R"), "the report names R itself");
  await engine[Symbol.asyncDispose]();
  assertEquals(sleepers(613), []);
  assertEquals(processesWith([engine.dir]), []);
});

for (
  const [code, signal] of [
    ["tools::pskill(Sys.getpid(), 11)", "SIGSEGV"],
    ["tools::pskill(Sys.getpid(), 9)", "SIGKILL"],
    ["tools::pskill(Sys.getpid(), 6)", "SIGABRT"],
  ] as const
) {
  Deno.test(`a confined R that dies of ${signal} is said to have`, async () => {
    await using engine = await confinedEngine();
    const { outcome } = await engine.run(code);
    assert(outcome.kind === "crashed");
    assertEquals(outcome.signal, signal);
    assertEquals((await engine.run("1")).note?.includes(`died of ${signal}`), true);
  });
}

Deno.test("a confined R that quits with a status of 139 has not died", async () => {
  await using engine = await confinedEngine();
  assertEquals((await engine.run("quit(status = 139)")).outcome, { kind: "quit", status: 139 });
});

for (
  const { limit, max, code, more } of [
    { limit: "cpu", max: 300, code: "repeat sqrt(2)", more: { limits: { cpuMs: 300 } } },
    {
      limit: "processes",
      max: 5,
      code: "for (i in 1:9) system('setsid sleep 60 &'); Sys.sleep(60)",
      more: { limits: { processes: 5 } },
    },
    {
      limit: "memory",
      max: 2e8,
      code: "x <- rep(1, 4e7); Sys.sleep(60)",
      more: { limits: { memoryBytes: 2e8 } },
    },
  ] as const
) {
  Deno.test(`a confined job that reaches its ${limit} limit ends as limited`, async () => {
    await using engine = await confinedEngine();
    const { outcome } = await engine.run(code, more);
    assertEquals(outcome, { kind: "limited", limit, max });
    assertEquals((await engine.run("cat('next')")).stdout, "next");
  });
}

Deno.test("a confined R with nothing running counts as one process", async () => {
  await using engine = await confinedEngine();
  const { outcome } = await engine.run("Sys.sleep(0.6)", { limits: { processes: 1 } });
  assertEquals(outcome.kind, "ok");
});

Deno.test("a file of a confined R that grows too large is an error, not its end", async () => {
  const systemLimits = { ...NO_LIMITS, fileBytes: 1 << 20 };
  await using engine = await confinedEngine({}, { systemLimits });
  const { outcome } = await engine.run("writeBin(raw(4e6), 'big')");
  assertEquals(outcome, { kind: "limited", limit: "file_size", max: 1 << 20 });
  assertEquals((await engine.run("file.size('big')")).stdout, "[1] 1048576\n");
});

Deno.test("a confined R that forks without end runs into a bound that is its own", async () => {
  await using engine = await confinedEngine();
  const bomb = "cat(system('for i in $(seq 300); do sleep 614 & done', ignore.stderr = TRUE) != 0)";
  assertEquals((await engine.run(bomb)).stdout, "TRUE");
  const running = sleepers(614).length;
  assert(running > 30 && running < 64, `${running} of them run`);
  const other = await engine.run("cat(system('echo other', intern = TRUE))", { session: "other" });
  assertEquals(other.stdout, "other");
});

Deno.test("links planted by a confined R lead the server nowhere", async () => {
  await using engine = await confinedEngine();
  const victim = await Deno.makeTempFile();
  const plant = `own <- dirname(getwd()); control <- paste0(own, '-control')
    for (name in c('stop', 'hold', 'input')) for (dir in c(own, control, 'wd')) {
      suppressWarnings({
        unlink(file.path(dir, name))
        cat(file.symlink('${victim}', file.path(dir, name)), '')
      })
    }`;
  await engine.run(plant);
  await engine.run("Sys.sleep(60)", { timeoutMs: 200 });
  assertEquals((await engine.run("cat(readLines(stdin()))", { input: lines("a") })).stdout, "a");
  assertEquals(await Deno.readTextFile(victim), "");
  await Deno.remove(victim);
});

Deno.test("a confined R sees granted directories, and writes only where it may", async () => {
  const [shown, given] = [await sharedDir(), await sharedDir()];
  await Deno.writeTextFile(`${shown}/data`, "data");
  await using engine = await confinedEngine({ readOnly: [shown], readWrite: [given] });
  const code = `cat(readLines('${shown}/data', warn = FALSE), file.create('${given}/new'),
    suppressWarnings(file.create('${shown}/new')), file.exists('/etc/passwd'))`;
  assertEquals((await engine.run(code)).stdout, "data TRUE FALSE FALSE");
  assertEquals([...Deno.readDirSync(given)].length, 1);
  for (const dir of [shown, given]) await Deno.remove(dir, { recursive: true });
});

for (const network of [false, true]) {
  Deno.test(`a confined R ${network ? "reaches" : "does not reach"} a port of the machine ${network ? "it is granted" : "otherwise"}`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept().then((conn) => conn.close(), () => {});
    // Where R is the server's own user it would come in as that user: none is granted it.
    if (network && Deno.uid() !== 0) {
      const error = await assertRejects(() => confinedEngine({ network }), RtoolError);
      assertMatch(error.message, /^Cannot grant the network to an R of the server's own user/);
      return;
    }
    await using engine = await confinedEngine({ network });
    const reach = `suppressWarnings(tryCatch({
      close(socketConnection(port = ${listener.addr.port}, timeout = 5)); cat("reached")
    }, error = function(e) cat("refused")))`;
    assertEquals((await engine.run(reach)).stdout, network ? "reached" : "refused");
    if (network) await accepted;
  });
}

Deno.test("a confined R has a loopback of its own, for its own workers", async () => {
  await using engine = await confinedEngine();
  const code = "cl <- parallel::makeCluster(1); cat(parallel::clusterEvalQ(cl, 6 * 7)[[1]]); " +
    "parallel::stopCluster(cl)";
  assertEquals((await engine.run(code)).stdout, "42");
});

Deno.test("a confined session does not see another's directory or processes", async () => {
  await using engine = await confinedEngine();
  const seen = await engine.run("cat(dirname(dirname(getwd())), Sys.getpid())");
  const [state = ""] = seen.stdout.split(" ");
  await engine.run("writeLines('mine', 'mine')", { session: "other" });
  const look = `cat(length(list.files('${state}')), length(Sys.glob('${state}/*/wd/mine')), ` +
    "sum(grepl('^[0-9]+$', list.files('/proc'))))";
  // Its own directory and the one the server writes to; itself and the first process inside.
  assertEquals((await engine.run(look)).stdout, "2 0 2");
});

Deno.test("confined sessions come from spares that wait, started anew and never forked", async () => {
  await using engine = await confinedEngine({}, { start: "fork", spares: 1 });
  const { receipt } = await engine.run("1");
  assertEquals(receipt.start, "warm");
  assertEquals((await engine.sessions.report(USER)).sessions[0]!.start, "spawn");
});

Deno.test("a fresh confined R ends with its job, as Rscript does", async () => {
  await using engine = await confinedEngine();
  const code = ".Last <- function() cat('last'); cat('first ')";
  const ended: Ended = await collect(await engine.submit(code, { session: undefined }));
  assertEquals([ended.stdout, ended.outcome.kind], ["first last", "ok"]);
});

Deno.test("an R that cannot start in its sandbox is told with what it said", async () => {
  const ready = await makeSandbox();
  const sandbox = { ...ready.sandbox, system: ["/etc/R"] };
  const engine = new TestEngine({ ...BARE, ...ready, sandbox, startTimeoutMs: 5000 });
  const why = await engine.sessions.start().then(() => "", (error: Error) => error.message);
  assertMatch(why, /^Cannot start R: .*bwrap/s);
  await engine[Symbol.asyncDispose]();
});

Deno.test("the marks of a confined R are seen from outside", async () => {
  await using engine = await confinedEngine();
  const { stdout } = await engine.run(`cat(Sys.getenv('${WORKER_VARIABLE}'))`);
  assert(markedProcesses(stdout).length >= 1);
});

async function* lines(...all: string[]): AsyncGenerator<Uint8Array> {
  for (const line of all) yield await Promise.resolve(new TextEncoder().encode(`${line}\n`));
}

/** A directory that every user may use. */
async function sharedDir(): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "rtool-shared-" });
  await Deno.chmod(dir, 0o777);
  return dir;
}
