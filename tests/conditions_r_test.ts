/**
 * R errors as data, on real R: the line they came from and the calls that led there.
 */

import { assert, assertEquals } from "@std/assert";
import { BATCH_MODE } from "../core/item.ts";
import type { Condition } from "../core/job.ts";
import { type More, TestEngine } from "./engine.ts";

const LINES: More = { mode: { ...BATCH_MODE, lines: "script.R" } };

/** One R for all: none of these jobs ends it. */
let engine: TestEngine;

Deno.test.beforeAll(async () => {
  engine = await TestEngine.started();
});

Deno.test.afterAll(() => engine[Symbol.asyncDispose]());

// R's pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

/** Code that fails, its line, and its calls. */
const FAILURES: Readonly<Record<string, readonly [code: string, line: number, calls: string[]]>> = {
  "three calls deep": [
    "h <- function(x) stop('no')\ng <- function(x) h(x)\nf <- function(x) g(x)\n\nf(3)\n",
    5,
    ["f(3)", "g(x)", "h(x)", 'stop("no")'],
  ],
  "in the middle of an expression": ["1\n{\n  2\n  stop('a')\n}", 2, ['stop("a")']],
  "behind another expression on its line": ["1\n2; stop('a'); 3", 2, ['stop("a")']],
  "without its call": ["f <- function() stop('a', call. = FALSE)\nf()", 2, [
    "f()",
    'stop("a", call. = FALSE)',
  ]],
  "in a method of a reference class": ["o <- list(run = function(x) stop('a'))\no$run(1)", 2, [
    "o$run(1)",
    'stop("a")',
  ]],
  "in a method of S4": [
    "setGeneric('area', function(x) standardGeneric('area'))\n" +
    "setMethod('area', 'numeric', function(x) stop('a'))\narea(1)",
    3,
    ["area(1)", "area(1)", 'stop("a")'],
  ],
  "by a condition of its own class": [
    "e <- simpleCondition('a')\n" +
    "class(e) <- c('mine', 'error', 'condition')\nf <- function() stop(e)\nf()",
    4,
    [
      "f()",
      "stop(e)",
    ],
  ],
  "again, out of tryCatch()": [
    "f <- function() stop('a')\ntryCatch(f(), error = \\(e) stop(e))",
    2,
    [
      "tryCatch(f(), error = function(e) stop(e))",
      "tryCatchList(expr, classes, parentenv, handlers)",
      "tryCatchOne(expr, names, parentenv, handlers[[1L]])",
      "value[[3L]](cond)",
      "stop(e)",
    ],
  ],
  "in code that reads itself": ["f <- function() readLines(stdin(), stop('a'))\nf()", 2, [
    "f()",
    'readLines(stdin(), stop("a"))',
    'stop("a")',
  ]],
  "with its handler seen": [
    "options(error = quote(cat()))\nx y\n\nstop('a')\n{options(error = NULL)\n}\n" +
    "\nstop('b')",
    8,
    ['stop("b")'],
  ],
  "below a line directive": ['#line 100 "other.R"\n1\nstop("a")', 3, ['stop("a")']],
  "by its syntax": ["1\n2\nx y\n4", 3, []],
  "by its syntax, behind an expression": ["1\n2; f(3,\n  4 5)\n", 3, []],
  "by its syntax, before empty lines": ["1\n\n)\n\n\n", 3, []],
};

for (const [how, [code, line, calls]] of Object.entries(FAILURES)) {
  Deno.test(`code that fails ${how} tells its line and its calls`, ACROSS_TESTS, async () => {
    const error = await failure(code);
    assertEquals([error.line, error.traceback], [line, calls]);
  });
}

Deno.test("code that ends too soon is told by its last line", ACROSS_TESTS, async () => {
  assertEquals((await failure("1\nf(2,\n  3")).line, 3);
});

Deno.test(
  "a warning that is made an error has calls, and none of them is ours",
  ACROSS_TESTS,
  async () => {
    const { line, traceback } = await failure(
      "op <- options(warn = 2)\nf <- \\(x) as.integer(x)\nf('a')",
    );
    assertEquals([line, traceback?.[0]], [3, 'f("a")']);
    await engine.run("options(op)");
  },
);

