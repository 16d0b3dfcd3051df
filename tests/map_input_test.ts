/**
 * The items of a map: lines of JSON, whatever way the bytes are cut, and a clear word for what is
 * none.
 */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import { LINE_BYTES_MAX, openInput, readItems } from "../cli/map_input.ts";
import { readLines } from "../cli/map_lines.ts";
import { fromJson } from "../rdata/json_read.ts";
import { cutAt, SEED, seeded } from "./random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

Deno.test("each line that is not blank is an item, and the last needs no line end", async () => {
  const items = await read('1\r\n\n  \n{"a": [1, 2]}  \n"é"');
  assertEquals(items.map(({ index, text }) => [index, text]), [
    [0, "1"],
    [1, '{"a": [1, 2]}'],
    [2, '"é"'],
  ]);
  assertEquals(items[1]!.value, fromJson('{"a": [1, 2]}'));
  assertEquals(await read(""), []);
});

Deno.test(`items are the same, however the bytes are cut (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue(), { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 6 }),
      async (values, places) => {
        const texts = values.map((value) => JSON.stringify(value));
        const bytes = encoder.encode(texts.map((text) => `${text}\n`).join(""));
        const items = await Array.fromAsync(readItems(stream(cutAt(bytes, places)), "x"));
        assertEquals(items.map(({ text }) => text), texts);
      },
    ),
    seeded(200),
  );
});

Deno.test(`lines know where they stand, and hold no more than is wanted (seed ${SEED})`, async () => {
  const arbitraryLines = fc.array(fc.string({ maxLength: 12 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      arbitraryLines,
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.integer({ min: 1, max: 8 }),
      async (texts, places, headMax) => {
        const bytes = encoder.encode(texts.join("\n"));
        const lines = await Array.fromAsync(readLines(stream(cutAt(bytes, places)), headMax));
        const found = lines.map(({ offset, length }) => {
          return decoder.decode(bytes.subarray(offset, offset + length));
        });
        const expected = decoder.decode(bytes).split("\n");
        assertEquals(found, expected.at(-1) === "" ? expected.slice(0, -1) : expected);
        for (const { offset, length, head, isWhole } of lines) {
          const end = offset + Math.min(length, headMax);
          assertEquals(head, bytes.slice(offset, end));
          assertEquals(isWhole, bytes[offset + length] === 10);
        }
      },
    ),
    seeded(200),
  );
});

Deno.test("a line that is no item is named, with its number and column", async () => {
  assertEquals(await fault("1\n\n[1, 2\n3\n"), [
    "bad_value",
    "input, line 3, column 6: it is no JSON: the text ends too early",
  ]);
  assertEquals((await fault("1 2\n"))[0], "bad_value");
  for (const depth of [1000, 200_000]) {
    const [code, message] = await fault("[".repeat(depth) + "]".repeat(depth));
    assertEquals(code, "bad_value");
    assertStringIncludes(message, "input, line 1: ");
  }
});

Deno.test("a line that is not UTF-8 is named", async () => {
  const bytes = [encoder.encode("1\n"), Uint8Array.of(0x22, 0xe9, 0x22, 10)];
  const error = await assertRejects(() => Array.fromAsync(readItems(stream(bytes), "x")));
  assertEquals((error as RtoolError).code, "unreadable_input");
  assertEquals((error as RtoolError).message, "x, line 2: it is not UTF-8");
});

Deno.test("a line beyond the bound is refused, and never held whole", async () => {
  const piece = encoder.encode("1".repeat(1 << 20));
  const pieces = Array.from({ length: (LINE_BYTES_MAX >> 20) + 4 }, () => piece);
  const error = await assertRejects(() => Array.fromAsync(readItems(stream(pieces), "x")));
  assertEquals((error as RtoolError).message, "x, line 1: it has more than 16 MiB");
  for await (const { head } of readLines(stream(pieces), 10)) assertEquals(head.length, 10);
});

Deno.test("an input that is not there, or is a directory, is an error before anything is read", () => {
  for (const path of ["/nonexistent/x.ndjson", "/"]) {
    const { code } = assertThrows(() => openInput(path), RtoolError);
    assertEquals(code, "unreadable_input");
  }
});

function read(text: string) {
  return Array.fromAsync(readItems(stream([encoder.encode(text)]), "input"));
}

async function fault(text: string): Promise<[string, string]> {
  const { code, message } = await assertRejects(() => read(text), RtoolError);
  return [code, message];
}

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}
