/**
 * What R asks whoever is there, on real R: readline() and menu() emit a prompt and take a line.
 */

import { assert, assertEquals } from "@std/assert";
import { Channel } from "../core/channel.ts";
import { BATCH_MODE } from "../core/item.ts";
import type { Job, Outcome } from "../core/job.ts";
import { TestEngine } from "./engine.ts";

const CLIENT = { kind: "cancelled", reason: "client" } as const;

let engine: TestEngine;

// Its pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

Deno.test.beforeAll(async () => void (engine = await TestEngine.started()));
Deno.test.afterAll(() => engine[Symbol.asyncDispose]());

function test(name: string, fn: () => Promise<void>): void {
  Deno.test(name, ACROSS_TESTS, fn);
}

test("readline() emits a prompt and returns the line that is typed, without its blanks", async () => {
  const { prompts, stdout } = await asked("x <- readline('Name? ')\nx", ["  Ada L. \t"]);
  assertEquals([prompts, stdout], [["Name? "], '[1] "Ada L."\n']);
});

test("readline() can be called from within, again and again, and its value be invisible", async () => {
  const code = "f <- function(p) paste0(readline(p), readline())\n" +
    "vapply(c('a', 'b'), f, '')\ninvisible(readline('Name? '))";
  const { prompts, stdout } = await asked(code, ["1", "2", "3", "", "5"]);
  assertEquals(prompts, ["a", "", "b", "", "Name? "]);
  assertEquals(stdout, '   a    b \n"12"  "3" \n');
});

test("what was printed before is there before the prompt, also into a sink", async () => {
  const code = "cat('first '); x <- readline('p1 '); sink(tempfile()); y <- readline('p2 ')\n" +
    "sink(); cat(x, y)";
  const { log } = await asked(code, ["un", "deux"]);
  assertEquals(log, ["out first ", "ask p1 ", "ask p2 ", "out un deux"]);
});

test("text beyond ASCII is asked and answered", async () => {
  const code = "x <- readline('N\\u00e4me \\u2192 '); cat(x, nchar(x))";
  const { prompts, stdout } = await asked(code, ["日本 é"]);
  assertEquals([prompts, stdout], [["Näme → "], "日本 é 4"]);
});

test("a prompt of any length is cut where R cuts it", async () => {
  const { prompts } = await asked("invisible(readline(strrep('p', 1e6)))", ["a"]);
  assertEquals(prompts, ["p".repeat(256)]);
});

test("at the end of the input readline() returns nothing, and menu() leaves", async () => {
  const { stdout } = await asked("c(readline('a'), readline('b'))\nmenu(c('x', 'y'))", ["1"]);
  assertEquals(stdout, '[1] "1" "" \n\n1: x\n2: y\n\n[1] 0\n');
});

test("menu() prints as R's own and takes a number or the words of a choice", async () => {
  const code = "menu(c('yes', 'no'), title = 'Well')\nmenu(c('yes', 'no'))";
  const { prompts, stdout } = await asked(code, ["2", "yes"]);
  assertEquals(prompts, ["Selection: ", "Selection: "]);
  const choices = "\n1: yes\n2: no\n\n";
  assertEquals(stdout, `Well \n${choices}[1] 2\n${choices}[1] 1\n`);
});

test("menu() asks again until it gets an answer it knows; 0 leaves", async () => {
  const { prompts, stdout } = await asked("utils::menu(c('a', 'b'))", ["3", "-1", "", "zz", "0"]);
  assertEquals(prompts.length, 5);
  const again = "Enter an item from the menu, or 0 to exit\n";
  assertEquals(stdout, `\n1: a\n2: b\n\n${again.repeat(4)}[1] 0\n`);
});

test("menu() puts more than ten choices side by side", async () => {
  const code = "options(width = 30); invisible(menu(month.abb))";
  const { stdout } = await asked(code, ["1"]);
  const rows = [
    " 1: Jan   2: Feb   3: Mar",
    " 4: Apr   5: May   6: Jun",
    " 7: Jul   8: Aug   9: Sep",
    "10: Oct  11: Nov  12: Dec",
  ];
  assertEquals(stdout, `\n${rows.join("\n")}\n\n\n`);
  await engine.run("options(width = 80)");
});

