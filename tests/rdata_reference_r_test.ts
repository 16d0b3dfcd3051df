/**
 * What R itself makes of the same texts and numbers: read by R and by us, then written by both.
 *
 * All goes through one R process for each table; where we differ on purpose stands here, and why.
 */

import { assert, assertEquals } from "@std/assert";
import { fromCsv } from "../rdata/csv_read.ts";
import { toCsv } from "../rdata/csv_write.ts";
import { fromJson } from "../rdata/json_read.ts";
import { toJson } from "../rdata/json_write.ts";
import { numberText } from "../rdata/number_text.ts";
import { createRandom, SEED } from "./random.ts";

/** R prints a line of JSON for each line of JSON, which holds a text as a string. */
const READ_JSON = `
for (line in readLines(file("stdin"), encoding = "UTF-8")) {
  value <- jsonlite::fromJSON(jsonlite::fromJSON(line))
  cat(jsonlite::toJSON(value, digits = NA, na = "null", null = "null"), "\\n", sep = "")
}`;

/** The same for CSV: what R read, and wrote, as one string. */
const READ_CSV = `
for (line in readLines(file("stdin"), encoding = "UTF-8")) {
  value <- read.csv(text = jsonlite::fromJSON(line), stringsAsFactors = FALSE)
  text <- paste0(capture.output(write.csv(value, row.names = FALSE)), "\\n", collapse = "")
  types <- vapply(value, typeof, "")
  cat(jsonlite::toJSON(c(text, types)), "\\n", sep = "")
}`;

const WRITE_NUMBERS = `
numbers <- readBin(file("stdin", "rb"), "double", 1e6)
write.csv(numbers, row.names = FALSE)`;

const JSON_TEXTS: readonly string[] = [
  ..."null 5 -1.5 true [] {} [null] [null,null] [1,null] [true,null] [1,2.5] [2147483648]".split(
    " ",
  ),
  ...'"a" ["a",null] ["é😀",""] ["2024-01-01"] {"a":null} {"a":{"b":{}}} {"a":[1,2],"b":"x"}'.split(
    " ",
  ),
  ..."[[1,2],[3,4]] [[1,2],[3]] [[1],[2]] [[],[]] [[1,2]] [[null,1],[2,3]] [[1,2],[3.5,4]]".split(
    " ",
  ),
  "[[[1,2],[3,4]],[[5,6],[7,8]]]",
  "[[[1,2]],[[3,4]]]",
  "[[[1],[2]],[[3]]]",
  "[[true,false],[null,true]]",
  '[["a","b"],[null,"c"]]',
  "[[1,2],null]",
  "[1,[2]]",
  '[{"a":1},{"a":2}]',
  '[{"a":1},{"b":2}]',
  '[{"a":1},null]',
  '[null,{"a":1}]',
  '[{"a":1},5]',
  '[{"a":[1,2]},{"a":[3,4]}]',
  '[{"a":[1,2]},{}]',
  '[{"a":{"b":1}},{"a":{"b":2}}]',
  '[{"a":{"b":1}},{"a":null}]',
  '[{"a":{"b":1}},{}]',
  "[{},{}]",
  '[{"a":null},{"a":null}]',
  '[{"a":"x","_row":"r1"},{"a":"y","_row":"r2"}]',
  '[[{"a":1}],[{"a":2}]]',
  '[{"a":[{"b":1}]},{"a":[{"b":2},{"b":3}]}]',
  '[{"a":[[1,2],[3,4]]}]',
  '[{"a":1,"b":[]},{"a":2,"b":[]}]',
];

/** What jsonlite reads otherwise, what it makes of it, and why we do not. */
const JSON_DIFFERENCES: readonly (readonly [text: string, ours: string, theirs: string])[] = [
  // Numbers stay numbers beside text and truth.
  ['[1,"a"]', '[[1],["a"]]', '["1","a"]'],
  ["[1,true]", "[[1],[true]]", "[1,1]"],
  ['[[1,"a"],[2,"b"]]', '[[[1],["a"]],[[2],["b"]]]', '[["1","a"],["2","b"]]'],
  ['[{"a":1},{"a":"x"}]', '[{"a":[1]},{"a":["x"]}]', '[{"a":"1"},{"a":"x"}]'],
  // "NA" is text like any other: null says what is missing.
  ['["NA",1]', '[["NA"],[1]]', "[null,1]"],
  // What is no number is told from what is missing when it is written.
  ['["NaN",1,null]', '["NaN",1,null]', "[null,1,null]"],
  ['["Inf","-Inf"]', '["Inf","-Inf"]', "[null,null]"],
];

