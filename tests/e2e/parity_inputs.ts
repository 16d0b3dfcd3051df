/**
 * The scripts whose output from `rtool send` is compared with that of Rscript.
 *
 * Those in parity/ say in their first line what they are about; a `.in` file beside one is its
 * standard input. What is too long or too odd to be kept as a file is made here.
 */

/** A script and what it is run with. */
export interface ParityScript {
  /** What the two agree on, to follow "agree on". */
  readonly about: string;
  /** Name of the script's file. */
  readonly file: string;
  readonly code: Uint8Array;
  /** Standard input; without it, there is none. */
  readonly input?: Uint8Array;
}

const DIR = new URL("parity/", import.meta.url);
const encoder = new TextEncoder();

/** Every script of parity/, in order of their names, then those made here. */
export async function readParityScripts(): Promise<ParityScript[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(DIR)) if (name.endsWith(".R")) names.push(name);
  const scripts: ParityScript[] = [];
  for (const file of names.sort()) scripts.push(await readScript(file));
  return [...scripts, ...GENERATED.map(generate)];
}

async function readScript(file: string): Promise<ParityScript> {
  const code = await Deno.readFile(new URL(file, DIR));
  const first = new TextDecoder().decode(code).split("\n", 1)[0] ?? "";
  const about = first.replace(/^# /, "");
  const input = await maybeReadFile(new URL(file.replace(/\.R$/, ".in"), DIR));
  return { about, file, code, ...(input === undefined ? {} : { input }) };
}

async function maybeReadFile(url: URL): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(url);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function generate([file, about, make]: Generated): ParityScript {
  const made = make();
  return { about, file, code: typeof made === "string" ? encoder.encode(made) : made };
}

type Generated = readonly [file: string, about: string, make: () => string | Uint8Array];

const GENERATED: readonly Generated[] = [
  ["empty.R", "an empty script", () => ""],
  ["blank.R", "a script of white space only", () => "\n\n   \n\t\n"],
  ["comment.R", "a script of one comment", () => "# nothing else\n"],
  ["comment_open.R", "a comment without an end of line", () => "# nothing else"],
  ["one_value.R", "one value without an end of line", () => "1 + 1"],
  ["crlf.R", "lines that end in CR and LF", () => CRLF],
  ["crlf_error.R", "an error in lines that end in CR and LF", () => CRLF_ERROR],
  ["cr.R", "lines that end in CR", () => 'cat("one\\n")\rcat("two\\n")\r'],
  ["literal.R", "a literal of 2 MB", () => `x <- "${"abcdefghij".repeat(200_000)}"\nnchar(x)\n`],
  ["vector.R", "a vector of 8,000 lines, and a tail that does not parse", vectorOfLines],
  ["lines.R", "20,000 lines, and a tail that does not parse", twentyThousandLines],
  ["statements.R", "a thousand statements in one line", statementsInOneLine],
  [
    "parentheses.R",
    "parentheses nested too deeply",
    () => `${nested(45)}\n"two"\n${nested(100)}\n`,
  ],
  ["blocks.R", "a syntax error deep in a long block", blockThatDoesNotParse],
  ["cat_10mb.R", "10 MB from cat", () => CAT_10_MB],
  ["print_10mb.R", "10 MB of autoprinted numbers", () => "options(max.print = 1e7)\n1:1100000\n"],
  ["message_5mb.R", "5 MB of messages", () => "for (i in 1:50000) message(strrep('m', 100))\n"],
  ["both_streams.R", "many lines on both streams", () => BOTH_STREAMS],
  ["one_line_5mb.R", "one line of 5 MB", () => 'cat(strrep("0123456789", 5e5))\n'],
  ["long_name.R", "a name longer than R allows", () => `${"n".repeat(10_001)} <- 1\n"two"\n`],
  ["long_error.R", "a call too long to show in an error", () => LONG_ERROR],
];

const CRLF = [
  'cat("one\\n")',
  "f <- function(x) {",
  "  # a comment",
  "  x + 1",
  "}",
  "f(1)",
  '"two',
  'lines"',
  "if (TRUE) {",
  "  3",
  "} else {",
  "  4",
  "}",
  "f",
  "",
].join("\r\n");

const CRLF_ERROR = ['"one"', "f <- function() {", "  1 2", "}", ""].join("\r\n");

const CAT_10_MB = `
line <- paste0(strrep("abcdefghi ", 10), "\\n")
for (i in 1:1000) cat(rep(line, 100), sep = "")
`;

const BOTH_STREAMS = `
for (i in 1:5000) {
  cat("out", i, "\\n")
  cat("err", i, "\\n", file = stderr())
  if (i %% 1000 == 0) warning("warning ", i)
}
`;

const LONG_ERROR = `
f <- function(...) stop("with a long call")
f(${Array.from({ length: 500 }, (_, i) => `argument_${i} = "value ${i}"`).join(", ")})
`;

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i + 1));
}

function vectorOfLines(): string {
  return `cat("before\\n")\nx <- c(\n${numbers(8_000).join(",\n")}\n)\nsum(x)\ny <- c(1,\n2 3)\n`;
}

function twentyThousandLines(): string {
  return `x <- 0\n${"x <- x + 1\n".repeat(20_000)}x\nx <- )\n`;
}

function statementsInOneLine(): string {
  return `x <- 0\n${"x <- x + 1; ".repeat(1000)}\nx\n`;
}

function nested(depth: number): string {
  return `${"(".repeat(depth)}1${")".repeat(depth)}`;
}

function blockThatDoesNotParse(): string {
  return `"one"\nf <- function() {\n${"  x <- 1\n".repeat(2000)}  y y\n}\n"two"\n`;
}