test("readLines() of stdin() asks for as many lines as it reads, or up to an empty one", async () => {
  const one = await asked("f <- function() readLines(stdin(), 1)\nf(); readLines(n = 2)", [
    " a ",
    "b",
    "",
  ]);
  assertEquals(one.prompts, ["1: ", "1: ", "2: "]);
  assertEquals(one.stdout, '[1] " a "\n[1] "b" "" \n');
  const all = await asked("readLines(stdin())", ["a", "b", "", "c"]);
  assertEquals([all.prompts.length, all.stdout], [3, '[1] "a" "b"\n']);
  const { stdout } = await engine.run("nrow(showConnections())");
  assertEquals(stdout, "[1] 0\n");
});

test("scan() asks for lines up to an empty one", async () => {
  const { prompts, stdout } = await asked("sum(scan(quiet = TRUE))", ["1 2", "3", ""]);
  assertEquals([prompts, stdout], [["1: ", "2: ", "3: "], "[1] 6\n"]);
});

for (const waits of ["readline('? ')", "menu('a')", "readLines(stdin())", "scan(quiet = TRUE)"]) {
  test(`R gives in to a stop while it waits in ${waits}, and keeps its variables`, async () => {
    const code = `kept <- 'kept'; kept <- ${waits}; kept <- 'lost'`;
    const { outcome } = await asked(code, [], (job) => job.cancel(CLIENT));
    assertEquals(outcome, CLIENT);
    assertEquals((await engine.run("cat(kept)")).stdout, "kept");
  });
}

test("an answer that R does not fetch is not the next job's", async () => {
  await asked("x <- readline('a')", ["1\n2\n3"]);
  const { stdout } = await asked("cat(x, readline('b'))", ["4"]);
  assertEquals(stdout, "1 4");
});

test("in a job nobody is asked in, readline() and menu() are Rscript's again", async () => {
  await asked("invisible(c(readline(), menu('a')))", ["1", "1"]);
  const { stdout, stderr } = await engine.run("x <- readline('? '); x; menu('a')");
  assertEquals(stdout, '? \n[1] ""\n');
  assertEquals(stderr, 'Error in menu("a") : menu() cannot be used non-interactively\n');
  const { stdout: same } = await engine.run("cat(environmentName(environment(menu)))");
  assertEquals(same, "utils");
});

test("code that is incomplete is not run, and says so", async () => {
  for (const code of ["f <- function() {", "cat('no'); (1 +", "x <- 'open", 'r"(raw', "`a"]) {
    const { outcome, log } = await asked(code, []);
    assert(outcome?.kind === "error" && outcome.error.classes[0] === "incompleteCode", code);
    assertEquals(log, [], code);
  }
  const { outcome, stdout } = await asked("cat('yes'); (1 + 1))", []);
  assert(outcome?.kind === "error" && !outcome.error.classes.includes("incompleteCode"));
  assertEquals(stdout, "yes");
});

test("browser() ends a job in which somebody is there, too", async () => {
  const { log } = await asked("browser()", []);
  const said = "err Error: a batch job has no debugger: browser() or debug() was reached\n";
  assertEquals(log.slice(-1), [said]);
});

interface Asked {
  readonly prompts: readonly string[];
  readonly stdout: string;
  /** Output and prompts in order. */
  readonly log: readonly string[];
  readonly outcome: Outcome | undefined;
}

/** Runs code with these answers, each typed at a prompt; `on` is called at output and prompts. */
async function asked(
  code: string,
  answers: readonly string[],
  on?: (job: Job) => void,
): Promise<Asked> {
  const input = new Channel<Uint8Array>(1 << 16, ({ length }) => length);
  const mode = { ...BATCH_MODE, interactive: true };
  const job = await engine.submit(code, { input, mode });
  const left = [...answers];
  const prompts: string[] = [];
  const log: string[] = [];
  let outcome: Outcome | undefined;
  for await (const event of job.events) {
    if (event.kind === "stdout" || event.kind === "stderr") {
      on?.(job);
      const line = `${event.kind.slice(3)} `;
      const joins = log.at(-1)?.startsWith(line);
      log.push(`${joins ? log.pop() : line}${new TextDecoder().decode(event.bytes)}`);
    } else if (event.kind === "prompt") {
      on?.(job);
      prompts.push(event.text);
      log.push(`ask ${event.text}`);
      const answer = left.shift();
      if (answer !== undefined) input.push(new TextEncoder().encode(`${answer}\n`));
      else if (!on) input.close();
    } else if (event.kind === "end") outcome = event.outcome;
  }
  input.close();
  const out = log.filter((line) => line.startsWith("out ")).map((line) => line.slice(4));
  return { prompts, stdout: out.join(""), log, outcome };
}
