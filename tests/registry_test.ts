/**
 * The arguments of a registered function: what fits is made anew, what does not is refused in
 * words.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { checkCall, type Registry } from "../access/registry.ts";
import { RtoolError } from "../core/errors.ts";
import { fromJson } from "../rdata/json_read.ts";
import { NULL, type RList, type RValue } from "../rdata/types.ts";
import { character, complex, integer, list, logical, numeric, raw } from "../rdata/values.ts";
import { NA_REAL } from "../rdata/values.ts";
import { NA_INTEGER } from "../rdata/types.ts";
import { SEED, seeded } from "./random.ts";
import { isPlain, registryOf, takingX } from "./registries.ts";

const factor = (codes: readonly number[], levels: readonly string[], ...classes: string[]) =>
  integer(codes, [
    ["levels", character(levels)],
    ["class", character([...classes, "factor"])],
  ]);
const date = (days: readonly number[]) => numeric(days, [["class", character(["Date"])]]);
const time = (seconds: readonly number[], zone: string) =>
  numeric(seconds, [["class", character(["POSIXct", "POSIXt"])], ["tzone", character([zone])]]);
const named = (value: RValue, ...names: string[]) =>
  ({ ...value, attributes: [["names", character(names)]] }) as RValue;
const opaque = (kind: string): RValue => ({
  type: "opaque",
  kind,
  description: kind,
  attributes: [],
});
const frame = fromJson('[{"a": 1, "b": "x"}, {"a": 2.5, "b": null}]');

/** What comes in, and what comes out; without that, just what came in. */
const TAKEN: readonly (readonly [schema: string, given: RValue, made?: RValue])[] = [
  ['type = "logical"', logical([1, 0])],
  ['type = "logical"', logical([7]), logical([1])],
  ['type = "logical", na = true', logical([NA_INTEGER])],
  ['type = "logical"', list([]), logical([])],
  ['type = "integer"', integer([1, -1])],
  ['type = "integer"', numeric([1, 7]), integer([1, 7])],
  ['type = "integer", na = true', numeric([1, NaN]), integer([1, NA_INTEGER])],
  ['type = "integer", na = true', logical([NA_INTEGER]), integer([NA_INTEGER])],
  ['type = "integer", enum = [1, 7], scalar = true', numeric([7]), integer([7])],
  ['type = "double"', numeric([1.5, Infinity])],
  ['type = "double"', integer([1, 2]), numeric([1, 2])],
  ['type = "double", na = true', numeric(Float64Array.of(1, NA_REAL, NaN))],
  ['type = "double", na = true', integer([NA_INTEGER]), numeric(Float64Array.of(NA_REAL))],
  ['type = "double", min = 0, max = 1', numeric([0, 1, 0.5])],
  ['type = "double", min = 0, max = 1', list([]), numeric([])],
  ['type = "double", names = true', named(numeric([1, 2]), "a", "")],
  ['type = "double", length = [1, 2]', numeric([1, 2])],
  ['type = "double", length = 2', numeric([1, 2])],
  ['type = "character"', character(["a", "", "日本語"])],
  ['type = "character", na = true', logical([NA_INTEGER]), character([null])],
  ['type = "character", enum = ["a", "b"]', character(["b"])],
  ['type = "character", pattern = "[a-z]{2}", length = 1', character(["ab"])],
  ['type = "character", max_chars = 3', character(["abc"])],
  ['type = "raw"', raw(Uint8Array.of(1, 255))],
  ['type = "factor"', factor([1, 2, 1], ["a", "b"])],
  ['type = "factor", enum = ["lo", "hi"]', factor([2], ["lo", "hi"], "ordered")],
  ['type = "date"', date([0, 19000.5])],
  ['type = "datetime"', time([0], "Europe/Berlin")],
  ['type = "list"', list([numeric([1]), NULL, list([character(["a"])])])],
  ['type = "list", names = true', fromJson('{"a": 1, "b": [true]}')],
  ['type = "list", items = { type = "double" }', list([integer([1])]), list([numeric([1])])],
  [
    'type = "list", fields = { a = { type = "double" }, b = { type = "date", optional = true } }',
    fromJson('{"a": 1}'),
    named(list([numeric([1])]), "a"),
  ],
  ['type = "data_frame"', frame],
  [
    'type = "data_frame", ' +
    'columns = { b = { type = "character", na = true }, a = { type = "double" } }',
    frame,
    list([character(["x", null]), numeric([1, 2.5])], [
      ["names", character(["b", "a"])],
      ["class", character(["data.frame"])],
      ["row.names", integer([NA_INTEGER, -2])],
    ]),
  ],
  ['type = "any_data"', list([frame, date([1]), complex(Float64Array.of(1, 2)), NULL])],
];