const CSV_TEXTS: readonly string[] = [
  "a,b\n1,2\n",
  "a\n1\nNA\n",
  "a\n\n1\n",
  "a,b\n1,\n,2\n",
  "a,b\n,x\n",
  "a\nTRUE\nF\n",
  "a\nTrue\ntrue\n",
  "a\nT\n1\n",
  "a\n1.5\n2\n",
  "a\n2147483647\n-2147483647\n",
  "a\n2147483648\n1\n",
  "a\n0x10\n-0xff\n",
  "a\n1e3\n1E-3\n",
  " a , b\n 1, 2\n",
  "a\nNaN\nInf\n-inf\n",
  "a\nINF\ninfinity\nnan\n",
  'a\n"1"\n"2"\n',
  'a\n"NA"\nx\n',
  "a,a\n1,2\n",
  "a b,2x,_y,,é,.1a,..c,if,TRUE\n1,2,3,4,5,6,7,8,9\n",
  "a\r\n1\r\n",
  '"a""b"\n1\n',
  'a\n"x\ny"\n',
  "a,b\n",
  "a\n007\n",
  "a\n1L\n",
  "a\n1 2\n",
  "a\n+5\n-0\n",
  "a\n.5\n5.\n",
  "a\n NA \n1\n",
  "a\n x \n",
  "a\n12345678901234567890\n",
  "a\n2024-01-01\n",
  "a\n#c\n",
  "a\n1e400\n1e-400\n",
  "a\n1d5\n0b1\n",
];

Deno.test("fromJson() makes of a text what jsonlite makes of it", async () => {
  const theirs = await askR(READ_JSON, linesOf(JSON_TEXTS));
  for (const [index, text] of JSON_TEXTS.entries()) {
    assertEquals(JSON.parse(rewriteJson(text)), JSON.parse(theirs[index]!), text);
  }
});

Deno.test("fromJson() differs from jsonlite where docs/values.md says so", async () => {
  const theirs = await askR(READ_JSON, linesOf(JSON_DIFFERENCES.map(([text]) => text)));
  for (const [index, [text, ours, expected]] of JSON_DIFFERENCES.entries()) {
    assertEquals([rewriteJson(text), theirs[index]], [ours, expected], text);
  }
});

Deno.test("fromCsv() makes of a text what read.csv() makes of it, and toCsv() writes it as R does", async () => {
  const theirs = await askR(READ_CSV, linesOf(CSV_TEXTS));
  for (const [index, text] of CSV_TEXTS.entries()) {
    const value = fromCsv(text);
    assert(value.type === "list");
    const ours = [[...toCsv(value)].join(""), ...value.values.map(({ type }) => type)];
    assertEquals(ours, JSON.parse(theirs[index]!), text);
  }
});

Deno.test(`numbers of all sizes are written as write.csv() writes them (seed ${SEED})`, async () => {
  const random = createRandom();
  const numbers = Float64Array.from({ length: 20_000 }, (_, index) => {
    const size = 10 ** Math.floor(random() * 30 - 15);
    const digits = index % 2 === 0 ? random() : Math.round(random() * 1000) / 1000;
    return (random() < 0.5 ? -1 : 1) * digits * size;
  });
  const [header, ...theirs] = await askR(WRITE_NUMBERS, new Uint8Array(numbers.buffer));
  assertEquals(header, '"x"');
  const differing = theirs.filter((text, index) => text !== numberText(numbers[index]!));
  // R rounds in 80 bits first, which puts a few numbers on the other side of a half.
  assert(differing.length <= 20, `${differing.length} differ: ${differing.slice(0, 5)}`);
});

function rewriteJson(text: string): string {
  return [...toJson(fromJson(text))].join("");
}

function linesOf(texts: readonly string[]): Uint8Array {
  const lines = texts.map((text) => `${JSON.stringify([text])}\n`);
  return new TextEncoder().encode(lines.join(""));
}

/** The lines that R prints when it runs the code with this as its input. */
async function askR(code: string, input: Uint8Array): Promise<string[]> {
  const process = new Deno.Command("Rscript", {
    args: ["--vanilla", "-e", code],
    env: { LC_ALL: "C.UTF-8", TZ: "UTC" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  const [output] = await Promise.all([
    process.output(),
    writer.write(input).then(() => writer.close()),
  ]);
  const decoder = new TextDecoder();
  assert(output.success, decoder.decode(output.stderr));
  return decoder.decode(output.stdout).trimEnd().split("\n");
}
