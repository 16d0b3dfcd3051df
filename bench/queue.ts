/**
 * `deno task bench:queue`: what a queue on NATS costs beside a server of one's own.
 *
 * usage: deno task bench:queue
 *
 * Measures $RTOOL_BIN, else the source, with a broker of its own: the overhead of a queued job, and
 * jobs of 20 ms by one, two and three servers with one place each.
 */

import { Client } from "../client.ts";
import { bareRequest } from "../core/job.ts";
import { joined, TestBroker } from "../tests/e2e/nats.ts";
import { Ledger } from "../tests/e2e/queue_account.ts";
import { outcomeOf, TestQueue } from "../tests/e2e/queue_load.ts";
import type { TestServer } from "../tests/e2e/rtool.ts";

const SINGLES = 200;
const JOBS = 400;
const SERVERS_MAX = 3;

if (import.meta.main) await main();

async function main(): Promise<void> {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const ledger = new Ledger(queue, broker.dir);
  await using stack = new AsyncDisposableStack();
  const one = async () => {
    const server = stack.use(await broker.server(["--queue-jobs-max", "1"]));
    await joined(server);
    return server;
  };
  const direct = await timeDirect(await one());
  const queued = await repeat(SINGLES, async () => {
    await outcomeOf(await queue.submit("1"));
  });
  console.log(`one job, --fresh: direct ${summary(direct)}; queued ${summary(queued)}`);
  for (let servers = 1; servers <= SERVERS_MAX; servers++) {
    if (servers > 1) await one();
    const startedAt = performance.now();
    const ends = await ledger.storm(Array.from({ length: JOBS }, () => "Sys.sleep(0.02)"));
    const seconds = (performance.now() - startedAt) / 1000;
    const ok = ends.filter(({ kind }) => kind === "ok").length;
    console.log(`${servers} servers: ${ok} jobs of 20 ms, ${(ok / seconds).toFixed(1)} jobs/s`);
  }
}

async function timeDirect({ port }: TestServer): Promise<number[]> {
  await using client = await Client.connect({
    hostname: "127.0.0.1",
    port,
    timeoutMs: 10_000,
    software: "bench",
  });
  return await repeat(SINGLES, async () => {
    for await (const { kind } of client.submit(bareRequest("1", undefined)).events) {
      if (kind === "end") return;
    }
  });
}

async function repeat(times: number, run: () => Promise<void>): Promise<number[]> {
  const samples: number[] = [];
  for (let n = 0; n < times; n++) {
    const startedAt = performance.now();
    await run();
    samples.push(performance.now() - startedAt);
  }
  return samples.sort((a, b) => a - b);
}

function summary(sorted: readonly number[]): string {
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(1);
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms`;
}