const REFUSED: readonly (readonly [schema: string, given: RValue, says: string])[] = [
  ['type = "logical"', integer([1]), "found integer of length 1"],
  ['type = "logical"', logical([1, NA_INTEGER]), "element 2 is missing"],
  ['type = "integer"', numeric([1.5]), "element 1 is 1.5"],
  ['type = "integer"', numeric([2 ** 31]), "element 1 is 2147483648"],
  ['type = "integer"', numeric([-(2 ** 31)]), "element 1 is -2147483648"],
  ['type = "integer"', logical([1]), "found logical of length 1"],
  [
    'type = "integer", enum = [1, 7]',
    integer([1, 2]),
    "wanted integer, length 0 to 1000000, 1 or 7",
  ],
  ['type = "double"', character(["1"]), "found character of length 1"],
  ['type = "double"', numeric([NaN]), "element 1 is missing"],
  ['type = "double", max = 1', numeric([Infinity]), "element 1 is Infinity"],
  ['type = "double", min = 0', numeric([0, -0.1]), "element 2 is -0.1"],
  ['type = "double", length = [1, 2]', numeric([]), "found double of length 0"],
  ['type = "double", length = [1, 2]', list([]), "length 1 to 2"],
  ['type = "double", scalar = true', numeric([1, 2]), "double, one"],
  ['type = "double"', named(numeric([1]), "a"), "the attribute 'names'"],
  ['type = "double", names = true', named(numeric([1]), "a", "b"), "not as many"],
  ['type = "double", names = true', named(numeric([1]), "x".repeat(257)), "names"],
  ['type = "double"', fromJson("[[1, 2], [3, 4]]"), "the attribute 'dim'"],
  ['type = "double"', date([1]), "its class"],
  ['type = "double"', NULL, "found NULL"],
  ['type = "character"', opaque("closure"), "found closure"],
  ['type = "character"', character([null]), "missing"],
  ['type = "character"', character([Uint8Array.of(255)]), "no text"],
  ['type = "character"', character(["a\0b"]), "no text"],
  ['type = "character", enum = ["a"]', character(["b".repeat(99)]), `is "${"b".repeat(40)}..."`],
  ['type = "character", pattern = "[a-z]*", length = 1', character(["a1"]), "not like that"],
  ['type = "character", max_chars = 3', character(["abcd"]), "has 4 characters"],
  ['type = "raw"', integer([1]), "found integer"],
  ['type = "factor"', character(["a"]), "found character"],
  ['type = "factor"', factor([3], ["a", "b"]), "no level"],
  ['type = "factor"', factor([0], ["a", "b"]), "no level"],
  ['type = "factor"', factor([1], ["a", "a"]), "each there once"],
  ['type = "factor"', factor([1], ["a"], "mine"), "class 'mine'"],
  ['type = "factor", enum = ["a"]', factor([1], ["b"]), "x$levels"],
  ['type = "date"', numeric([1]), "found double"],
  ['type = "date"', character(["2024-01-01"]), "found character"],
  ['type = "date"', date([NaN]), "missing"],
  ['type = "datetime"', time([1], "../../etc/passwd"), "time zone"],
  ['type = "datetime"', time([1], "/etc/passwd"), "time zone"],
  ['type = "list"', numeric([1]), "found double"],
  ['type = "list"', { ...list([]), form: "pairlist" }, "found pairlist"],
  ['type = "list"', { ...list([]), form: "expression" }, "found expression"],
  ['type = "list"', list([list([opaque("language")])]), "x[[1]][[1]]"],
  ['type = "list", items = { type = "double" }', list([character(["a"])]), "x[[1]]"],
  ['type = "list", fields = { a = { type = "double" } }', fromJson('{"b": 1}'), "'b'"],
  ['type = "list", fields = { a = { type = "double" } }', fromJson("{}"), "no 'a'"],
  ['type = "list", fields = { a = { type = "double" } }', list([numeric([1])]), "not known"],
  ['type = "data_frame"', list([]), "found list"],
  ['type = "data_frame", rows = [3, 9]', frame, "it has 2 rows"],
  ['type = "data_frame", columns = { a = { type = "double" } }', frame, "'b'"],
  ['type = "data_frame"', unequal(), "longer"],
  ['type = "any_data"', structured("lm"), "class"],
  ['type = "any_data"', list([structured("ggplot")]), "class"],
  ['type = "any_data"', nested(200), "deep"],
];

