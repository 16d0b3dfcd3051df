/**
 * R's values as JSON and back, as docs/values.md has it; rdata_reference_r_test.ts asks R's own
 * package about the same.
 */

import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import { fromJson, jsonToValue } from "../rdata/json_read.ts";
import { type JsonOptions, toJson, toNdjson } from "../rdata/json_write.ts";
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
import { arbitraryText, SEED, seeded } from "./random.ts";

const NOT_JSON: readonly (readonly [text: string, place: string])[] = [
  ["", "line 1, column 1: the text ends too early"],
  ["[1,", "line 1, column 4: the text ends too early"],
  ['{"a":1,}', 'line 1, column 8: unexpected "}"'],
  ["[1,\n 2 3]", 'line 2, column 4: unexpected "3"'],
  ['{"a" 1}', 'line 1, column 6: unexpected "1"'],
  ["{a: 1}", 'line 1, column 2: unexpected "a"'],
  ["[01]", 'line 1, column 3: unexpected "1"'],
  ["[1]]", 'line 1, column 4: unexpected "]"'],
  ["[1}", 'line 1, column 3: unexpected "}"'],
  ['"a\nb"', 'line 1, column 3: unexpected "\\n"'],
  ['"\\x"', 'line 1, column 2: unexpected "\\\\"'],
  ["nul", 'line 1, column 1: unexpected "n"'],
  ["NaN", 'line 1, column 1: unexpected "N"'],
];

Deno.test("numbers become the shortest digits that are no other number", () => {
  const numbers = [0, -0, 0.1 + 0.2, 1 / 3, 1e5, 2 ** 53, 5e-324, 1.7976931348623157e308, 1e21];
  assertEquals(
    write(numeric(numbers)),
    "[0,-0,0.30000000000000004,0.3333333333333333,100000,9007199254740992,5e-324," +
      "1.7976931348623157e+308,1e+21]",
  );
});

Deno.test("what is missing becomes null, and numbers that are none their names", () => {
  assertEquals(
    write(numeric(Float64Array.of(NA_REAL, NaN, Infinity, -Infinity))),
    '[null,"NaN","Inf","-Inf"]',
  );
  assertEquals(write(integer([1, NA_INTEGER])), "[1,null]");
  assertEquals(write(logical([1, 0, NA_INTEGER, 7])), "[true,false,null,true]");
  assertEquals(write(character(["a", null, "NA"])), '["a",null,"NA"]');
  assertEquals(write(NULL), "null");
});

Deno.test("text is written as it is, and bytes of no encoding as R prints them", () => {
  const bytes = Uint8Array.of(0x61, 0xff, 0x0a);
  assertEquals(write(character(['é😀"\\\n', bytes])), '["é😀\\"\\\\\\n","a\\\\xff\\\\x0a"]');
});

Deno.test("complex numbers become text, and bytes Base64", () => {
  const values = Float64Array.of(1, 2, 0.1, -0.5, NA_REAL, NA_REAL, -0, -0);
  assertEquals(
    write({ type: "complex", values, attributes: [] }),
    '["1+2i","0.1-0.5i",null,"-0-0i"]',
  );
  assertEquals(write(raw(Uint8Array.of(1, 2, 255))), '"AQL/"');
  assertEquals(write(raw(new Uint8Array(0))), '""');
});

Deno.test("factors become their labels", () => {
  const levels: Attribute = ["levels", character(["lo", "hi"])];
  assertEquals(
    write(integer([2, 1, NA_INTEGER, 3], [levels, classed("factor")])),
    '["hi","lo",null,null]',
  );
});

Deno.test("dates and times become ISO 8601, times in UTC and with fractions that are there", () => {
  assertEquals(
    write(numeric(Float64Array.of(19753, -719162, NA_REAL, 0.5, 1e9), [classed("Date")])),
    '["2024-01-31","0001-01-01",null,"1970-01-01",null]',
  );
  assertEquals(write(integer([19753, NA_INTEGER], [classed("Date")])), '["2024-01-31",null]');
  const zone: Attribute = ["tzone", character(["Europe/Berlin"])];
  assertEquals(
    write(numeric([1706702400, 0.25, -0.000001, 0.9999999, NaN], [classed("POSIXct"), zone])),
    '["2024-01-31T12:00:00Z","1970-01-01T00:00:00.25Z","1969-12-31T23:59:59.999999Z",' +
      '"1970-01-01T00:00:01Z",null]',
  );
});

