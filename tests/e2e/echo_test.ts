/**
 * `rtool send --echo SCRIPT` beside `R --vanilla --quiet < SCRIPT`: the same bytes on both streams,
 * the same exit status.
 */

import { assertEquals } from "@std/assert";
import { type Run, run } from "./processes.ts";
import { startServer, type TestServer, text } from "./rtool.ts";

/** Scripts, by what they are about. */
const SCRIPTS: Readonly<Record<string, string>> = {
  "no code at all": "",
  "an empty line": "\n",
  "values and assignments": "x <- 1:3\nx\nmean(x)\n",
  "a last line without an end": "1\n2",
  "comments and empty lines": "# one\n\n  # two\n1  # three\n\n\n# four\n",
  "comments alone": "# nothing\n# to do\n",
  "an expression over several lines": "f <- function(x) {\n  # inside\n\n  x + 1\n}\nf(1)\n",
  "functions, which print without their comments": "f <- function(x)  x   # c\nf\n",
  "several expressions on a line": "1; 2; x <- 3; x\n4\n",
  "an expression that begins behind another": "1; f <- sum(2,\n  3)\nf; 5\n",
  "a semicolon at the end, and in texts and comments": "1;\n'a;b'; 2 # c; d\n# e; f\n3\n",
  "texts over several lines": 'x <- "one\n  two\n\nthree"\nx\ncat(x, "\\n")\n',
  "raw texts": 'r"(a\nb)"; 2\n',
  "if and else": "if (FALSE) {\n  1\n} else {\n  2\n}\nfor (i in 1:2)\n  print(i)\n",
  "pipes and operators at the end of a line": "x <- 1 +\n  2\nc(1, 4) |>\n  sqrt()\n",
  "tabs and blanks": "\t1\n  2  \n\t\n 3 ;\t4\n",
  "the form feed": "1\n\f\n2\n",
  "characters beyond ASCII": "x <- 'äöü €'  # naïve\nx\ncat('日本\\n')\n",
  "ends of lines from Windows": "x <- 1\r\nx\r\nf <- function() {\r\n  2\r\n}\r\nf()\r\n",
  "an error, which halts": "1\nf <- function() stop('no')\nf()\n2\n",
  "an error behind another expression": "1; stop('no'); 2\n3\n",
  "an error in the middle of an expression": "{\n  print(1)\n  stop('no')\n}\n2\n",
  "warnings and messages": "warning('w1')\nmessage('m')\nas.integer('a')\n1\n",
  "a syntax error": "1\nx y\n2\n",
  "a syntax error over several lines": "1\n# c\n\nf(1,\n  2 3)\n4\n",
  "a syntax error behind an expression": "1; 2 2\n3\n",
  "code that ends too soon": "1\n\n# c\nf(1,\n\n  2,\n",
  "a text that does not end": 'x <- 1\ny <- "abc\ndef\n',
  "nothing but an open bracket": "(",
  "a line directive": '#line 100 "other.R"\nx <- 1\nx;\n  2\n',
  "other prompts": "options(prompt = 'R> ', continue = '.. ')\nsum(1,\n  2)\n",
  "an error handler of the code": "options(error = quote(cat('seen\\n')))\nstop('a'); 2\nx y\n3\n",
  "output that is diverted": "sink(tempfile())\n1\nsink()\n2\n",
  "invisible values": "invisible(3)\n(invisible(4))\nNULL\n",
  "output without an end of line": "cat('a')\ncat('b')\n1\n",
  "quit()": "1\nquit(status = 3)\n2\n",
  "quit() within an expression": "f <- function() {\n  q('no', 4)\n}\nf()\n",
  "source() of a file":
    "writeLines(c('y <- 2', 'y'), p <- tempfile())\nsource(p, echo = TRUE)\n1\n",
  "many expressions": Array.from({ length: 60 }, (_, i) => `${i}  # ${i}\n`).join(""),
  "a long line": `x <- c(${Array.from({ length: 900 }, (_, i) => i).join(",")})\nsum(x)\n`,
};

let server: TestServer;

// The server's pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

Deno.test.beforeAll(async () => {
  server = await startServer();
});

Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

for (const [about, code] of Object.entries(SCRIPTS)) {
  Deno.test(`rtool send --echo and R < FILE agree on ${about}`, ACROSS_TESTS, async () => {
    const [expected, actual] = await Promise.all([
      run(["R", "--vanilla", "--quiet"], { stdin: code }),
      server.send(["--fresh", "--echo"], { stdin: code }),
    ]);
    assertEquals(shownRun(actual), shownRun(expected));
  });
}

Deno.test(
  "--echo shows a line of any length whole; R breaks it each 4095 bytes",
  ACROSS_TESTS,
  async () => {
    const line = `x <- '${"é".repeat(5000)}'; nchar(x)`;
    const { stdout } = await server.send(["--fresh", "--echo"], { stdin: `${line}\n` });
    assertEquals(text(stdout), `> ${line}\n[1] 5000\n> \n`);
  },
);

Deno.test(
  "with --echo the script does not read itself: stdin is its own",
  ACROSS_TESTS,
  async () => {
    const args = ["--fresh", "--echo", "-e", "readLines(stdin())"];
    const { stdout } = await server.send(args, { stdin: "input\n" });
    assertEquals(text(stdout), '> readLines(stdin())\n[1] "input"\n> \n');
  },
);

Deno.test("--echo leaves no trace in its session", ACROSS_TESTS, async () => {
  const first = await server.send(["-n", "--echo", "-e", "1"]);
  const second = await server.send(["-n", "-e", "1"]);
  assertEquals([text(first.stdout), text(second.stdout)], ["> 1\n[1] 1\n> \n", "[1] 1\n"]);
});

function shownRun({ stdout, stderr, code }: Run): unknown {
  return { stdout: text(stdout), stderr: text(stderr), code };
}