for (const [schema, given, made] of TAKEN) {
  const shown = JSON.stringify(
    given,
    (_, each) => ArrayBuffer.isView(each) ? [...each as Int32Array] : each,
  );
  Deno.test(`{ ${schema} } takes ${shown.slice(0, 150)}`, () => {
    const taken = checkCall(takingX(schema), "f", list([given], [["names", character(["x"])]]));
    assertEquals(attributesSorted(taken.values[0]!), attributesSorted(made ?? given));
    assert(isPlain(taken));
  });
}

for (const [schema, given, says] of REFUSED) {
  Deno.test(`{ ${schema} } refuses: ${says}`, () => {
    const error = refused(takingX(schema), list([given]), "bad_value");
    assertStringIncludes(error.message, "Argument 'x'");
    assertStringIncludes(error.message, says);
  });
}

const TWO = registryOf(`
  [functions."stats::quantile"]
  arguments.x = { type = "double" }
  arguments.probs = { type = "double", optional = true }
`);
const one = numeric([1]);

Deno.test("arguments are matched by whole names, then in order, and come out by name", () => {
  const call = (args: RList) => checkCall(TWO, "stats::quantile", args);
  const both = named(list([numeric([1]), numeric([2])]), "x", "probs");
  assertEquals(call(list([numeric([1]), numeric([2])])), both);
  assertEquals(call(named(list([numeric([2]), numeric([1])]), "probs", "") as RList), both);
  assertEquals(call(named(list([numeric([2]), numeric([1])]), "probs", "x") as RList), both);
  assertEquals(call(list([one])), named(list([one]), "x"));
});

Deno.test("what is not registered, missing, or there twice is refused", () => {
  const call = (...names: string[]) => {
    const args = named(list(names.map(() => one)), ...names) as RList;
    return refused(TWO, args, "bad_request", "stats::quantile");
  };
  assertStringIncludes(call("x", "prob").message, 'takes no argument "prob"');
  assertEquals(call("x", "prob").hint, "did you mean 'probs'?");
  assertStringIncludes(call("probs").message, "needs the argument 'x'");
  assertStringIncludes(call("x", "x").message, "comes twice");
  assertStringIncludes(call("", "", "").message, "at most 2 arguments");
  for (const name of ["quantile", "stats:::quantile", "base::eval", "toString", "__proto__", ""]) {
    refused(TWO, list([one]), "not_allowed", name);
  }
  for (const strange of [opaqueNames(), attributed(), { ...list([]), form: "pairlist" } as RList]) {
    refused(TWO, strange, "bad_value", "stats::quantile");
  }
});

const SCHEMAS = [
  ...["logical", "integer", "double", "character", "raw", "factor", "date", "datetime", "list"],
  ...["data_frame", "any_data"],
].flatMap((type) => {
  const isVector = !["raw", "list", "data_frame", "any_data"].includes(type);
  return [`type = "${type}"`, ...(isVector ? [`type = "${type}", na = true, names = true`] : [])];
});

