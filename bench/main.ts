/**
 * `deno task bench`: rtool against Rserve, rpy2's page and Rscript, in one run.
 *
 * usage: deno task bench [--markdown] [--only ID]...
 *
 * Measures $RTOOL_BIN, else dist/rtool, else the source. Peers that are not installed are left out.
 */

import { parseArgs } from "@std/cli/parse-args";
import { compare, type Report } from "./compare.ts";
import { describeMachine, maybeMemory } from "./machine.ts";
import { comparisons, type Starter } from "./measures.ts";
import { Rpy2 } from "./peers/rpy2.ts";
import { Rserve } from "./peers/rserve.ts";
import { Rtool } from "./peers/rtool.ts";
import type { Service } from "./peers/service.ts";
import { formatReports } from "./report.ts";

if (import.meta.main) await main(Deno.args);

async function main(argv: readonly string[]): Promise<void> {
  const options = parseArgs(argv, {
    boolean: ["markdown"],
    string: ["only"],
    collect: ["only"],
  });
  await using stack = new AsyncDisposableStack();
  const rtool = stack.use(await Rtool.start());
  const peers: Service[] = [];
  const others = await installedPeers();
  for (const { start } of others) peers.push(stack.use(await start()));

  const wanted = (id: string) => options.only.length === 0 || options.only.includes(id);
  const confined = await Rtool.canConfine() ? stack.use(await Rtool.startConfined()) : undefined;
  const own: Starter = { name: rtool.name, start: () => Rtool.start() };
  const reports: Report[] = [];
  for (const comparison of comparisons({ rtool, peers, confined }, [own, ...others])) {
    if (!wanted(comparison.id)) continue;
    console.error(`... ${comparison.title}`);
    reports.push(await compare(comparison));
  }
  console.log(formatReports(reports, options.markdown ? "markdown" : "plain"));
  console.log(`\n${await describeMachine(rtool.origin)}.`);
  const memory = await maybeMemory(rtool.pid);
  if (memory) {
    const { now, peak } = memory;
    console.log(`Server memory: ${now.toFixed(0)} MiB at the end, ${peak.toFixed(0)} MiB at most.`);
  }
}

async function installedPeers(): Promise<Starter[]> {
  const starters: Starter[] = [];
  if (await Rserve.isInstalled()) starters.push({ name: "Rserve", start: () => Rserve.start() });
  if (await Rpy2.isInstalled()) starters.push({ name: "rpy2 server", start: () => Rpy2.start() });
  return starters;
}
