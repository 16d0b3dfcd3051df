/**
 * Fresh sessions of the real binary: clean, many, at once, and small.
 *
 * `RTOOL_SOAK` multiplies how many.
 */

import { assert, assertEquals } from "@std/assert";
import type { Client } from "../../client.ts";
import { bareRequest } from "../../core/job.ts";
import { startServer, text } from "./rtool.ts";
import { connect } from "./storm.ts";

const SOAK = Number(Deno.env.get("RTOOL_SOAK") ?? 1);

/** Leaves traces of every kind, and prints what it finds of another's. */
const TRACES = "cat(length(ls()), getOption('digits'), 'package:tools' %in% search()," +
  "exists('.Random.seed'), length(list.files(tempdir())), nzchar(Sys.getenv('LEFT')));" +
  "x <- 1; options(digits = 3); library(tools); set.seed(1); Sys.setenv(LEFT = 'yes');" +
  "writeLines('a', tempfile())";

const CLEAN = "0 7 FALSE FALSE 0 FALSE";

Deno.test("one fresh session after the other, and 16 at once: each is clean", async () => {
  await using server = await startServer(["--quiet", "--jobs-max", "16"]);
  await using client = await connect(server);
  const times: number[] = [];
  const startedAt = performance.now();
  for (let n = 0; n < 100 * Math.min(SOAK, 5); n++) {
    const sentAt = performance.now();
    assertEquals(await evaluate(client, TRACES), CLEAN);
    times.push(performance.now() - sentAt);
  }
  const perSecond = times.length / (performance.now() - startedAt) * 1000;
  for (let round = 0; round < 3 * SOAK; round++) {
    const all = await Promise.all(Array.from({ length: 16 }, () => evaluate(client, TRACES)));
    assertEquals(all, all.map(() => CLEAN));
  }
  const median = times.sort((a, b) => a - b)[times.length >> 1]!;
  console.log(`    ${times.length} in a row: ${median.toFixed(1)} ms, ${perSecond.toFixed(0)}/s`);
});

Deno.test("20 sessions share what was preloaded, and each is small", async () => {
  const init = await Deno.makeTempFile({ suffix: ".R" });
  await Deno.writeTextFile(init, "big <- numeric(25e6) + 1");
  await using server = await startServer(["--quiet", "--init", init, "--spares", "1"]);
  await using client = await connect(server);
  const pids: number[] = [];
  for (let n = 0; n < 20; n++) {
    pids.push(Number(await evaluate(client, "cat(Sys.getpid())", `shared-${n}`)));
  }
  const idle = pids.map(privateBytes);
  for (let n = 0; n < 20; n++) {
    assertEquals(await evaluate(client, "cat(sum(big) == 25e6)", `shared-${n}`), "TRUE");
  }
  const grown = pids.map(privateBytes).reduce((sum, bytes, n) => sum + bytes - idle[n]!, 0);
  const largest = Math.max(...idle);
  console.log(
    `    idle: at most ${mib(largest)} MiB of their own; 20 saw 200 MB: ${mib(grown)} MiB`,
  );
  assert(largest < 4 * 2 ** 20, `An idle session has ${mib(largest)} MiB of its own`);
  assert(grown < 60 * 2 ** 20, `They have grown by ${mib(grown)} MiB`);
  await Deno.remove(init);
});

Deno.test("rtool send --fresh behaves like Rscript, to its last words", async () => {
  await using server = await startServer(["--quiet"]);
  const code = "reg.finalizer(globalenv(), function(e) cat('over\\n'), TRUE); stop('no')";
  const run = await server.send(["--fresh", "-e", code]);
  assertEquals([run.code, text(run.stdout)], [1, "NULL\nover\n"]);
  assertEquals(text(run.stderr), "Error: no\nExecution halted\n");
});

async function evaluate(client: Client, code: string, session?: string): Promise<string> {
  let stdout = "";
  const decoder = new TextDecoder();
  for await (const event of client.submit(bareRequest(code, session)).events) {
    if (event.kind === "stdout") stdout += decoder.decode(event.bytes, { stream: true });
    if (event.kind === "end") assertEquals(event.outcome, { kind: "ok" });
  }
  return stdout;
}

/** Memory a process shares with nobody, in bytes. */
function privateBytes(pid: number): number {
  const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const kilobytes = [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB/gm)];
  return kilobytes.reduce((sum, [, count]) => sum + Number(count) * 1024, 0);
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