Deno.test(`any value is refused by its argument's name, or comes out as plain data (seed ${SEED})`, () => {
  const registries = SCHEMAS.map(takingX);
  let taken = 0;
  fc.assert(
    fc.property(fc.constantFrom(...registries), arbitraryValue(), (registry, value) => {
      try {
        const made = checkCall(registry, "f", list([value]));
        assert(isPlain(made));
        // What has come out goes through again as it is.
        assertEquals(checkCall(registry, "f", made), made);
        taken++;
      } catch (error) {
        assert(error instanceof RtoolError, String(error));
        assertEquals(error.code, "bad_value");
        assertStringIncludes(error.message, "Argument 'x'");
        assert(error.message.length < 1000, error.message);
      }
    }),
    seeded(3000),
  );
  assert(taken > 100, `only ${taken} values were taken`);
});

function arbitraryValue(): fc.Arbitrary<RValue> {
  const word = fc.constantFrom("a", "", "é", "a\0", "\ud800", "x".repeat(2000), "Date", "factor");
  const words = fc.array(fc.oneof(word, fc.constant(null), fc.constant(Uint8Array.of(200))), {
    maxLength: 3,
  });
  const key = fc.constantFrom(...["names", "class", "levels", "dim", "tzone", "row.names"], "f");
  const classes = fc.constantFrom(["Date"], ["factor"], ["POSIXct", "POSIXt"], ["data.frame"], [
    "lm",
  ]);
  const whole = fc.oneof(fc.constantFrom(NA_INTEGER, 0, 1, 2, -2), fc.integer());
  const { value } = fc.letrec<{ value: RValue; plain: RValue }>((tie) => ({
    plain: fc.oneof(
      fc.constant(NULL),
      fc.array(whole, { maxLength: 3 }).map((values) => logical(values)),
      fc.array(whole, { maxLength: 3 }).map((values) => integer(values)),
      fc.array(fc.double(), { maxLength: 3 }).map((values) => numeric(values)),
      fc.constant(complex(Float64Array.of(1, 2))),
      words.map((values) => character(values)),
      fc.constant(raw(Uint8Array.of(1))),
      fc.constantFrom("closure", "environment", "language", "symbol", "promise", "S4").map(opaque),
      fc.tuple(
        fc.array(tie("value"), { maxLength: 3 }),
        fc.constantFrom(
          "list" as const,
          "list" as const,
          "pairlist" as const,
          "expression" as const,
        ),
      ).map(([values, form]) => ({ ...list(values), form })),
    ),
    value: fc.tuple(
      tie("plain"),
      fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        fc.array(fc.tuple(key, fc.oneof(classes.map((each) => character(each)), tie("plain"))), {
          maxLength: 2,
        }),
      ),
    ).map(([plain, attributes]) => plain.type === "NULL" ? plain : { ...plain, attributes }),
  }));
  return value;
}

function refused(registry: Registry, args: RList, code: string, name = "f"): RtoolError {
  const error = assertThrows(() => checkCall(registry, name, args), RtoolError);
  assertEquals(error.code, code);
  assert(error.message.length < 1000);
  return error;
}

/** Data frames are made with their attributes in one order, whatever order they had. */
function attributesSorted(value: RValue): RValue {
  if (value.type === "NULL") return value;
  const attributes = [...value.attributes].sort(([a], [b]) => a < b ? -1 : 1);
  if (value.type !== "list") return { ...value, attributes };
  return { ...value, attributes, values: value.values.map(attributesSorted) };
}

function structured(name: string): RValue {
  return numeric([1], [["class", character([name])]]);
}

function nested(depth: number): RValue {
  return depth === 0 ? numeric([1]) : list([nested(depth - 1)]);
}

function unequal(): RValue {
  return list([numeric([1]), numeric([1, 2])], [
    ["names", character(["a", "b"])],
    ["class", character(["data.frame"])],
    ["row.names", integer([NA_INTEGER, -1])],
  ]);
}

function opaqueNames(): RList {
  return list([one], [["names", numeric([1])]]);
}

function attributed(): RList {
  return list([one], [["class", character(["mine"])]]);
}
