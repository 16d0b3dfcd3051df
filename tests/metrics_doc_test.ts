/**
 * docs/operations.md tells of the metrics: each that there is, as it is, and alerts on these alone.
 */

import { assert, assertEquals } from "@std/assert";
import { OUTCOME_KINDS } from "../metrics/job_metrics.ts";
import { FAMILIES } from "../metrics/families.ts";

const page = await Deno.readTextFile(new URL("../docs/operations.md", import.meta.url));
const section = page.split(/^## /m).find((part) => part.startsWith("Metrics\n")) ?? "";

Deno.test("the table of docs/operations.md has every metric, its labels and what it is, in order", () => {
  const rows = [...section.matchAll(/^\| `(\w+)` +\| (\w+) +\| ([^|]*?) *\| ([^|]+?) +\|$/gm)];
  assertEquals(
    rows.map(([, name, type, labels, what]) => [name, type, labels, what]),
    Object.entries(FAMILIES).map(([name, { type, labels, help }]) => {
      return [name, type, labels.map((label) => `\`${label}\``).join(", "), help];
    }),
  );
});

Deno.test("the alerts of docs/operations.md ask for metrics and outcomes there are", () => {
  const alerts = [...section.matchAll(/^ +expr: (.+)$/gm)].map(([, expr]) => expr!);
  assertEquals(alerts.length, 3);
  for (const expr of alerts) {
    const names = expr.match(/\b(rtool|process)_\w+/g) ?? [];
    assert(names.length > 0, expr);
    for (const name of names) assert(Object.hasOwn(FAMILIES, name), name);
    for (const [, outcomes] of expr.matchAll(/outcome=~"([^"]+)"/g)) {
      for (const kind of outcomes!.split("|")) assert(OUTCOME_KINDS.some((each) => each === kind));
    }
  }
});
