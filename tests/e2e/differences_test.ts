/**
 * Where `rtool send SCRIPT` means to differ from `Rscript --vanilla SCRIPT`, and how. Everything
 * else is the business of parity_test.ts. docs/ lists the same, with the same reasons.
 */

import { assertEquals } from "@std/assert";
import { run, type RunOptions } from "./processes.ts";
import { startServer, type TestServer, text } from "./rtool.ts";

/** What a user sees. */
interface Seen {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** A script, what Rscript makes of it, what rtool does, and why. */
interface Difference {
  readonly about: string;
  readonly reason: string;
  readonly code: string | Uint8Array;
  readonly input?: string;
  readonly rscript: Seen;
  readonly rtool: Seen;
}

const DIFFERENCES: readonly Difference[] = [
  {
    about: "stdin() is the input of the script, not the rest of its text",
    reason: "A script in a file has an input of its own; its text is not read line by line.",
    code: 'x <- readLines(stdin(), 1)\n"this line"\nx\n',
    input: "a line of the input\n",
    rscript: { stdout: '[1] "\\"this line\\""\n', stderr: "", code: 0 },
    rtool: { stdout: '[1] "this line"\n[1] "a line of the input"\n', stderr: "", code: 0 },
  },
  {
    about: "the end of the script is not the end of R",
    reason: "The session lives on: .Last and finalizers on exit run when it ends.",
    code: 'invisible(.Last <- function() cat("last\\n"))\ncat("end\\n")\n',
    rscript: { stdout: "end\nlast\n", stderr: "", code: 0 },
    rtool: { stdout: "end\n", stderr: "", code: 0 },
  },
  {
    about: "a byte order mark at the start is not code",
    reason: "Editors put it there, and nobody sees it.",
    code: "\ufeff1 + 1\n",
    rscript: {
      stdout: "",
      stderr: 'Error: unexpected input in "\ufeff"\nExecution halted\n',
      code: 1,
    },
    rtool: { stdout: "[1] 2\n", stderr: "", code: 0 },
  },
  {
    about: "a script that is not UTF-8 is refused until its encoding is named",
    reason: "Rscript stops half-way, where the first such character stands in code.",
    code: latin1('"one"\nx <- "caf\xe9"\n'),
    rscript: {
      stdout: '[1] "one"\n',
      stderr: "Error: invalid multibyte character in parser at line 2\nExecution halted\n",
      code: 1,
    },
    rtool: {
      stdout: "",
      stderr: "rtool: script.R is not UTF-8\n" +
        "rtool: name its encoding, such as --encoding latin1\n",
      code: 66,
    },
  },
  {
    about: "a NUL byte makes a script none",
    reason: "Rscript takes it out of the text, and so runs another script.",
    code: 'cat("a\0b\\n")\n',
    rscript: { stdout: "ab\n", stderr: "", code: 0 },
    rtool: {
      stdout: "",
      stderr: "rtool: The code holds a NUL character, which R cannot read\n",
      code: 64,
    },
  },
  {
    about: "a very long line of statements is run to its end",
    reason: "Rscript forgets what follows, says nothing and ends with status 0.",
    code: `x <- 0\n${"x <- x + 1; ".repeat(5000)}\nx\n`,
    rscript: { stdout: "", stderr: "", code: 0 },
    rtool: { stdout: "[1] 5000\n", stderr: "", code: 0 },
  },
  {
    about: "plots are counted or kept, and Rplots.pdf is not made",
    reason: "R's directory may be on another machine; --plots brings them here.",
    code: 'unlink("Rplots.pdf")\nplot(1)\ndev.cur()\nx <- dev.off()\nfile.exists("Rplots.pdf")\n',
    rscript: { stdout: "pdf \n  2 \n[1] TRUE\n", stderr: "", code: 0 },
    rtool: {
      stdout: "pdf \n  2 \n[1] FALSE\n",
      stderr: "rtool: 1 plot was made; keep it with --plots DIR\n",
      code: 0,
    },
  },
  {
    about: "options(keep.source = TRUE) means the next script",
    reason: "A script is parsed once, before it runs; Rscript parses as it goes.",
    code: "options(keep.source = TRUE)\nfunction(x)   x\n",
    rscript: { stdout: "function(x)   x\n", stderr: "", code: 0 },
    rtool: { stdout: "function (x) \nx\n", stderr: "", code: 0 },
  },
  {
    about: "a debugger finds nobody to talk to",
    reason:
      "A batch job has no debugger; Rscript takes the next lines of the script for its commands.",
    code: 'f <- function(x) {\n  browser()\n  x\n}\nf(1)\nc\n"end"\n',
    rscript: {
      stdout: 'Called from: f(1)\n[1] 1\n[1] "end"\n',
      stderr: "",
      code: 0,
    },
    rtool: {
      stdout: "Called from: f(1)\n",
      stderr: "Error: a batch job has no debugger: browser() or debug() was reached\n" +
        "Execution halted\n",
      code: 1,
    },
  },
];

let server: TestServer;
let scratch: string;

// The server's pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

Deno.test.beforeAll(async () => {
  scratch = await Deno.makeTempDir({ prefix: "rtool-differences-" });
  server = await startServer();
});

Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Deno.remove(scratch, { recursive: true });
});

for (const [index, difference] of DIFFERENCES.entries()) {
  Deno.test(`Unlike with Rscript, ${difference.about}`, ACROSS_TESTS, async () => {
    const cwd = `${scratch}/${index}`;
    await Deno.mkdir(cwd);
    const { code, input, rscript, rtool } = difference;
    await Deno.writeFile(`${cwd}/script.R`, bytes(code));
    const options: RunOptions = { cwd, ...(input === undefined ? {} : { stdin: input }) };
    assertEquals(seen(await run(["Rscript", "--vanilla", "script.R"], options)), rscript);
    const session = `difference-${index}`;
    assertEquals(seen(await server.send(["-s", session, "script.R"], options)), rtool);
  });
}

function seen({ stdout, stderr, code }: Awaited<ReturnType<typeof run>>): Seen {
  return { stdout: text(stdout), stderr: text(stderr), code };
}

function bytes(code: string | Uint8Array): Uint8Array {
  return typeof code === "string" ? new TextEncoder().encode(code) : code;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
