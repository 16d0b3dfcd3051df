/**
 * R's serialization format from a stranger: a few bytes that announce much are `bad_value` before
 * they take memory or time.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import { decodeValue } from "../rdata/read.ts";
import { NULL, type RValue } from "../rdata/types.ts";
import { list } from "../rdata/values.ts";
import { encodeValue } from "../rdata/write.ts";
import { altrep, cells, doubles, ints, repeat, symbol } from "./rdata/bytes.ts";

Deno.test("lengths beyond the bytes there are cost no memory", () => {
  for (const type of [10, 13, 14, 15, 16, 19, 20, 24]) {
    for (const length of [[0x7fffffff], [-1, 0x7fff, -1], [-1, 0x10000, 0], [-2]]) {
      refuse(document(type, ...length), "");
    }
  }
});

Deno.test("sequences are of so many elements, all together", () => {
  const three = decodeValue(document(sequence(3)));
  assert(three.type === "integer");
  assertEquals([...three.values], [1, 2, 3]);
  refuse(document(sequence(1e9)), "Sequences of more than 100000000 elements");
  const four = document(19, 4, ...Array(4).fill(sequence(5)));
  assertEquals(decodeValue(four, { sequenceMax: 20 }).type, "list");
  assertThrows(() => decodeValue(four, { sequenceMax: 19 }), RtoolError, "more than 19 elements");
});

Deno.test("strings to be made of a sequence are refused before there are too many", () => {
  const strings = (count: number) => document(altrep("deferred_string", 2, sequence(count), 254));
  const three = decodeValue(strings(3));
  assert(three.type === "character");
  assertEquals(three.values, ["1", "2", "3"]);
  assertThrows(() => decodeValue(strings(1000), { sequenceMax: 5000 }), RtoolError);
});

Deno.test("a sequence whose length is no number is refused", () => {
  for (const count of [-1, NaN, 0.5, Infinity]) refuse(document(sequence(count)), "");
});

Deno.test("a value of a class that R did not define is refused", () => {
  refuse(document(altrep("mmap_real", doubles(1))), "unknown class 'mmap_real'");
});

Deno.test("values and strings are so many, all together", () => {
  const nulls = document(19, 10, repeat(10, 254));
  assertEquals(decodeValue(nulls, { valuesMax: 11 }).type, "list");
  assertThrows(() => decodeValue(nulls, { valuesMax: 10 }), RtoolError, "More than 10 values");
  const texts = document(19, 2, repeat(2, 16, 3, 9, -1, 9, -1, 9, -1));
  assertEquals(decodeValue(texts, { stringsMax: 6 }).type, "list");
  assertThrows(() => decodeValue(texts, { stringsMax: 5 }), RtoolError, "More than 5 strings");
});

Deno.test("the line that tells a call is short, however long its names and many its arguments", () => {
  const name = symbol("x".repeat(10_000));
  const call = document(6, name, repeat(100_000, 2, 1 << 8 | 255), 254);
  const value = decodeValue(call);
  assert(value.type === "opaque" && value.description.length < 300);
});

Deno.test("values nested too deeply are refused, read and written", () => {
  let deep: RValue = NULL;
  for (let depth = 0; depth < 2000; depth++) deep = list([deep]);
  assertThrows(() => encodeValue(deep), RtoolError, "more than 1000 deep");
  const nested = document(repeat(5000, 19, 1), 254);
  assertThrows(() => decodeValue(nested), RtoolError, "more than 1000 deep");
  const closures = document(repeat(50_000, 3, 254), 254);
  assertThrows(() => decodeValue(closures), RtoolError, "more than 1000 deep");
});

function document(...parts: readonly (number | Uint8Array)[]): Uint8Array {
  return concat([ints(2, 0x040200, 0x020300), ...cells(...parts)]);
}

function sequence(count: number): Uint8Array {
  return altrep("compact_intseq", doubles(count, 1, 1));
}

function refuse(bytes: Uint8Array, why: string): void {
  const error = assertThrows(() => decodeValue(bytes), RtoolError, why);
  assertEquals(error.code, "bad_value");
}
