/**
 * R's values as tables of Apache Arrow and back, as docs/values.md has it.
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import * as arrow from "apache-arrow";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import { fromArrow, toArrow } from "../rdata/arrow.ts";
import { type Attribute, NA_INTEGER, NULL, type RValue } from "../rdata/types.ts";
import {
  character,
  integer,
  list,
  logical as logicalOf,
  NA_REAL,
  numeric,
  raw,
} from "../rdata/values.ts";
import { SEED, seeded } from "./random.ts";

const UTC: Attribute = ["tzone", character(["UTC"])];
const LEVELS: Attribute = ["levels", character(["lo", "hi"])];
const MINUTES: Attribute = ["units", character(["mins"])];

/** What Arrow has a type for: the type, and the value, which comes back as it was. */
const COLUMNS: readonly (readonly [type: string, value: RValue])[] = [
  ["Bool", logical([1, 0, NA_INTEGER])],
  ["Bool", logical([0, 1, 1])],
  ["Int32", integer([1, -0x7fff_ffff, NA_INTEGER])],
  ["Int32", integer([1, 2, 3])],
  ["Float64", numeric([1.5, -0, Infinity])],
  ["Float64", numeric(Float64Array.of(NaN, NA_REAL, 5e-324))],
  ["Float64", numeric(Float64Array.of(1, 2.5, NA_REAL), [classed("difftime"), MINUTES])],
  ["Utf8", character(["", null, "é😀\n"])],
  ["Uint8", raw(Uint8Array.of(0, 127, 255))],
  ["Dictionary<Int32, Utf8>", integer([2, NA_INTEGER, 1], [LEVELS, classed("factor")])],
  ["Dictionary<Int32, Utf8>", integer([1, 2, 1], [LEVELS, classed("ordered", "factor")])],
  ["Date32<DAY>", numeric(Float64Array.of(19753, NA_REAL, -719162), [classed("Date")])],
  ["Timestamp<MICROSECOND, UTC>", numeric(Float64Array.of(0.25, NA_REAL, -1e9), [posix(), UTC])],
  [
    "Timestamp<MICROSECOND, Europe/Berlin>",
    numeric([1706702400, 0, 1], [posix(), ["tzone", character(["Europe/Berlin"])]]),
  ],
];

for (const [type, value] of COLUMNS) {
  const what = JSON.stringify("values" in value ? [...value.values as Iterable<unknown>] : []);
  Deno.test(`${type} holds ${what}, and gives it back`, async () => {
    const bytes = await toArrow(value);
    const table = arrow.tableFromIPC(bytes);
    assertEquals(table.schema.fields.map(({ name }) => name), ["value"]);
    assertEquals(String(table.schema.fields[0]!.type), type);
    assertEquals(columnsOf(await fromArrow(bytes)), [value]);
  });
}

Deno.test("a file of Arrow begins and ends with its name", async () => {
  const bytes = await toArrow(integer([1]));
  const text = (part: Uint8Array) => new TextDecoder().decode(part);
  assertEquals([text(bytes.subarray(0, 6)), text(bytes.subarray(-6))], ["ARROW1", "ARROW1"]);
});

Deno.test("a data frame keeps its columns, and each gets a name of its own", async () => {
  const value = frame([["a", integer([1, 2])], ["a", character(["x", null])], [
    "",
    logical([1, 0]),
  ]], 2);
  assertEquals(columnsOf(await fromArrow(await toArrow(value))), columnsOf(value));
  const { schema } = arrow.tableFromIPC(await toArrow(value));
  assertEquals(schema.fields.map(({ name }) => name), ["a", "a.1", "3"]);
  for (const empty of [frame([], 0), frame([], 3), frame([["a", numeric([])]], 0)]) {
    assertEquals(await fromArrow(await toArrow(empty)), empty);
  }
});

Deno.test("a named list of vectors of one length is a table, too", async () => {
  const value = list([integer([1, 2]), character(["x", "y"])], [
    ["names", character(["a", ""])],
  ]);
  const expected = frame([["a", integer([1, 2])], ["2", character(["x", "y"])]], 2);
  assertEquals(await fromArrow(await toArrow(value)), expected);
});

Deno.test("what missing values R has are Arrow's nulls, and NaN is a number", async () => {
  const table = arrow.tableFromIPC(await toArrow(numeric(Float64Array.of(NaN, NA_REAL, 1))));
  assertEquals(table.getChildAt(0)!.toJSON(), [NaN, null, 1]);
  assertEquals(table.getChildAt(0)!.nullCount, 1);
});

Deno.test("what has no columns is refused", async () => {
  const values: RValue[] = [
    NULL,
    list([integer([1])]),
    frame([["l", list([integer([1])])]], 1),
    frame([["a", integer([1])]], 2),
    integer([1, 2], [["dim", integer([1, 2])]]),
    { type: "complex", values: Float64Array.of(1, 2), attributes: [] },
    { type: "opaque", kind: "closure", description: "function()", attributes: [] },
    numeric([1e300], [posix()]),
    numeric([1e12], [classed("Date")]),
  ];
  for (const value of values) {
    const error = await assertRejects(() => toArrow(value), RtoolError, "Cannot write Arrow");
    assertEquals(error.code, "bad_value");
  }
});

