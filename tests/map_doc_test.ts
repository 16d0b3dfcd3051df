/**
 * docs/map.md: its bounds are those that hold, and its options are there.
 */

import { assert, assertEquals } from "@std/assert";
import { ITEMS_MAX, LINE_BYTES_MAX } from "../cli/map_input.ts";
import { VALUE_BYTES_MAX } from "../cli/map_job.ts";
import { AHEAD_MAX, HELD_BYTES_MAX } from "../cli/map_order.ts";
import { JOBS_AT_ONCE_MAX } from "../cli/map_plan.ts";
import { QUEUED_AT_ONCE } from "../cli/map_queue.ts";
import { AGAIN_MAX } from "../cli/map_run.ts";
import { AWAY_MAX_MS } from "../cli/map_server.ts";
import { MAP } from "../cli/table_map.ts";
import { FAILURES_SHOWN_MAX, numberText } from "../cli/map_tally.ts";
import { sizeText, timeText } from "../core/units.ts";

const DOCUMENT = await Deno.readTextFile(new URL("../docs/map.md", import.meta.url));

Deno.test("the bounds in docs/map.md are those of `rtool map`", () => {
  const section = DOCUMENT.split(/^## /m).find((part) => part.startsWith("Bounds\n")) ?? "";
  const rows = [...section.matchAll(/^\| (?!bound|-)([^|]+)\|([^|]+)\|/gm)];
  assertEquals(rows.map(([, what, max]) => [what!.trim(), max!.trim()]), [
    ["a line of the input", sizeText(LINE_BYTES_MAX)],
    ["items", numberText(ITEMS_MAX)],
    ["items at once", numberText(JOBS_AT_ONCE_MAX)],
    ["items in a queue at once, without `-j`", numberText(QUEUED_AT_ONCE)],
    ["broken connections while one item is followed in a queue", numberText(AGAIN_MAX)],
    ["value of an item, as R serializes it", sizeText(VALUE_BYTES_MAX)],
    ["items begun ahead of one that has not ended", numberText(AHEAD_MAX)],
    ["bytes of results that wait for one", sizeText(HELD_BYTES_MAX)],
    ["failures that are listed", numberText(FAILURES_SHOWN_MAX)],
    ["waiting for a server that has gone", timeText(AWAY_MAX_MS)],
  ]);
});

Deno.test("every option that docs/map.md names is one of `rtool map`", () => {
  const known = new Set(MAP.options.flatMap(({ name, short }) => [`--${name}`, `-${short}`]));
  const [, table = ""] = /\| option [^]*?\n((?:\|.*\n)+)/.exec(DOCUMENT) ?? [];
  const named = [...table.matchAll(/`([^`]+)`/g)].flatMap(([, code]) => {
    return code!.split(" ").filter((word) => /^--?[a-z]/.test(word));
  });
  assert(named.length > 15);
  assertEquals(named.filter((name) => !known.has(name)), []);
});
