/**
 * `deno task bench:map`: items of 50 ms by `rtool map`, on one server and on three with a queue,
 * and by parallel::mclapply; and what an item costs beside the sends of `--fresh`, in one run.
 *
 * Whole processes, start included. Measures $RTOOL_BIN, else dist/rtool, else the source.
 */

import { TestBroker } from "../tests/e2e/nats.ts";
import { compare, type Comparison } from "./compare.ts";
import { describeMachine } from "./machine.ts";
import { Rtool } from "./peers/rtool.ts";
import { formatReports } from "./report.ts";
import { milliseconds, timeCommand } from "./timing.ts";

const ROUNDS = 5;

/** As many as mclapply gets processes, and a server of two cores runs. */
const AT_ONCE = 4;

const SLOW_ITEMS = 200;
const SLOW_CODE = "Sys.sleep(0.05)";
const QUICK_ITEMS = 100;

if (import.meta.main) await main();

async function main(): Promise<void> {
  await using rtool = await Rtool.start();
  await using broker = await TestBroker.start();
  await using servers = new AsyncDisposableStack();
  const started = await Promise.all([1, 2, 3].map(() => broker.server(["--quiet"])));
  for (const server of started) servers.use(server);
  const queue = [...broker.straight, "--queue", "q"];
  const reports = [];
  for (const comparison of [slowItems(rtool, queue), quickItems(rtool, queue)]) {
    console.error(`... ${comparison.title}`);
    reports.push(await compare(comparison));
  }
  console.log(formatReports(reports, "markdown"));
  console.log(`\n${await describeMachine(rtool.origin)}.`);
}

/** The time of all of them. */
function slowItems(rtool: Rtool, queue: readonly string[]): Comparison {
  const map = (options: readonly string[]) => timeMap(rtool, SLOW_ITEMS, SLOW_CODE, options);
  const apply = (options: string) => timeApply(SLOW_ITEMS, SLOW_CODE, options);
  return {
    id: "slow-items",
    title: `${SLOW_ITEMS} items of 50 ms, ${AT_ONCE} at once`,
    unit: "ms",
    rounds: ROUNDS,
    contenders: [
      { name: "rtool map", sample: async () => [await map(["-j", String(AT_ONCE)])] },
      {
        name: "rtool map --queue, three servers",
        sample: async () => [await map(["-j", String(AT_ONCE), ...queue])],
      },
      {
        name: "mclapply, a fork for each item",
        sample: async () => [await apply("mc.preschedule = FALSE")],
      },
      {
        name: "mclapply, a fork for each core",
        sample: async () => [await apply("mc.preschedule = TRUE")],
      },
    ],
    budget: undefined,
  };
}

/** The time of each. */
function quickItems(rtool: Rtool, queue: readonly string[]): Comparison {
  const map = (atOnce: number, more: readonly string[] = []) => {
    return timeMap(rtool, QUICK_ITEMS, "NULL", ["-j", `${atOnce}`, ...more]);
  };
  const each = async (taken: Promise<number>) => [await taken / QUICK_ITEMS];
  return {
    id: "quick-items",
    title: "an item that does nothing",
    unit: "ms",
    rounds: ROUNDS,
    contenders: [
      { name: `rtool map, ${AT_ONCE} at once`, sample: () => each(map(AT_ONCE)) },
      { name: "rtool map, 1 at once", sample: () => each(map(1)) },
      {
        name: `rtool map --queue, three servers, ${AT_ONCE} at once`,
        sample: () => each(map(AT_ONCE, queue)),
      },
      {
        name: `fresh jobs on one connection, ${AT_ONCE} at once`,
        sample: () => each(timeJobs(rtool, AT_ONCE)),
      },
      {
        name: "fresh jobs on one connection, 1 at once",
        sample: () => each(timeJobs(rtool, 1)),
      },
      { name: "rtool send --fresh, a process each", sample: () => each(timeSends(rtool)) },
    ],
    budget: undefined,
  };
}

function timeMap(
  rtool: Rtool,
  count: number,
  code: string,
  options: readonly string[],
): Promise<number> {
  const lines = Array.from({ length: count }, (_, index) => {
    return `{"index":${index},"outcome":"ok","value":[${index}]}\n`;
  });
  const items = Array.from({ length: count }, (_, index) => `${index}\n`);
  const command = rtool.mapCommand(`${code}; .item`, options);
  return timeCommand(command, lines.join(""), items.join(""));
}

function timeApply(count: number, code: string, options: string): Promise<number> {
  const work = `parallel::mclapply(seq_len(${count}), function(item) { ${code}; item }, ` +
    `mc.cores = ${AT_ONCE}, ${options})`;
  const command = ["Rscript", "--vanilla", "-e", `cat(sum(unlist(${work})))`];
  return timeCommand(command, String(count * (count + 1) / 2));
}

async function timeJobs(rtool: Rtool, atOnce: number): Promise<number> {
  using line = await rtool.connectFresh();
  let left = QUICK_ITEMS;
  const lane = async () => {
    while (left-- > 0) await line.evaluate("1");
  };
  return await milliseconds(() => Promise.all(Array.from({ length: atOnce }, lane)));
}

function timeSends(rtool: Rtool): Promise<number> {
  return milliseconds(async () => {
    for (let n = 0; n < QUICK_ITEMS; n++) {
      await timeCommand(rtool.sendCommand("1", ["--fresh", "--no-input"]), "[1] 1\n");
    }
  });
}
