/**
 * Opens the queue that the options or the configuration name, at its broker.
 */

import { Broker } from "../cluster/broker.ts";
import { Queue } from "../cluster/queue.ts";
import { QueueClient } from "../cluster/queue_client.ts";
import { RtoolError } from "../core/errors.ts";
import { brokerOptions, readClusterKey } from "./cluster_access.ts";
import type { Context } from "./context.ts";

/** A queue and the connection to it. */
export interface OpenQueue extends AsyncDisposable {
  readonly queue: Queue;
  /** What jobs are sent with: it needs the cluster's key. */
  client(): Promise<QueueClient>;
}

/** Connects to the broker. */
export async function openQueue(context: Context): Promise<OpenQueue> {
  const { options } = context;
  const name = options.maybeText("queue");
  if (name === undefined || options.list("nats").length === 0) {
    throw new RtoolError("usage", "Which queue? It needs --nats URL and --queue NAME", {
      hint: "or urls and queue below [cluster] in the configuration file",
    });
  }
  const broker = await Broker.connect(brokerOptions(options));
  try {
    const queue = await Queue.open(broker, name);
    return {
      queue,
      client: async () => new QueueClient(queue, await readClusterKey(context)),
      [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
    };
  } catch (error) {
    await broker[Symbol.asyncDispose]();
    throw error;
  }
}