Deno.test("a time in parts becomes an instant, by its offset or by its zone", () => {
  const parts = (hour: number, more: [string, RValue][], zone: string) => {
    const fields: [string, RValue][] = [
      ["sec", numeric([15.5])],
      ["min", integer([30])],
      ["hour", integer([hour])],
      ["mday", integer([1])],
      ["mon", integer([6])],
      ["year", integer([124])],
      ...more,
    ];
    const names = character(fields.map(([name]) => name));
    const tzone = character([zone]);
    const values = fields.map(([, value]) => value);
    return list(values, [["names", names], classed("POSIXlt", "POSIXt"), ["tzone", tzone]]);
  };
  assertEquals(write(parts(12, [], "UTC")), '["2024-07-01T12:30:15.5Z"]');
  assertEquals(write(parts(12, [], "Europe/Berlin")), '["2024-07-01T10:30:15.5Z"]');
  assertEquals(
    write(parts(12, [["gmtoff", integer([-3600])]], "Europe/Berlin")),
    '["2024-07-01T13:30:15.5Z"]',
  );
});

Deno.test("a list becomes an array, a named one an object with a key for each element", () => {
  assertEquals(write(list([numeric([1]), NULL])), "[[1],null]");
  const names = character(["a", "", null, "a", "a.1"]);
  const values = [1, 2, 3, 4, 5].map((number) => numeric([number]));
  assertEquals(
    write(list(values, [["names", names]])),
    '{"a":[1],"2":[2],"3":[3],"a.2":[4],"a.1":[5]}',
  );
  assertEquals(write(list([], [["names", character([])]])), "{}");
  assertEquals(write(list([])), "[]");
});

Deno.test("a named vector is an array, without its names", () => {
  assertEquals(write(numeric([1, 2], [["names", character(["a", "b"])]])), "[1,2]");
});

Deno.test("matrices become arrays of rows, arrays nest further", () => {
  assertEquals(write(integer([1, 2, 3, 4, 5, 6], [dim(2, 3)])), "[[1,3,5],[2,4,6]]");
  assertEquals(
    write(integer([1, 2, 3, 4, 5, 6, 7, 8], [dim(2, 2, 2)])),
    "[[[1,5],[3,7]],[[2,6],[4,8]]]",
  );
  assertEquals(write(list([numeric([1]), NULL], [dim(1, 2)])), "[[[1],null]]");
  assertEquals(write(numeric([], [dim(0, 3)])), "[]");
  assertEquals(write(numeric([], [dim(2, 0)])), "[[],[]]");
  assertEquals(write(integer([1, 2], [dim(3, 3)])), "[1,2]");
});

Deno.test("a data frame becomes rows, with the names that somebody gave them", () => {
  const columns: [string, RValue][] = [
    ["n", integer([1, NA_INTEGER])],
    ["m", integer([1, 2, 3, 4], [dim(2, 2)])],
    ["l", list([NULL, character(["x"])])],
    ["f", frame([["in", logical([1, 0])]], 2)],
    ["r", raw(Uint8Array.of(7, 8))],
  ];
  assertEquals(
    write(frame(columns, 2)),
    '[{"n":1,"m":[1,3],"l":null,"f":{"in":true},"r":7},' +
      '{"n":null,"m":[2,4],"l":["x"],"f":{"in":false},"r":8}]',
  );
  const named = frame([["n", integer([1, 2])]], character(["r1", "r2"]));
  assertEquals(write(named), '[{"n":1,"_row":"r1"},{"n":2,"_row":"r2"}]');
  assertEquals(write(frame([["n", integer([1, 2])]], character(["1", "2"]))), '[{"n":1},{"n":2}]');
  assertEquals(write(frame([], 2)), "[{},{}]");
  assertEquals(write(frame([["n", integer([])]], 0)), "[]");
  assertEquals(
    write(frame([["a", integer([1])], ["a", integer([2])]], 1)),
    '[{"a":1,"a.1":2}]',
  );
});

