/**
 * `rtool` as its users use it, also wrongly: what it prints, and what it exits with.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { rtool, spawnRtool, startServer, text } from "./rtool.ts";

async function outcome(run: Promise<{ code: number; stdout: Uint8Array; stderr: Uint8Array }>) {
  const { code, stdout, stderr } = await run;
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("a variable of one send is there in the next", async () => {
  await using server = await startServer();
  await server.send([], { stdin: "x <- 42\n" });
  const { code, stdout, stderr } = await outcome(server.send([], { stdin: "x + 1\n" }));
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "[1] 43\n", stderr: "" });
});

Deno.test("send says how to start a server when there is none", async () => {
  const { code, stderr } = await outcome(rtool(["send", "-p", "1", "-e", "1"]));
  assertEquals(code, 69);
  assertStringIncludes(stderr, "Cannot connect to 127.0.0.1:1: nothing listens there");
  assertStringIncludes(stderr, "rtool serve --port 1");
});

Deno.test("rtool takes and leaves nothing where others may put something for it to run", async () => {
  const dir = await Deno.makeTempDir();
  for (const args of [["--version"], ["doctor"]]) await rtool(args, { env: { TMPDIR: dir } });
  assertEquals([...Deno.readDirSync(dir)], []);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("an unknown option, command or wire is an error with a suggestion", async () => {
  const option = await outcome(rtool(["send", "--sesion", "a"]));
  assertEquals(option.code, 64);
  assertStringIncludes(option.stderr, "did you mean --session?");
  const command = await outcome(rtool(["sned"]));
  assertEquals(command.code, 64);
  assertStringIncludes(command.stderr, "did you mean send?");
  assertEquals((await rtool(["send", "--wire", "morse", "-e", "1"])).code, 64);
});

Deno.test("an unreadable file is named, and exits with 66", async () => {
  const { code, stderr } = await outcome(rtool(["send", "missing.R"]));
  assertEquals([code, stderr], [66, "rtool: Cannot read missing.R: there is no such file\n"]);
});

Deno.test("a second server on a taken port says so", async () => {
  await using server = await startServer();
  const { code, stderr } = await outcome(rtool(["serve", "--port", String(server.port)]));
  assertEquals(code, 69);
  assertStringIncludes(stderr, `Port ${server.port} on 127.0.0.1 is taken`);
});

Deno.test("serve refuses an address beyond this machine", async () => {
  const { code, stderr } = await outcome(rtool(["serve", "--hostname", "0.0.0.0", "--port", "0"]));
  assertEquals(code, 78);
  assertStringIncludes(stderr, "rtool tls init");
});

Deno.test("serve says what is wrong when R does not start", async () => {
  const { code, stderr } = await outcome(rtool(["serve", "--port", "0", "--r", "no-such-R"]));
  assertEquals(code, 69);
  assertStringIncludes(stderr, "Cannot start R");
});

Deno.test("ping names the server and its R", async () => {
  await using server = await startServer();
  const { code, stdout } = await outcome(rtool(["ping", "-p", String(server.port)]));
  assertEquals(code, 0);
  assertMatch(stdout, /^127\.0\.0\.1:\d+: rtool \S+, R \d+\.\d+\.\d+, \d+\.\d ms\n$/);
});

Deno.test("flags win over the environment, the environment over the file", async () => {
  await using server = await startServer();
  const dir = await Deno.makeTempDir();
  const file = `${dir}/rtool.toml`;
  await Deno.writeTextFile(file, "port = 1\n[send]\nsession = 'from_file'\n");
  const port = String(server.port);
  const args = ["send", "--config", file, "-e", "1"];
  assertEquals((await rtool(args)).code, 69);
  assertEquals((await rtool(args, { env: { RTOOL_PORT: port } })).code, 0);
  assertEquals((await rtool([...args, "-p", port], { env: { RTOOL_PORT: "2" } })).code, 0);
  assertStringIncludes(server.stderrText(), "session=from_file");
  await Deno.writeTextFile(file, "porte = 1\n");
  const unknown = await outcome(rtool(args));
  assertEquals(unknown.code, 78);
  assertStringIncludes(unknown.stderr, "Unknown key 'porte'");
  assertStringIncludes(unknown.stderr, "line 1");
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a time limit stops R, keeps the session and exits with 124", async () => {
  await using server = await startServer();
  await server.send(["-e", "kept <- 1"]);
  const { code, stderr } = await outcome(server.send(["-t", "300ms", "-e", "Sys.sleep(30)"]));
  assertEquals(code, 124);
  assertStringIncludes(stderr, "time limit of 300 ms reached; R gave in to the interrupt");
  assertEquals((await outcome(server.send(["-e", "cat(kept)"]))).stdout, "1");
});

Deno.test("what ignores the interrupt is killed, and the next job is told", async () => {
  await using server = await startServer(["--stop-grace", "400ms"]);
  const stubborn = "repeat tryCatch(Sys.sleep(10), interrupt = function(e) NULL)";
  const { code, stderr } = await outcome(server.send(["-t", "300ms", "-e", stubborn]));
  assertEquals(code, 124);
  assertStringIncludes(stderr, "was killed");
  const next = await outcome(server.send(["-e", "cat(1)"]));
  assertEquals([next.code, next.stdout], [0, "1"]);
  assertStringIncludes(next.stderr, "has a new R: the last one had ignored an interrupt");
});

Deno.test("Ctrl-C cancels the job in R and the client dies of the signal", async () => {
  await using server = await startServer();
  const child = spawnRtool(["send", "-p", String(server.port), "-e", "cat('go'); Sys.sleep(30)"]);
  const reader = child.stdout.getReader();
  await reader.read(); // R is at work.
  child.kill("SIGINT");
  const [status, stderr] = await Promise.all([
    child.status,
    new Response(child.stderr).text(),
    reader.read().then(() => reader.cancel()),
  ]);
  assertEquals(status.signal, "SIGINT");
  assertStringIncludes(stderr, "rtool: cancelled; R gave in to the interrupt");
  assertEquals((await outcome(server.send(["-e", "cat(2)"]))).stdout, "2");
});

Deno.test("a closed stdout pipe ends quietly and stops the job", async () => {
  await using server = await startServer();
  const code = "repeat cat(strrep('x', 1e5), '\\n')";
  const child = spawnRtool(["send", "-p", String(server.port), "-e", code]);
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const [status, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
  assertEquals([status.code, stderr], [141, ""]);
  assertEquals((await outcome(server.send(["-t", "10s", "-e", "cat(3)"]))).stdout, "3");
});

Deno.test("--json prints one document, also when nothing could be sent", async () => {
  await using server = await startServer();
  const { code, stdout } = await outcome(
    server.send(["--json", "-e", "message('m'); cat('out'); warning('w'); stop('e')"]),
  );
  const document = JSON.parse(stdout);
  assertEquals(code, 1);
  assertEquals([document.outcome.kind, document.origin, document.exit_status], ["error", "r", 1]);
  assertEquals(document.stdout, "out");
  assertStringIncludes(document.stderr, "Error: e");
  assertEquals(document.conditions.map((c: { kind: string }) => c.kind), ["message", "warning"]);
  assert(document.receipt.wall_ms > 0);
  const lost = await outcome(rtool(["send", "-p", "1", "--json", "-e", "1"]));
  assertEquals([lost.code, JSON.parse(lost.stdout).origin], [69, "rtool"]);
});

Deno.test("a quit status that looks like rtool's own is R's in the document", async () => {
  await using server = await startServer();
  const { code, stdout } = await outcome(server.send(["--json", "-e", "quit(status = 69)"]));
  assertEquals([code, JSON.parse(stdout).origin], [69, "r"]);
});

Deno.test("a file runs in the client's directory, with its arguments, input and variables", async () => {
  await using server = await startServer();
  const cwd = await Deno.realPath(await Deno.makeTempDir());
  await Deno.writeTextFile(
    `${cwd}/job.R`,
    'cat(getwd(), commandArgs(TRUE), readLines(file("stdin")), Sys.getenv("GIVEN"), sep = "|")\n' +
      'cat("", grep("--file", commandArgs(), value = TRUE), sep = "|")',
  );
  const { stdout } = await outcome(
    server.send(["job.R", "a", "--env", "GIVEN=yes", "--", "-b"], { cwd, stdin: "one\ntwo\n" }),
  );
  assertEquals(stdout, `${cwd}|a|-b|one|two|yes|--file=job.R`);
  const after = await outcome(server.send(["-e", "cat(Sys.getenv('GIVEN'), commandArgs(TRUE))"]));
  assertEquals(after.stdout.trim(), "");
  await Deno.remove(cwd, { recursive: true });
});

Deno.test("a script whose first line names rtool runs itself", async () => {
  await using server = await startServer();
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/self.R`, "#!/x\ncat(commandArgs(TRUE), sep = '|')");
  const { stdout } = await outcome(
    rtool(["send", "--script", `${dir}/self.R`, "--verbose", "x"], {
      env: { RTOOL_PORT: String(server.port) },
    }),
  );
  assertEquals(stdout, "--verbose|x");
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a send from inside a session to itself gets a clear word", async () => {
  await using server = await startServer();
  const inner = `Sys.setenv(RTOOL_PORT = "${server.port}"); ` +
    `cat(system2("${Deno.execPath()}", "--version", stdout = FALSE))`;
  assertEquals((await server.send(["-e", inner])).code, 0);
  const { rtoolShell } = await import("./self.ts");
  const code = `cat(system(${JSON.stringify(rtoolShell(server.port, "main"))}))`;
  const { stdout, stderr } = await outcome(server.send(["-t", "20s", "-e", code]));
  assertEquals(stdout, "75");
  assertStringIncludes(stderr, "it would wait for ever");
  const other = `cat(system(${JSON.stringify(rtoolShell(server.port, "other"))}))`;
  assertEquals((await outcome(server.send(["-t", "20s", "-e", other]))).stdout, "10");
});

Deno.test("SIGTERM lets a running job finish, then the server exits with 0", async () => {
  const server = await startServer();
  const child = spawnRtool([
    "send",
    "-p",
    String(server.port),
    "-e",
    "cat('a'); Sys.sleep(1); cat('b')",
  ]);
  const reader = child.stdout.getReader();
  let output = text((await reader.read()).value!);
  const stopped = server.stop();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    output += text(part.value);
  }
  await child.stderr.cancel();
  assertEquals([output, (await child.status).code], ["ab", 0]);
  assertEquals((await stopped).code, 0);
  await server[Symbol.asyncDispose]();
});

Deno.test("no R is left when the server is killed", async () => {
  const server = await startServer();
  await server.send(["-s", "a", "-e", "1"]);
  assert((await server.workersAlive()).length > 0);
  await server.stop("SIGKILL");
  await server[Symbol.asyncDispose]();
});
