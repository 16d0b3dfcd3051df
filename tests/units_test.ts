/**
 * Sizes, times and counts as people read them.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { countText, sizeText, timeText } from "../core/units.ts";
import { SEED, seeded } from "./random.ts";

const SIZES: readonly (readonly [bytes: number, text: string])[] = [
  [0, "0 bytes"],
  [1, "1 byte"],
  [1000, "1000 bytes"],
  [1023, "1023 bytes"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [65_536, "64 KiB"],
  [1_000_000, "977 KiB"],
  [1_048_575, "1 MiB"],
  [2 ** 20, "1 MiB"],
  [123_456_789, "118 MiB"],
  [2 ** 30 * 4, "4 GiB"],
  [2 ** 40 * 1.25, "1.25 TiB"],
  [2 ** 50, "1020 TiB"],
];

const TIMES: readonly (readonly [ms: number, text: string])[] = [
  [0, "0 ms"],
  [0.4, "0 ms"],
  [350.2, "350 ms"],
  [999.4, "999 ms"],
  [999.9, "1 s"],
  [1000, "1 s"],
  [1500, "1.5 s"],
  [1250, "1.25 s"],
  [9994, "9.99 s"],
  [9996, "10 s"],
  [12_345, "12 s"],
  [59_499, "59 s"],
  [59_500, "1 min"],
  [200_000, "3 min 20 s"],
  [3_599_600, "1 h"],
  [7_500_000, "2 h 5 min"],
  [86_399_999, "1 d"],
  [86_400_000 * 3 + 3_600_000 * 4, "3 d 4 h"],
];

Deno.test("sizeText() gives a size in the unit a reader would choose", () => {
  for (const [bytes, text] of SIZES) assertEquals(sizeText(bytes), text);
});

Deno.test("timeText() gives a time in its two greatest units", () => {
  for (const [ms, text] of TIMES) assertEquals(timeText(ms), text);
});

Deno.test("countText() counts", () => {
  assertEquals([0, 1, 2].map((n) => countText(n, "job")), ["0 jobs", "1 job", "2 jobs"]);
});

Deno.test(`sizeText() and timeText() are short whatever they are given (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      assert(sizeText(value).length <= 10, sizeText(value));
      assert(timeText(value % 1e13).length <= 13, timeText(value % 1e13));
    }),
    seeded(500),
  );
});