Deno.test(
  "of a deep recursion both ends are told, and how many calls lie between",
  ACROSS_TESTS,
  async () => {
    const code = "f <- function(n) if (n == 0) stop('deep') else f(n - 1)\nf(300)";
    const { line, text, traceback = [] } = await failure(code);
    assertEquals([line, text, traceback.length], [2, "deep", 100]);
    assertEquals([traceback[0], traceback[50], traceback.at(-1)], [
      "f(300)",
      "... (203 calls)",
      'stop("deep")',
    ]);
  },
);

Deno.test(
  "an endless recursion is an error with R's own words and its line",
  ACROSS_TESTS,
  async () => {
    const { line, text } = await failure("\nf <- function(n) f(n + 1)\nf(1)");
    assertEquals(line, 3);
    assert(/nested too deeply|C stack usage/.test(text ?? ""), text ?? "");
  },
);

Deno.test("data in a call is left out of it", ACROSS_TESTS, async () => {
  const code = "f <- function(...) stop('a')\n" +
    "do.call('f', list(numeric(2000), list(as.character(1:2000)), strrep('x', 20000), 1:3))";
  const { call, traceback } = await failure(code);
  assertEquals([call, traceback?.[1]], ["f(..., ..., ..., 1:3)", "f(..., ..., ..., 1:3)"]);
});

Deno.test("a long call is cut", ACROSS_TESTS, async () => {
  const { traceback } = await failure(`f <- \\(x) stop('a')\nf("${"y".repeat(5000)}")`);
  assertEquals(traceback?.[0], `f("${"y".repeat(197)}...`);
});

Deno.test(
  "with lines a call says where it stands, also in a file of source()",
  ACROSS_TESTS,
  async () => {
    const code = `path <- tempfile(fileext = ".R")
writeLines(c("h <- function(x) {", "", "  stop('no')", "}", "g <- function(x) h(x)"), path)
source(path)
f <- function(x) {
  g(x)  # here
}
f(3)
`;
    const { line, traceback } = await failure(code, LINES);
    const calls = traceback?.map((each) => each.replace(/file\w+\.R/, "sourced.R"));
    assertEquals([line, calls], [7, [
      "f(3) at script.R#7",
      "g(x) at script.R#5",
      "h(x) at sourced.R#5",
      'stop("no") at sourced.R#3',
    ]]);
  },
);

Deno.test(
  "with lines functions print as they are written, and only then",
  ACROSS_TESTS,
  async () => {
    const code = "f <- function(x)  x  # as it is\nf; (\\(y)  y)\ngetOption('keep.source')";
    const stdout = async (more: More) => (await engine.run(code, more)).stdout;
    assertEquals(await stdout(LINES), "function(x)  x\n\\(y)  y\n[1] TRUE\n");
    assertEquals(await stdout({}), "function (x) \nx\nfunction (y) \ny\n[1] FALSE\n");
  },
);

Deno.test("with lines R prints, warns and fails as without", ACROSS_TESTS, async () => {
  const code = `x <- 1; x; invisible(2); (3); NULL; quote(a + b); sys.call(); 'text'
f <- function(x) { warning("w"); x }
f(f)(2)
g <- function() stop("no")
g()`;
  const told = async (more: More) => {
    const { stdout, stderr } = await engine.run(code, more);
    return { stdout, stderr };
  };
  assertEquals(await told(LINES), await told({}));
});

Deno.test("a value is handed over with lines too", ACROSS_TESTS, async () => {
  const wants = { value: true, plots: [], files: [] };
  const { stdout, outcome } = await engine.run("6 * 7", { ...LINES, wants });
  assertEquals([stdout, outcome.kind], ["", "ok"]);
});

async function failure(code: string, more: More = {}): Promise<Condition> {
  const { outcome } = await engine.run(code, more);
  assert(outcome.kind === "error", JSON.stringify(outcome));
  return outcome.error;
}