Deno.test("a data frame becomes columns on demand", () => {
  const nested = frame([["in", logical([1, 0])]], 2);
  const value = frame([["n", integer([1, 2])], ["f", nested]], character(["r1", "r2"]));
  assertEquals(
    write(value, { frames: "columns" }),
    '{"n":[1,2],"f":{"in":[true,false]},"_row":["r1","r2"]}',
  );
  assertEquals(write(frame([], 3), { frames: "columns" }), "{}");
});

Deno.test("vectors of one element lose their brackets on demand, unless I() keeps them", () => {
  const value = list([
    numeric([1]),
    character(["x"], [classed("AsIs")]),
    integer([1], [dim(1, 1)]),
    list([logical([1])]),
    integer([1, 2]),
    numeric([]),
    frame([["a", list([integer([1])])]], 1),
  ]);
  assertEquals(write(value, { unbox: true }), '[1,["x"],[[1]],[true],[1,2],[],[{"a":1}]]');
});

Deno.test("what holds no data says what it is", () => {
  const value: RValue = {
    type: "opaque",
    kind: "closure",
    description: "function(x)",
    attributes: [],
  };
  assertEquals(write(value), '{"_r":"closure","text":"function(x)"}');
});

Deno.test("toNdjson() gives a line for each row, element or item", () => {
  const lines = (value: RValue) => [...toNdjson(value)].join("");
  assertEquals(lines(frame([["a", integer([1, 2])]], 2)), '{"a":1}\n{"a":2}\n');
  assertEquals(lines(numeric(Float64Array.of(1.5, NA_REAL))), "1.5\nnull\n");
  assertEquals(lines(list([NULL, integer([1])])), "null\n[1]\n");
  assertEquals(lines(integer([1, 2, 3, 4], [dim(2, 2)])), "[1,3]\n[2,4]\n");
  assertEquals(lines(NULL), "");
});

Deno.test("big values come in pieces, none of them large", () => {
  const value = list([numeric(new Float64Array(200_000)), character(["x".repeat(10)])]);
  const pieces = [...toJson(value)];
  assert(pieces.length > 3);
  for (const piece of pieces) assertLessOrEqual(piece.length, 70_000);
  assertEquals(JSON.parse(pieces.join("")), [new Array(200_000).fill(0), ["x".repeat(10)]]);
});

Deno.test("what would never end, or hold nothing millions of times, is refused", () => {
  let deep: RValue = NULL;
  for (let depth = 0; depth < 100_000; depth++) deep = list([deep]);
  const values = [
    deep,
    frame([], 2 ** 31 - 1),
    numeric([], [dim(2 ** 31 - 1, 0)]),
    numeric([], [dim(1, 2 ** 31 - 1, 0)]),
    integer([1], [["dim", integer(new Int32Array(10_000).fill(1))]]),
    frame([["a", integer([1])]], 3),
  ];
  for (const value of values) assertEquals(codeOf(() => write(value)), "bad_value");
});

Deno.test("fromJson() says where a text stops being JSON", () => {
  for (const [text, place] of NOT_JSON) {
    const error = assertThrows(() => fromJson(text), RtoolError);
    assertEquals([error.code, error.message], ["bad_value", `Cannot read JSON at ${place}`]);
  }
});

Deno.test("fromJson() refuses depths that no one writes, and characters that R cannot hold", () => {
  for (const text of ["[".repeat(1e6), `${"[".repeat(1000)}${"]".repeat(1000)}`]) {
    assertEquals(codeOf(() => fromJson(text)), "bad_value");
  }
  assertEquals(codeOf(() => fromJson('["a\\u0000"]')), "bad_value");
  assertEquals(codeOf(() => fromJson('{"\\u0000":1}')), "bad_value");
  assertEquals(codeOf(() => fromJson('[{"\\u0000":1}]')), "bad_value");
});

