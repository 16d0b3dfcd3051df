/**
 * R's own values through Arrow and back into R: the same columns, of the same types and classes.
 */

import { assert, assertEquals } from "@std/assert";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import { fromArrow, toArrow } from "../rdata/arrow.ts";
import { decodeValue } from "../rdata/read.ts";
import { encodeValue } from "../rdata/write.ts";
import { listOf, runR } from "./rdata/in_r.ts";
import { R_VALUES } from "./rdata/values.ts";

/** A level that is missing, half a day, bytes that are no text: Arrow has them otherwise. */
const OTHERWISE = [
  "addNA(factor(c('a', NA)))",
  "as.Date(0.5, origin = '1970-01-01')",
  "{ x <- '\\xff'; Encoding(x) <- 'bytes'; x }",
];

/** What Arrow has no word for: names of elements, row names, dimensions, other attributes. */
const COMPARE = `
plain <- function(column) {
  if (inherits(column, "POSIXlt")) column <- as.POSIXct(column)
  is_time <- inherits(column, c("Date", "POSIXct", "difftime"))
  kept <- attributes(column)[c("levels", "class", "units")]
  kept$class <- if (is.factor(column) || is_time) kept$class
  column <- unclass(column)
  values <- if (is_time) round(as.numeric(column), 6) else as.vector(column)
  attributes(values) <- kept[!vapply(kept, is.null, NA)]
  values
}
columns <- function(x) {
  if (inherits(x, "POSIXlt") || !is.list(x)) x <- list(value = x)
  lapply(unname(unclass(x)), function(column) tryCatch(plain(column), error = function(e) "?"))
}
for (i in indexes) {
  x <- readRDS(paste0(i, ".rds"))
  back <- readRDS(paste0(i, ".back"))
  if (!identical(columns(x), columns(back))) cat(i, "\\n", file = "different", append = TRUE)
}
`;

Deno.test("what Arrow takes is the same in R when it comes back", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-arrow-" });
  await runR(
    dir,
    `values <- ${listOf(R_VALUES.map(({ code }) => code))}
     for (i in seq_along(values)) saveRDS(values[[i]], paste0(i, ".rds"), compress = FALSE)`,
  );
  const indexes: number[] = [];
  for (const index of R_VALUES.keys()) {
    const value = decodeValue(await Deno.readFile(`${dir}/${index + 1}.rds`));
    const bytes = await toArrow(value).catch((error) => {
      assert(error instanceof RtoolError && error.code === "bad_value", String(error));
    });
    if (!bytes) continue;
    indexes.push(index + 1);
    const back = encodeValue(await fromArrow(bytes));
    await Deno.writeFile(`${dir}/${index + 1}.back`, concat(back));
  }
  assert(indexes.length > 100, `only ${indexes.length} values`);
  await Deno.writeTextFile(`${dir}/different`, "");
  await runR(dir, `indexes <- c(${indexes.join(",")})${COMPARE}`);
  const different = (await Deno.readTextFile(`${dir}/different`)).trim().split(/\s+/);
  const codes = different.filter(Boolean).map((index) => R_VALUES[Number(index) - 1]?.code);
  assertEquals(codes, OTHERWISE);
  await Deno.remove(dir, { recursive: true });
});
