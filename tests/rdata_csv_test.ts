/**
 * R's values as CSV and back, as docs/values.md has it; rdata_reference_r_test.ts asks R itself.
 */

import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import { fromCsv } from "../rdata/csv_read.ts";
import { toCsv } from "../rdata/csv_write.ts";
import { toJson } from "../rdata/json_write.ts";
import { complexText, numberText } from "../rdata/number_text.ts";
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

/** As `as.character()` of R 4.2 has them. */
const NUMBERS: readonly (readonly [number: number, text: string])[] = [
  [0, "0"],
  [-0, "0"],
  [99999, "99999"],
  [100000, "1e+05"],
  [-100000, "-1e+05"],
  [123456, "123456"],
  [1e15, "1e+15"],
  [0.0001, "1e-04"],
  [0.00012, "0.00012"],
  [0.000012, "1.2e-05"],
  [1 / 3, "0.333333333333333"],
  [2 / 3, "0.666666666666667"],
  [0.1 + 0.2, "0.3"],
  [-1234.5678, "-1234.5678"],
  [1e-300, "1e-300"],
  [1.5e300, "1.5e+300"],
  [2 ** 53, "9007199254740992"],
  [8033068364020437, "8033068364020437"],
  [2450932795181870.5, "2450932795181870"],
  [100000000000000.5, "1e+14"],
  [123456789012344.5, "123456789012344"],
  [123456789012345.5, "123456789012346"],
  [Infinity, "Inf"],
  [-Infinity, "-Inf"],
  [NaN, "NaN"],
];

Deno.test("numbers have fifteen digits at most, fixed or scientific, whichever is shorter", () => {
  for (const [number, text] of NUMBERS) assertEquals(numberText(number), text);
});

Deno.test("the parts of a complex number are rounded at the same decimal", () => {
  assertEquals(complexText(1, 2), "1+2i");
  assertEquals(complexText(1.5, -0.1), "1.5-0.1i");
  assertEquals(complexText(1e-17, 1), "0+1i");
  assertEquals(complexText(1 / 3, 1e6), "0.33333333+1e+06i");
  assertEquals(complexText(123456, 1e20), "0+1e+20i");
});

Deno.test("columns of every type are written as R writes them", () => {
  const value = frame([
    ["l", logical([1, 0, NA_INTEGER])],
    ["i", integer([100000, -1, NA_INTEGER])],
    ["d", numeric(Float64Array.of(100000, NaN, NA_REAL))],
    ["c", character(['say "hi"', "a,b\nc", null])],
    ["r", raw(Uint8Array.of(0, 10, 255))],
    ["f", integer([1, 2, NA_INTEGER], [["levels", character(["x", "y"])], classed("factor")])],
    ["t", numeric(Float64Array.of(19753, -719162, NA_REAL), [classed("Date")])],
    ["z", { type: "complex", values: Float64Array.of(1, 2, NaN, 0, 0, 1), attributes: [] }],
  ], 3);
  assertEquals(
    write(value),
    '"l","i","d","c","r","f","t","z"\n' +
      'TRUE,100000,1e+05,"say ""hi""",00,"x",2024-01-31,1+2i\n' +
      'FALSE,-1,NA,"a,b\nc",0a,"y",1-01-01,NA\n' +
      "NA,NA,NA,NA,ff,NA,NA,0+1i\n",
  );
});

Deno.test("times are written in their zone, as dates alone where all are midnights", () => {
  const times = (seconds: Float64Array, zone: string) => {
    return numeric(seconds, [classed("POSIXct", "POSIXt"), ["tzone", character([zone])]]);
  };
  assertEquals(write(times(Float64Array.of(0, 86400), "UTC")), '"x"\n1970-01-01\n1970-01-02\n');
  assertEquals(write(times(Float64Array.of(0, 1.5, NA_REAL), "")).split("\n"), [
    '"x"',
    "1970-01-01 00:00:00",
    "1970-01-01 00:00:01",
    "NA",
    "",
  ]);
  assertEquals(write(times(Float64Array.of(82800), "Europe/Berlin")), '"x"\n1970-01-02\n');
  assertEquals(
    write(times(Float64Array.of(1719835200), "America/New_York")),
    '"x"\n2024-07-01 08:00:00\n',
  );
  assertEquals(write(times(Float64Array.of(1), "No/Where")), '"x"\n1970-01-01 00:00:01\n');
});

