/**
 * R's own values in our formats: CSV as R writes it, JSON as jsonlite does, Arrow there and back.
 *
 * One R makes all values and writes them; where we differ on purpose stands here, and why.
 */

import { assert, assertEquals } from "@std/assert";
import { RtoolError } from "../core/errors.ts";
import { fromArrow, toArrow } from "../rdata/arrow.ts";
import { findFrame } from "../rdata/columns.ts";
import { toCsv } from "../rdata/csv_write.ts";
import { toJson } from "../rdata/json_write.ts";
import { decodeValue } from "../rdata/read.ts";
import type { RValue } from "../rdata/types.ts";
import { listOf, runR } from "./rdata/in_r.ts";
import { R_VALUES } from "./rdata/values.ts";

/** A value, and what R made of it: `undefined` where R could not. */
interface Written {
  readonly code: string;
  readonly value: RValue;
  readonly data: boolean;
  readonly csv: string | undefined;
  readonly json: string | undefined;
}

const SCRIPT = `
values <- ${listOf(R_VALUES.map(({ code }) => code))}
for (i in seq_along(values)) {
  x <- values[[i]]
  saveRDS(x, sprintf("%d.rds", i), compress = FALSE)
  tryCatch({
    write.csv(x, sprintf("%d.csv", i), row.names = FALSE)
  }, error = function(e) unlink(sprintf("%d.csv", i)))
  tryCatch({
    json <- jsonlite::toJSON(x, digits = NA, na = "null", null = "null", POSIXt = "ISO8601",
      UTC = TRUE)
    writeLines(enc2utf8(json), sprintf("%d.json", i), useBytes = TRUE)
  }, error = function(e) NULL)
}`;

const values = await writeAll();

Deno.test("what R can write as CSV is written byte for byte as R does", () => {
  const differing: string[] = [];
  let same = 0;
  for (const { code, value, csv } of values) {
    const ours = attempt(() => [...toCsv(value)].join(""));
    if (ours === undefined && isRefusedList(value)) continue;
    if (csv === undefined && code.includes("bytes")) continue; // R has no text for them.
    if (ours === csv) same++;
    else differing.push(`${code}: ${JSON.stringify(ours)} for ${JSON.stringify(csv)}`);
  }
  assertEquals(differing, []);
  assert(same > 100);
});

Deno.test("what jsonlite can write is written as it does", () => {
  const differing: string[] = [];
  for (const { code, value, data, json } of values) {
    // Functions are source text to jsonlite, and named by us.
    if (json === undefined || !data) continue;
    const ours = attempt(() => [...toJson(value)].join(""));
    const parsed = ours === undefined ? undefined : JSON.parse(ours);
    // Base64 stands by itself, in one line.
    const isBytes = value.type === "raw" &&
      [parsed].join() === JSON.parse(json)[0].replace(/\n/g, "");
    const isSame = isBytes || isNear(parsed, JSON.parse(json));
    if (!isSame) differing.push(`${code}: ${ours?.slice(0, 200)} for ${json.slice(0, 200)}`);
  }
  assertEquals(differing, []);
});

Deno.test("what Arrow takes it gives back", async () => {
  let count = 0;
  for (const { code, value } of values) {
    const bytes = await toArrow(value).catch((error) => {
      assert(error instanceof RtoolError && error.code === "bad_value", `${code}: ${error}`);
      return undefined;
    });
    if (bytes === undefined) continue;
    count++;
    const first = await fromArrow(bytes);
    assertEquals(await fromArrow(await toArrow(first)), first, code);
  }
  assert(count > 60, `${count} values`);
});

/** Lists are columns where they have names and hold vectors; R goes further. */
function isRefusedList(value: RValue): boolean {
  const frame = findFrame(value);
  const columns = frame?.columns ?? [value];
  return columns.some((column) => column.type === "list" && findFrame(column) === undefined);
}

/** Numbers may differ in what comes after the fifteenth digit; NaN and Inf are null to jsonlite. */
function isNear(ours: unknown, theirs: unknown): boolean {
  if (typeof ours === "number" && typeof theirs === "number") {
    // Fifteen digits of the largest number are more than it.
    return ours.toPrecision(14) === theirs.toPrecision(14) || !Number.isFinite(theirs);
  }
  // Its times have no fractions.
  if (typeof ours === "string") ours = ours.replace(/(:\d\d)\.\d+Z$/, "$1Z");
  if (theirs === null) return ours === null || ["NaN", "Inf", "-Inf"].includes(String(ours));
  if (typeof ours !== "object" || ours === null || typeof theirs !== "object") {
    return ours === theirs;
  }
  const [one, other] = [Object.entries(ours), Object.entries(theirs)];
  return one.length === other.length && Array.isArray(ours) === Array.isArray(theirs) &&
    one.every(([key, item], at) => key === other[at]![0] && isNear(item, other[at]![1]));
}

async function writeAll(): Promise<Written[]> {
  const dir = await Deno.makeTempDir({ prefix: "rtool-test-" });
  try {
    await runR(dir, SCRIPT);
    return await Promise.all(R_VALUES.map(async ({ code, data }, index) => {
      const path = `${dir}/${index + 1}`;
      return {
        code,
        data,
        value: decodeValue(await Deno.readFile(`${path}.rds`)),
        csv: await Deno.readTextFile(`${path}.csv`).catch(() => undefined),
        json: await Deno.readTextFile(`${path}.json`).catch(() => undefined),
      };
    }));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function attempt(write: () => string): string | undefined {
  try {
    return write();
  } catch (error) {
    assert(error instanceof RtoolError && error.code === "bad_value", `Not our error: ${error}`);
    return undefined;
  }
}