Deno.test("all usual types of others are read", async () => {
  const { TimeUnit } = arrow;
  const cases: (readonly [arrow.Vector, RValue])[] = [
    [vector([1, null, -3], new arrow.Int8()), integer([1, NA_INTEGER, -3])],
    [vector([1, 65535], new arrow.Uint16()), integer([1, 65535])],
    [vector([1, 4294967295], new arrow.Uint32()), numeric([1, 4294967295])],
    [vector([1, -0x8000_0000], new arrow.Int32()), numeric([1, -0x8000_0000])],
    [
      vector([1n, null, -(2n ** 40n)], new arrow.Int64()),
      numeric(Float64Array.of(1, NA_REAL, -(2 ** 40))),
    ],
    [vector([2n ** 63n], new arrow.Uint64()), numeric([2 ** 63])],
    [vector([0.5, null], new arrow.Float32()), numeric(Float64Array.of(0.5, NA_REAL))],
    [
      vector([1.5, -0.25, 65504, 6e-8], new arrow.Float16()),
      numeric([1.5, -0.25, 65504, 2 ** -24]),
    ],
    [vector(["a", null], new arrow.LargeUtf8()), character(["a", null])],
    [vector([null, null], new arrow.Null()), logical([NA_INTEGER, NA_INTEGER])],
    [vector([new Date(86400000)], new arrow.DateMillisecond()), numeric([1], [classed("Date")])],
    [vector([1500], new arrow.TimestampMillisecond()), numeric([1.5], [posix(), UTC])],
    [
      vector([1500n], new arrow.Duration(TimeUnit.MILLISECOND)),
      numeric([1.5], [classed("difftime"), ["units", character(["secs"])]]),
    ],
    [decimals([12345n, -1n], 2), numeric([123.45, -0.01])],
  ];
  for (const [from, to] of cases) {
    const table = new arrow.Table({ value: from });
    for (const format of ["file", "stream"] as const) {
      assertEquals(columnsOf(await fromArrow(arrow.tableToIPC(table, format))), [to]);
    }
  }
});

Deno.test("several batches become one column, each with a dictionary of its own", async () => {
  const first = new arrow.Table({
    n: vector([1.5], new arrow.Float64()),
    f: arrow.vectorFromArray(["b", "a"]).slice(0, 1),
  });
  const second = new arrow.Table({
    n: vector([null], new arrow.Float64()),
    f: arrow.vectorFromArray(["b", "a"]).slice(1, 2),
  });
  const bytes = arrow.tableToIPC(first.concat(second), "stream");
  assertEquals(columnsOf(await fromArrow(bytes)), [
    numeric(Float64Array.of(1.5, NA_REAL)),
    integer([1, 2], [["levels", character(["b", "a"])], classed("factor")]),
  ]);
});

Deno.test("numbers without gaps are read where they lie", async () => {
  const bytes = await toArrow(numeric(new Float64Array(1000)));
  const [column] = columnsOf(await fromArrow(bytes));
  assert(column?.type === "double");
  assertStrictEquals(column.values.buffer, bytes.buffer);
});

Deno.test("types that R has nothing for are named", async () => {
  const nested = arrow.vectorFromArray(
    [[1], [2]],
    new arrow.List(
      arrow.Field.new("item", new arrow.Int32(), true),
    ),
  );
  const bytes = arrow.tableToIPC(new arrow.Table({ mine: nested }), "file");
  await assertRejects(() => fromArrow(bytes), RtoolError, "column 'mine' is List<Int32>");
});

Deno.test(`bytes that are no table, or part of one, are a table or the one error (seed ${SEED})`, async () => {
  const whole = await toArrow(frame([["a", integer([1, 2])], ["b", character(["x", null])]], 2));
  const cut = fc.nat(whole.length - 1).map((length) => whole.slice(0, length));
  await fc.assert(
    fc.asyncProperty(fc.oneof(cut, fc.uint8Array()), async (bytes) => {
      try {
        await fromArrow(bytes);
      } catch (error) {
        assert(error instanceof RtoolError, `Not our error: ${error}`);
        assertEquals(error.code, "bad_value");
      }
    }),
    seeded(200),
  );
});

Deno.test("a file that was cut short is an error, wherever", async () => {
  const whole = await toArrow(numeric(new Float64Array(20)));
  for (let length = 0; length < whole.length; length++) {
    await assertRejects(() => fromArrow(whole.slice(0, length)), RtoolError);
  }
});

Deno.test("a message whose length leads backwards is an error, and does not go round for ever", async () => {
  const whole = await toArrow(integer([1, 2]));
  for (const [at, to] of [[8, 0], [8, 0x80], [15, 0x80]] as const) {
    const error = await assertRejects(() => fromArrow(whole.with(at, to)), RtoolError);
    assertEquals(error.code, "bad_value");
  }
});

function vector(values: readonly unknown[], type: arrow.DataType): arrow.Vector {
  return arrow.vectorFromArray(values, type);
}

function decimals(values: readonly bigint[], scale: number): arrow.Vector {
  const data = new Uint32Array(values.flatMap((value) => {
    return [0n, 32n, 64n, 96n].map((shift) => Number((value >> shift) & 0xffff_ffffn));
  }));
  const type = new arrow.Decimal(scale, 10, 128);
  return new arrow.Vector([arrow.makeData({ type, data, length: values.length, nullCount: 0 })]);
}

function columnsOf(value: RValue): readonly RValue[] {
  assert(value.type === "list");
  return value.values;
}

function classed(...names: string[]): Attribute {
  return ["class", character(names)];
}

function posix(): Attribute {
  return classed("POSIXct", "POSIXt");
}

function frame(columns: readonly [string, RValue][], rows: number): RValue {
  return list(columns.map(([, column]) => column), [
    ["names", character(columns.map(([name]) => name))],
    classed("data.frame"),
    ["row.names", integer([NA_INTEGER, -rows])],
  ]);
}

function logical(values: readonly number[]): RValue {
  return logicalOf(Int32Array.from(values));
}
