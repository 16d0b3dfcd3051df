/**
 * Values, files and calls as their users see them: what is printed, what is written, and what is
 * said when it cannot be.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { rtool, startServer, text } from "./rtool.ts";

type Sent = Promise<{ code: number; stdout: Uint8Array; stderr: Uint8Array }>;

async function seen(sent: Sent): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await sent;
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const FRAME = "data.frame(n = c(1.5, NA), s = c('a', 'b,c'), f = factor(c('x', 'y')))";

for (
  const [format, expected] of [
    ["json", '[{"n":1.5,"s":"a","f":"x"},{"n":null,"s":"b,c","f":"y"}]\n'],
    ["ndjson", '{"n":1.5,"s":"a","f":"x"}\n{"n":null,"s":"b,c","f":"y"}\n'],
    ["csv", '"n","s","f"\n1.5,"a","x"\nNA,"b,c","y"\n'],
    ["text", "n\ts\tf\n1.5\ta\tx\nNA\tb,c\ty\n"],
  ] as const
) {
  Deno.test(`send --value ${format} prints the last value and nothing else`, async () => {
    await using server = await startServer();
    const sent = server.send(["--value", format, "-e", `print('seen'); 1; ${FRAME}`]);
    assertEquals(await seen(sent), { code: 0, stdout: expected, stderr: '[1] "seen"\n' });
  });
}

Deno.test("send --value rds and arrow write files that R and rtool read", async () => {
  await using server = await startServer();
  const dir = await Deno.makeTempDir();
  for (const format of ["rds", "arrow"]) {
    const file = `${dir}/x.${format}`;
    const out = await seen(
      server.send(["--value", format, "-o", file, "-e", `print(1); ${FRAME}`]),
    );
    assertEquals(out, { code: 0, stdout: "[1] 1\n", stderr: "" });
    const back = server.send(["--data", `x=${file}`, "-e", `cat(identical(x, ${FRAME}))`]);
    assertEquals(await seen(back), { code: 0, stdout: "TRUE", stderr: "" });
  }
  const read = server.send(["-e", `cat(identical(readRDS('${dir}/x.rds'), ${FRAME}))`]);
  assertEquals((await seen(read)).stdout, "TRUE");
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a failing job writes no value, and leaves an older file alone", async () => {
  await using server = await startServer();
  const dir = await Deno.makeTempDir();
  const file = `${dir}/x.json`;
  await Deno.writeTextFile(file, "old");
  const args = ["--value", "json", "-o", file, "-e", "1; stop('no')"];
  const { code, stdout, stderr } = await seen(server.send(args));
  assertEquals([code, stdout, stderr], [1, "", "Error: no\nExecution halted\n"]);
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["x.json"]);
  assertEquals(await Deno.readTextFile(file), "old");
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a value its format cannot hold is named, and exits with 65", async () => {
  await using server = await startServer();
  const { code, stdout, stderr } = await seen(
    server.send(["--value", "arrow", "-e", "list(1, 'a', sum)"]),
  );
  assertEquals([code, stdout], [65, ""]);
  assertMatch(stderr, /^rtool: .+/);
});

Deno.test("send --set and --data bind data before the code runs", async () => {
  await using server = await startServer();
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/d.csv`, "a,b\n1,x\n2,y\n");
  await Deno.writeTextFile(`${dir}/d.json`, '{"k": [1, 2, null]}');
  const args = ["--set", 'who="Ada"', "--set", "n=[1, 2.5]", "--data", `d=${dir}/d.csv`];
  const code = "cat(who, sum(n), class(d), d$b, sum(j$k, na.rm = TRUE))";
  const sent = server.send([...args, "--data", `j=${dir}/d.json`, "-e", code]);
  assertEquals(await seen(sent), { code: 0, stdout: "Ada 3.5 data.frame x y 3", stderr: "" });
  await Deno.remove(dir, { recursive: true });
});

Deno.test("data that cannot be read is named before anything is sent", async () => {
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/bad.json`, "[1,\n 2");
  await Deno.writeTextFile(`${dir}/bad.rds`, "not R's");
  await Deno.writeTextFile(`${dir}/what.xyz`, "");
  const cases: readonly (readonly [args: readonly string[], code: number, words: RegExp])[] = [
    [["--set", "x=hello"], 64, /JSON of --set x.*\n.*--set x='"text"'/],
    [["--set", "hello"], 64, /--set needs a name/],
    [["--data", `x=${dir}/bad.json`], 65, /Cannot read .*bad\.json/],
    [["--data", `x=${dir}/bad.rds`], 65, /Cannot read .*bad\.rds/],
    [["--data", `x=${dir}/what.xyz`], 64, /must end in \.csv, \.json, \.rds, \.arrow/],
    [["--data", `x=${dir}/none.csv`], 66, /there is no such file/],
    [["--put", `${dir}/none`], 66, /there is no such file/],
    [["--out", "x"], 64, /no --value is asked for/],
  ];
  for (const [args, code, words] of cases) {
    const sent = await seen(rtool(["send", "-p", "1", ...args, "-e", "1"]));
    assertEquals(sent.code, code, `${args}: ${sent.stderr}`);
    assertMatch(sent.stderr, words);
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("files are put and got, and what does not come is said", async () => {
  await using server = await startServer();
  const dir = await Deno.makeTempDir();
  const big = crypto.getRandomValues(new Uint8Array(60_000));
  await Deno.writeFile(`${dir}/in.bin`, big);
  const both = ["--put", `${dir}/in.bin`, "--get", `copy/out.bin:${dir}/out.bin`];
  const code = "dir.create('copy'); invisible(file.copy('in.bin', 'copy/out.bin'))";
  assertEquals(await seen(server.send([...both, "-e", code])), { code: 0, stdout: "", stderr: "" });
  assertEquals(await Deno.readFile(`${dir}/out.bin`), big);
  const missing = await seen(server.send(["--get", `nothing:${dir}/none`, "-e", "1"]));
  assertEquals([missing.code, missing.stdout], [66, "[1] 1\n"]);
  assertStringIncludes(missing.stderr, "cannot get nothing: there is no such file");
  const outside = await seen(server.send(["--get", `../../x:${dir}/none`, "-e", "1"]));
  assertEquals([outside.code, outside.stdout], [64, ""]);
  assertEquals([...Deno.readDirSync(dir)].length, 2);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("attach gives the value of a detached job too", async () => {
  await using server = await startServer();
  const { stdout: id } = await seen(server.send(["--detach", "--value", "json", "-e", "1:3"]));
  const attach = ["attach", "-p", String(server.port), id.trim(), "--value", "csv"];
  assertEquals(await seen(rtool(attach)), { code: 0, stdout: '"x"\n1\n2\n3\n', stderr: "" });
  const refused = await seen(server.send(["--detach", "--get", "x", "-e", "1"]));
  assertEquals([refused.code, refused.stdout], [64, ""]);
});

Deno.test("a file that does not come changes the exit status, and --json stays one document", async () => {
  await using server = await startServer();
  const dir = await Deno.makeTempDir();
  const { code, stdout, stderr } = await seen(
    server.send(["--json", "--get", `nothing:${dir}/x`, "-e", "1"]),
  );
  assertEquals([code, JSON.parse(stdout).exit_status], [66, 0]);
  assertStringIncludes(stderr, "cannot get nothing");
  await Deno.remove(dir, { recursive: true });
});

Deno.test("data that could be evaluated is refused by the server", async () => {
  await using server = await startServer();
  const dir = await Deno.makeTempDir();
  await server.send(["-e", `saveRDS(function(x) x, '${dir}/f.rds')`]);
  const { code, stderr } = await seen(server.send(["--data", `f=${dir}/f.rds`, "-e", "1"]));
  assertEquals(code, 65);
  assertMatch(stderr, /closure/);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("call calls a function by its name with data, and prints its value", async () => {
  await using server = await startServer();
  const call = (...args: string[]) => seen(rtool(["call", "-p", String(server.port), ...args]));
  const quantile = ["stats::quantile", "--args", '{"x": [1, 2, 3, 4], "probs": [0.5]}'];
  assertEquals(await call(...quantile), { code: 0, stdout: "[2.5]\n", stderr: "" });
  assertEquals((await call("sum", "-a", "[1, 2, 3]", "--unbox")).stdout, "6\n");
  await server.send(["-e", "twice <- function(x, by = 2) { cat('noted\\n'); x * by }"]);
  const own = await call("twice", "--set", "x=[1, 2]", "--set", "by=3", "--value", "text");
  assertEquals(own, { code: 0, stdout: "3\n6\n", stderr: "noted\n" });
});

Deno.test("a call that cannot be made says what is wrong with it", async () => {
  await using server = await startServer();
  const call = (...args: string[]) => seen(rtool(["call", "-p", String(server.port), ...args]));
  const unknown = await call("no.such.function");
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr, 'could not find function "no.such.function"');
  const failing = await call("stats::quantile", "-a", '{"x": "a"}');
  assertEquals([failing.code, failing.stdout], [1, ""]);
  assertMatch(failing.stderr, /^Error in /);
  const code = await call("system('id')");
  assertEquals([code.code, code.stdout], [64, ""]);
  assertMatch(code.stderr, /no function's name/);
  const json = await call("sum", "-a", "[1,");
  assertEquals(json.code, 64);
  assertStringIncludes(json.stderr, "Cannot read the JSON of --args");
  assertEquals((await call()).code, 64);
});
