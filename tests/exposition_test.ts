/**
 * The text of metrics: what Prometheus is to read is written, whatever the values are.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Family, familyText } from "../metrics/exposition.ts";
import { Page } from "../metrics/page.ts";
import { Histogram, Tally } from "../metrics/tally.ts";
import { labelsOf, readPage } from "./exposition_reader.ts";
import { arbitraryText, SEED, seeded } from "./random.ts";

const GAUGE: Family = { type: "gauge", help: "Things", labels: [] };

/** What a family's samples are written as. */
const WRITTEN: readonly (readonly [what: string, text: string, expected: string])[] = [
  [
    "a number without labels",
    familyText("things", GAUGE, [{ labels: [], value: 1.5 }]),
    "# HELP things Things\n# TYPE things gauge\nthings 1.5\n",
  ],
  [
    "numbers that are none",
    familyText("x", GAUGE, [NaN, Infinity, -Infinity].map((value) => ({ labels: [], value }))),
    "# HELP x Things\n# TYPE x gauge\nx NaN\nx +Inf\nx -Inf\n",
  ],
  [
    "labels whose values hold quotes, backslashes and line ends",
    familyText("x", { ...GAUGE, labels: ["a", "b"] }, [{ labels: ['"\\"', "1\n2"], value: 0 }]),
    '# HELP x Things\n# TYPE x gauge\nx{a="\\"\\\\\\"",b="1\\n2"} 0\n',
  ],
  [
    "help that holds a backslash and a line end, and quotes that are none there",
    familyText("x", { ...GAUGE, help: 'a\\b\n"c"' }, [{ labels: [], value: 0 }]),
    '# HELP x a\\\\b\\n"c"\n# TYPE x gauge\nx 0\n',
  ],
  ["a family without a sample", familyText("x", GAUGE, []), ""],
  [
    "a histogram, whose buckets count all below",
    familyText("h", { type: "histogram", help: "H", labels: ["a"] }, [
      { labels: ["v"], value: { bounds: [0.1, 1], counts: [2, 0, 3], sum: 7.5 } },
    ]),
    "# HELP h H\n# TYPE h histogram\n" +
    'h_bucket{a="v",le="0.1"} 2\nh_bucket{a="v",le="1"} 2\nh_bucket{a="v",le="+Inf"} 5\n' +
    'h_sum{a="v"} 7.5\nh_count{a="v"} 5\n',
  ],
];

for (const [what, text, expected] of WRITTEN) {
  Deno.test(`the exposition has ${what}`, () => assertEquals(text, expected));
}

Deno.test(`any label value and any number is read as it was (seed ${SEED})`, () => {
  const sample = fc.record({
    labels: fc.tuple(arbitraryText(), arbitraryText()),
    value: fc.double(),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(sample, { selector: ({ labels }) => JSON.stringify(labels), minLength: 1 }),
      (samples) => {
        const text = familyText("x", { ...GAUGE, labels: ["a", "b"] }, samples);
        const { values } = readPage(text);
        assertEquals([...values.keys()].map(labelsOf), samples.map(({ labels }) => labels));
        // A zero has no sign there.
        assertEquals([...values.values()], samples.map(({ value }) => value === 0 ? 0 : value));
      },
    ),
    seeded(300),
  );
});

Deno.test(`a histogram counts each observation in every bucket it fits (seed ${SEED})`, () => {
  const bounds = [0.5, 1, 10];
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true })), (observed) => {
      const histogram = new Histogram(bounds);
      for (const value of observed) histogram.observe(value);
      const page = new Page();
      page.set("rtool_job_wait_seconds", histogram.distribution, {});
      const { values } = readPage(page.text());
      for (const bound of [...bounds, Infinity]) {
        const le = bound === Infinity ? "+Inf" : bound;
        const expected = observed.filter((value) => value <= bound).length;
        assertEquals(values.get(`rtool_job_wait_seconds_bucket{le="${le}"}`), expected);
      }
    }),
    seeded(200),
  );
});

Deno.test("a tally tells what it knows from the start, as 0, and what comes later", () => {
  const tally = new Tally<string>(["a", "b"]);
  tally.add("b");
  tally.add("c", 2);
  tally.add("b");
  assertEquals([...tally.entries()], [["a", 0], ["b", 2], ["c", 2]]);
});

Deno.test("a page has its metrics in one order, the last value of each, and nothing unknown", () => {
  const page = new Page();
  page.set("rtool_jobs_waiting", 3, {});
  page.set("rtool_connections", 1, { wire: "native" });
  page.set("rtool_connections", 2, { wire: "native" });
  page.set("process_open_fds", undefined, {});
  page.set("process_max_fds", null, {});
  const { values } = readPage(page.text());
  assertEquals([...values], [['rtool_connections{wire="native"}', 2], ["rtool_jobs_waiting", 3]]);
});