Deno.test("fromJson() makes no table of rows that share nothing", () => {
  const rows = Array.from({ length: 2000 }, (_, index) => ({ [`k${index}`]: index }));
  const value = fromJson(JSON.stringify(rows));
  assert(value.type === "list");
  assertEquals([value.values.length, value.attributes], [2000, []]);
});

Deno.test("jsonToValue() refuses what no JSON text can stand for", () => {
  for (const item of [undefined, 1n, Symbol("a"), () => 1, new Date(0), [new Map()]]) {
    assertEquals(codeOf(() => jsonToValue(item)), "bad_value");
  }
});

Deno.test(`fromJson() gives back what toJson() wrote (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryValue(), (value) => {
      const text = write(value);
      assertEquals(write(fromJson(text)), text);
      assertEquals(fromJson(text), value);
    }),
    seeded(500),
  );
});

Deno.test(`fromJson() reads any text or raises the one error (seed ${SEED})`, () => {
  const texts = fc.oneof(
    arbitraryText(40),
    fc.json().map((text) => text.replace(/[,:\]]/, "")),
    fc.array(fc.constantFrom(...'[]{},:"\\0123.eE-tfn \n'), { maxLength: 30 }).map((all) => {
      return all.join("");
    }),
  );
  fc.assert(
    fc.property(fc.oneof(texts, fc.json()), (text) => {
      try {
        write(fromJson(text));
      } catch (error) {
        assert(error instanceof RtoolError, `Not our error: ${error}`);
        assertEquals(error.code, "bad_value");
      }
    }),
    seeded(1000),
  );
});

/** Vectors, lists and data frames that JSON has a shape of their own for. */
function arbitraryValue(): fc.Arbitrary<RValue> {
  const texts = fc.array(fc.oneof(arbitraryWord(), fc.constant(null)), { minLength: 1 });
  const vectors: fc.Arbitrary<RValue> = fc.oneof(
    fc.array(fc.double({ noNaN: true }), { minLength: 1 }).map((all) => numeric([...all, 0.5])),
    fc.array(fc.maxSafeInteger(), { minLength: 1 }).map((all) => numeric([...all, 2 ** 40])),
    fc.array(fc.integer({ min: -0x7fff_ffff }), { minLength: 1 }).map((all) => integer(all)),
    texts.map((all) => character([...all, "text"])),
    fc.array(fc.constantFrom(0, 1, NA_INTEGER), { minLength: 1 }).map((all) => logical(all)),
  );
  const frames = fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 1 }).map((all) => {
    return frame([["a", integer(all)], ["b", character(all.map(String))]], all.length);
  });
  const { value } = fc.letrec<{ value: RValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      vectors,
      frames,
      fc.constant(NULL),
      fc.dictionary(arbitraryKey(), tie("value"), { maxKeys: 4 }).map((all) => {
        return list(Object.values(all), [["names", character(Object.keys(all))]]);
      }),
    ),
  }));
  return value;
}

function arbitraryWord(): fc.Arbitrary<string> {
  return arbitraryText(8).map((text) => text.toWellFormed());
}

/** No numbers, which JavaScript's objects would put first. */
function arbitraryKey(): fc.Arbitrary<string> {
  return arbitraryWord().map((text) => `k${text}`);
}

function write(value: RValue, options: JsonOptions = {}): string {
  return [...toJson(value, options)].join("");
}

function classed(...names: string[]): Attribute {
  return ["class", character(names)];
}

function dim(...sizes: number[]): Attribute {
  return ["dim", integer(sizes)];
}

function frame(columns: readonly [string, RValue][], rows: number | RValue): RValue {
  const rowNames = typeof rows === "number" ? integer([NA_INTEGER, -rows]) : rows;
  return list(columns.map(([, column]) => column), [
    ["names", character(columns.map(([name]) => name))],
    classed("data.frame"),
    ["row.names", rowNames],
  ]);
}

function codeOf(fn: () => unknown): string {
  return assertThrows(fn, RtoolError).code;
}

function logical(values: readonly number[]): RValue {
  return logicalOf(Int32Array.from(values));
}
