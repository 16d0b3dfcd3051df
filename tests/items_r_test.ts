/**
 * What a job hands over beside its output and what comes with it, on real R.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { concat } from "../core/bytes.ts";
import { BATCH_MODE, type Item, type JobWants, NO_WANTS, type Upload } from "../core/item.ts";
import type { Outcome } from "../core/job.ts";
import type { EngineOptions } from "../engine/sessions.ts";
import { type More, TestEngine } from "./engine.ts";

interface Handed {
  readonly item: Item;
  readonly bytes: Uint8Array;
  readonly problem: string | undefined;
}

const wanting = (wants: Partial<JobWants>): More => ({ wants: { ...NO_WANTS, ...wants } });
const VALUE = wanting({ value: true });

for (const start of ["spawn", "fork"] as const) {
  const started = (options: Partial<EngineOptions> = {}) =>
    TestEngine.started({ start, ...options });

  Deno.test(`${start}: the last value is an item, and nothing is autoprinted`, async () => {
    await using engine = await started();
    const { items, stdout } = await handed(engine, "x <- 1; cat('out'); x; c(2.5, NA)", VALUE);
    assertEquals(stdout, "out");
    assertEquals(items.map(({ item, problem }) => [item.kind, problem]), [["value", undefined]]);
    // "B\n": R's serialization format, little-endian.
    assertEquals([...items[0]!.bytes.subarray(0, 2)], [0x42, 0x0a]);
    assertEquals(items[0]!.bytes.subarray(-16, -8), new Uint8Array(new Float64Array([2.5]).buffer));
  });

  Deno.test(`${start}: files are put beside the code and got from there`, async () => {
    await using engine = await started();
    const uploads = [await spooled(engine, "a/in.txt", "first\n")];
    const code = "x <- readLines('a/in.txt'); writeLines(toupper(x), 'out.txt'); cat(getwd())";
    const more = { ...wanting({ files: ["out.txt", "a/in.txt"] }), uploads };
    const { items, stdout } = await handed(engine, code, more);
    assertEquals(items.map(describe), ["out.txt: FIRST\n", "a/in.txt: first\n"]);
    assertMatch(stdout, /\/wd$/);
    await assertGone(uploads);
  });
}

Deno.test("a value leaves .Last.value and the next job's printing as they are", async () => {
  await using engine = await TestEngine.started();
  await handed(engine, "41 + 1", VALUE);
  assertEquals((await handed(engine, ".Last.value; 1:2", {})).stdout, "[1] 42\n[1] 1 2\n");
});

Deno.test("an aside leaves .Last.value alone", async () => {
  await using engine = await TestEngine.started();
  await engine.run("7");
  await engine.run("8", { mode: { ...BATCH_MODE, aside: true } });
  assertEquals((await engine.run(".Last.value")).stdout, "[1] 7\n");
});

Deno.test("code that fails has no value, and one without an expression has NULL", async () => {
  await using engine = await TestEngine.started();
  const failed = await handed(engine, "1; stop('no')", VALUE);
  assertEquals([failed.items.length, failed.outcome.kind], [0, "error"]);
  const empty = await handed(engine, "# nothing", VALUE);
  assertEquals([...empty.items[0]!.bytes.subarray(-4)], [254, 0, 0, 0]); // NILVALUE_SXP
});

Deno.test("bytes that look like marks, in a value and in a file, are bytes", async () => {
  await using engine = await TestEngine.started();
  const code = "x <- as.raw(rep(c(30, 0:255), 400)); writeBin(x, 'x.bin'); x";
  const wants = { value: true, files: ["x.bin"] };
  const { items, outcome } = await handed(engine, code, wanting(wants));
  const pattern = new Uint8Array(257 * 400).map((_, i) => i % 257 === 0 ? 30 : (i % 257) - 1);
  assertEquals(items.map(({ bytes }) => bytes.subarray(-pattern.length)), [pattern, pattern]);
  assertEquals(outcome.kind, "ok");
});

Deno.test("what R writes to stdout around an item is output, in its order", async () => {
  await using engine = await TestEngine.started();
  const code = "cat('before'); system('printf child'); invisible(1)";
  const { stdout, items } = await handed(engine, code, VALUE);
  assertEquals([stdout, items.length], ["beforechild", 1]);
  assertEquals((await engine.run("cat('next')")).stdout, "next");
});

Deno.test("a value inside the user's sink() reaches the client, not the sink", async () => {
  await using engine = await TestEngine.started();
  const code = "f <- tempfile(); sink(f); print(1); 5";
  const { items, stdout } = await handed(engine, code, VALUE);
  assertEquals([items.length, stdout], [1, ""]);
  assertEquals((await engine.run("cat(readLines(f))")).stdout, "[1] 1");
});

Deno.test("a value over its bound ends the job as limited, and the session goes on", async () => {
  await using engine = await TestEngine.started({ valueMax: 1000, filesMax: 1000 });
  const value = await handed(engine, "kept <- 1; numeric(1e5)", VALUE);
  assertEquals(value.outcome, { kind: "limited", limit: "value", max: 1000 });
  assertEquals(value.items[0]?.problem, "it is larger than it may be");
  const code = "writeBin(raw(600), 'a'); writeBin(raw(600), 'b')";
  const files = await handed(engine, code, wanting({ files: ["a", "b"] }));
  assertEquals(files.outcome, { kind: "limited", limit: "files", max: 1000 });
  assertEquals((await engine.run("cat(exists('kept'))")).stdout, "TRUE");
});

Deno.test("files that cannot be got say why, and cost the job nothing", async () => {
  await using engine = await TestEngine.started();
  const files = ["missing", "dir", "link", "through/passwd"];
  const code = "dir.create('dir'); file.symlink('/etc/passwd', 'link'); " +
    "file.symlink('/etc', 'through'); cat('done')";
  const { items, outcome } = await handed(engine, code, wanting({ files }));
  assertEquals(items.map(({ problem }) => problem), [
    "there is no such file",
    "it is a directory",
    "it leads through a symbolic link",
    "it leads through a symbolic link",
  ]);
  assert(items.every(({ bytes }) => bytes.length === 0));
  assertEquals(outcome.kind, "ok");
});

Deno.test("a file that cannot be put is a reason not to begin", async () => {
  await using engine = await TestEngine.started();
  await handed(
    engine,
    "file.symlink(tempdir(), 'out'); dir.create('dir')",
    wanting({ files: ["x"] }),
  );
  for (const [path, why] of [["out/x", /symbolic link/], ["dir", /a directory of that name/]]) {
    const uploads = [await spooled(engine, String(path), "text")];
    const { outcome, stdout } = await handed(engine, "cat('ran')", { uploads });
    assert(outcome.kind === "rejected" && outcome.code === "bad_request");
    assertMatch(outcome.message, why as RegExp);
    assertEquals(stdout, "");
    await assertGone(uploads);
  }
});

Deno.test("what came with a job that is never begun is taken away too", async () => {
  await using engine = await TestEngine.started();
  const first = engine.run("Sys.sleep(0.5)");
  const uploads = [await spooled(engine, "x", "text")];
  const job = await engine.submit("1", { uploads });
  job.cancel({ kind: "cancelled", reason: "client" });
  for await (const event of job.events) assert(event.kind === "end");
  await assertGone(uploads);
  await first;
});

async function handed(
  engine: TestEngine,
  code: string,
  more: More,
): Promise<{ items: Handed[]; stdout: string; outcome: Outcome }> {
  const job = await engine.submit(code, more);
  const items: Handed[] = [];
  let open: { item: Item; parts: Uint8Array[] } | undefined;
  let stdout = "";
  for await (const event of job.events) {
    if (event.kind === "stdout") stdout += new TextDecoder().decode(event.bytes);
    if (event.kind === "item") open = { item: event.item, parts: [] };
    if (event.kind === "item_bytes") open!.parts.push(event.bytes);
    if (event.kind === "item_end") {
      items.push({ item: open!.item, bytes: concat(open!.parts), problem: event.problem });
    }
    if (event.kind === "end") return { items, stdout, outcome: event.outcome };
  }
  throw new Error("A job without an end");
}

async function spooled(engine: TestEngine, path: string, text: string): Promise<Upload> {
  const file = await Deno.makeTempFile({ dir: engine.dir });
  await Deno.writeTextFile(file, text);
  return { target: { kind: "file", path }, bytes: text.length, path: file };
}

async function assertGone(uploads: readonly Upload[]): Promise<void> {
  for (const { path } of uploads) {
    const info = await Deno.stat(path!).catch(() => undefined);
    assertEquals(info, undefined, `${path} is still there`);
  }
}

function describe({ item, bytes, problem }: Handed): string {
  const name = item.kind === "file" ? item.path : item.kind;
  return `${name}: ${problem ?? new TextDecoder().decode(bytes)}`;
}