Deno.test("vectors become one column, matrices and arrays several", () => {
  assertEquals(write(numeric([1, 2])), '"x"\n1\n2\n');
  assertEquals(write(integer([1, 2, 3, 4], [dim(2, 2)])), '"V1","V2"\n1,3\n2,4\n');
  const names: Attribute = ["dimnames", list([NULL, character(["a b", "c"])])];
  assertEquals(write(integer([1, 2], [dim(1, 2), names])), '"a b","c"\n1,2\n');
  assertEquals(write(integer([1, 2, 3, 4], [dim(1, 2, 2)])), '"X1","X2","X3","X4"\n1,2,3,4\n');
  assertEquals(write(numeric([], [dim(2, 0)])), "\n\n");
  assertEquals(write(NULL), '""\n');
});

Deno.test("a table becomes a line for each combination, and how often", () => {
  const names = list([character(["a", "b"])], [["names", character(["g"])]]);
  const value = integer([2, 1], [dim(2), ["dimnames", names], classed("table")]);
  assertEquals(write(value), '"g","Freq"\n"a",2\n"b",1\n');
});

Deno.test("a list becomes columns, short ones repeated and their names mended", () => {
  const names = character(["a b", "c", "c", "if"]);
  const value = list([integer([1, 2]), character(["x"]), logical([1]), numeric([0.5])], [
    ["names", names],
  ]);
  assertEquals(write(value), '"a.b","c","c.1","if."\n1,"x",TRUE,0.5\n2,"x",TRUE,0.5\n');
});

Deno.test("matrices and data frames in a data frame are laid side by side", () => {
  const value = frame([
    ["m", integer([1, 2, 3, 4], [dim(2, 2)])],
    ["f", frame([["p", integer([5, 6])], ["q", character(["u", "v"])]], 2)],
  ], 2);
  assertEquals(write(value), '"m.1","m.2","f.p","f.q"\n1,3,5,"u"\n2,4,6,"v"\n');
});

Deno.test("what has no columns is refused", () => {
  const named = (names: string[], values: RValue[]) => list(values, [["names", character(names)]]);
  const values: RValue[] = [
    { type: "opaque", kind: "closure", description: "function()", attributes: [] },
    frame([["l", list([integer([1])])]], 1),
    frame([["l", integer([1])]], 2),
    list([integer([1])]),
    named(["a", "b"], [integer([1, 2]), integer([1, 2, 3])]),
    named(["a", "b"], [NULL, integer([1])]),
    integer([1], [classed("mine")]),
    { ...list([]), form: "pairlist" },
    frame([], 2 ** 31 - 1),
    numeric([], [dim(1, 2 ** 31 - 1, 0)]),
  ];
  for (const value of values) {
    assertEquals(assertThrows(() => write(value), RtoolError).code, "bad_value");
  }
});

Deno.test("a big table comes in pieces, none of them large", () => {
  const pieces = [...toCsv(numeric(new Float64Array(100_000)))];
  assert(pieces.length > 2);
  for (const piece of pieces) assertLessOrEqual(piece.length, 70_000);
  assertEquals(pieces.join(""), `"x"\n${"0\n".repeat(100_000)}`);
});

