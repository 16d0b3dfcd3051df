/**
 * What may come with a job: paths that stay inside, values that are data, each name once.
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { checkItems, cleanUploads } from "../access/uploads.ts";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import { NO_WANTS, type Upload, type UploadTarget } from "../core/item.ts";
import { decodeValue } from "../rdata/read.ts";
import { character, list, numeric } from "../rdata/values.ts";
import { encodeValue } from "../rdata/write.ts";

const PATHS = [
  "",
  "/etc/passwd",
  "../x",
  "a/../b",
  "./a",
  "a//b",
  "a/",
  ".",
  "a\nb",
  "x".repeat(2000),
];

for (const path of PATHS) {
  Deno.test(`the path ${JSON.stringify(path.slice(0, 20))} is refused, in and out`, () => {
    refused(() => checkItems([file(path)], NO_WANTS, undefined));
    refused(() => checkItems([], { ...NO_WANTS, files: [path] }, undefined));
  });
}

Deno.test("paths below the session's directory are taken", () => {
  const paths = ["a", "a/b.csv", ".hidden", "..a", "ü/ß", "with space"];
  checkItems(paths.map(file), { ...NO_WANTS, files: paths }, undefined);
});

Deno.test("a function's name is a name or package::name", () => {
  for (const name of ["f", "stats::quantile", ".f", "a.b_c", "data.table::fread"]) {
    checkItems([], NO_WANTS, name);
  }
  for (
    const name of ["", "f()", "a:::b", "a::b::c", "1f", ".1f", "f g", "`f`", "x$y", "f\n", "é"]
  ) {
    refused(() => checkItems([], NO_WANTS, name));
  }
});

Deno.test("a name comes once, and arguments only with a function", () => {
  const data = (name: string) => upload({ kind: "data", name });
  checkItems([data("a"), data("b"), file("a")], NO_WANTS, undefined);
  refused(() => checkItems([data("a"), data("a")], NO_WANTS, undefined));
  refused(() => checkItems([file("a"), file("a")], NO_WANTS, undefined));
  refused(() => checkItems([data("")], NO_WANTS, undefined));
  refused(() => checkItems([upload({ kind: "arguments" })], NO_WANTS, undefined));
  checkItems([upload({ kind: "arguments" })], NO_WANTS, "f");
});

Deno.test("a value is written anew, in the words of this program", async () => {
  const value = list([numeric([1, 2]), character(["a"])]);
  const xdr = concat(encodeValue(value, { version: 2, format: "xdr" }));
  const cleaned = await clean({ kind: "data", name: "x" }, xdr);
  assertEquals(cleaned, concat(encodeValue(value)));
  assertEquals(decodeValue(cleaned), value);
});

Deno.test("a file is not looked into", async () => {
  const bytes = new TextEncoder().encode("anything");
  assertEquals(await clean({ kind: "file", path: "x" }, bytes), bytes);
});

Deno.test("what is no value, or holds what could be evaluated, is bad_value", async () => {
  const closure = concat([
    ...encodeValue(numeric([])).map((part) => part.slice(0, 23)),
    // A closure: an environment, no arguments, no body.
    new Uint8Array(new Int32Array([3 | 0x400, 253, 254, 254]).buffer),
  ]);
  assertEquals((decodeValue(closure) as { kind?: string }).kind, "closure");
  for (const bytes of [new Uint8Array(), new TextEncoder().encode("B\nno"), closure]) {
    const error = await assertRejects(() => clean({ kind: "data", name: "x" }, bytes), RtoolError);
    assertEquals(error.code, "bad_value");
  }
  const notList = concat(encodeValue(numeric([1])));
  await assertRejects(() => clean({ kind: "arguments" }, notList), RtoolError, "must be a list");
});

function file(path: string): Upload {
  return upload({ kind: "file", path });
}

function upload(target: UploadTarget, path?: string): Upload {
  return { target, bytes: 0, path };
}

async function clean(target: UploadTarget, bytes: Uint8Array): Promise<Uint8Array> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    await cleanUploads([upload(target, path)]);
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

function refused(work: () => void): void {
  assertEquals(assertThrows(work, RtoolError).code, "bad_request");
}
