/**
 * A cluster of the tests' own: a network, a broker in its middle, and the account of what is sent.
 */

import { TestBroker, until } from "./nats.ts";
import { openNetwork, type TestHost, type TestNetwork } from "./network.ts";
import { Ledger } from "./queue_account.ts";
import { TestQueue } from "./queue_load.ts";
import type { TestServer } from "./rtool.ts";

/** How much of each fault there is: 1 in CI, 10 in a soak. */
export const SOAK = Number(Deno.env.get("RTOOL_SOAK") ?? 1);

/** Servers that lose their jobs soon. */
export const SHORT_LEASE: readonly string[] = ["--lease", "2s", "--quiet"];

/** Dispose its servers first. */
export class TestCluster implements AsyncDisposable {
  readonly broker: TestBroker;
  readonly queue: TestQueue;
  readonly ledger: Ledger;
  readonly #network: TestNetwork;

  private constructor(network: TestNetwork, broker: TestBroker, queue: TestQueue) {
    this.#network = network;
    this.broker = broker;
    this.queue = queue;
    this.ledger = new Ledger(queue, broker.dir);
  }

  static async start(): Promise<TestCluster> {
    const network = await openNetwork();
    const broker = await TestBroker.start([], network.address);
    return new TestCluster(network, broker, await TestQueue.connect(broker));
  }

  /** What its hosts are. */
  get kind(): string {
    return this.#network.kind;
  }

  async host(): Promise<TestHost> {
    return await this.#network.host(this.broker.port);
  }

  /** A server, on a host of its own unless one is given. */
  async server(
    more: readonly string[] = [],
    host: TestHost | undefined = undefined,
  ): Promise<TestServer> {
    return await this.broker.server(more, host ?? await this.host());
  }

  /** Waits until jobs have been begun so often, all together. */
  async begun(runs: number): Promise<void> {
    await until(async () => await this.ledger.runs() >= runs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue[Symbol.asyncDispose]();
    await this.broker[Symbol.asyncDispose]();
    await this.#network[Symbol.asyncDispose]();
  }
}

/** Tries faults at the same time, each in a cluster of its own: most of each is waiting. */
export function together(
  name: string,
  trials: Readonly<Record<string, (cluster: TestCluster) => Promise<void>>>,
): void {
  const unsanitized = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
  Deno.test(name, async (t) => {
    await Promise.all(
      Object.entries(trials).map(([name, attempt]) => {
        const fn = async () => {
          await using cluster = await TestCluster.start();
          await attempt(cluster);
        };
        return t.step({ name, fn, ...unsanitized });
      }),
    );
  });
}

/** Milliseconds until it is done. */
export async function timed(wait: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await wait();
  return Math.round(performance.now() - startedAt);
}