Deno.test("fromCsv() gives each column the first type that holds all its cells", () => {
  const columns = (text: string) => read(text);
  assertEquals(columns("a,b\nTRUE,F\nNA,T\n"), { a: [true, null], b: [false, true] });
  assertEquals(columns("a,b,c\n1,1.5,2147483648\n ,NaN,1\n"), {
    a: [1, null],
    b: [1.5, "NaN"],
    c: [2147483648, 1],
  });
  assertEquals(columns("a,b\n0x10,-inf\nNA,1e3\n"), { a: [16, null], b: ["-Inf", 1000] });
  assertEquals(columns("a,b\n1L,true\nNA,\n"), { a: ["1L", null], b: ["true", ""] });
  assertEquals(columns("a,b,c\n0b1,Infinit,1 2\n"), { a: ["0b1"], b: ["Infinit"], c: ["1 2"] });
  assertEquals(columns("a,b\n"), { a: [], b: [] });
  const value = fromCsv("a,b,c,d\nTRUE,1,1.5,x\n");
  assert(value.type === "list");
  assertEquals(value.values.map(({ type }) => type), ["logical", "integer", "double", "character"]);
});

Deno.test("fromCsv() takes quotes, CRLF, a byte order mark and empty lines", () => {
  assertEquals(read('\ufeff"a ""b""",c\r\n"x\ny, z",1\r\n\r\n"",2'), {
    "a..b.": ["x\ny, z", ""],
    c: [1, 2],
  });
});

Deno.test("fromCsv() mends names as read.csv() does", () => {
  assertEquals(Object.keys(read("a b,2x,_y,,a,a,if,é,.1\n1,2,3,4,5,6,7,8,9\n")), [
    ..."a.b X2x X_y X a a.1 if. é X.1".split(" "),
  ]);
});

Deno.test("fromCsv() names the line of a fault", () => {
  const faults: [string, string][] = [
    ["a,b\n1,2\n3\n", "line 3: expected 2 fields but got 1"],
    ["a\n1\n2,3\n", "line 3: expected 1 fields but got 2"],
    ['a\nx"y\n', "line 2"],
    ['a\n"x\n', "line 2"],
    ["", "there is no line"],
    ["a\n\0\n", "U+0000"],
  ];
  for (const [text, words] of faults) {
    const error = assertThrows(() => fromCsv(text), RtoolError, words);
    assertEquals(error.code, "bad_value");
  }
});

Deno.test(`fromCsv() gives back what toCsv() wrote (seed ${SEED})`, () => {
  const texts = arbitraryText(8).map((text) => `t${text.toWellFormed().replaceAll("\r", "")}`);
  const rows = fc.array(fc.tuple(fc.integer({ min: -0x7fff_ffff }), texts, fc.integer()), {
    minLength: 1,
  });
  fc.assert(
    fc.property(rows, (all) => {
      const value = frame([
        ["i", integer(all.map(([number]) => number))],
        ["c", character(all.map(([, text]) => text))],
        ["d", numeric([...all.map(([, , number]) => number / 64)].with(0, 0.5))],
      ], all.length);
      assertEquals(fromCsv(write(value)), value);
    }),
    seeded(300),
  );
});

Deno.test(`fromCsv() reads any text or raises the one error (seed ${SEED})`, () => {
  const texts = fc.array(fc.constantFrom(...'ab1.,"\n\r NA'), { maxLength: 30 }).map((all) => {
    return all.join("");
  });
  fc.assert(
    fc.property(fc.oneof(texts, arbitraryText(40)), (text) => {
      try {
        write(fromCsv(text));
      } catch (error) {
        assert(error instanceof RtoolError, `Not our error: ${error}`);
        assertEquals(error.code, "bad_value");
      }
    }),
    seeded(1000),
  );
});

function write(value: RValue): string {
  return [...toCsv(value)].join("");
}

function read(text: string): Record<string, unknown[]> {
  return JSON.parse([...toJson(fromCsv(text), { frames: "columns" })].join(""));
}

function classed(...names: string[]): Attribute {
  return ["class", character(names)];
}

function dim(...sizes: number[]): Attribute {
  return ["dim", integer(sizes)];
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
