/**
 * The check of the broker, for a server that is to take jobs of a queue.
 */

import { Broker } from "../cluster/broker.ts";
import { Queue } from "../cluster/queue.ts";
import { toRtoolError } from "../core/errors.ts";
import type { Options } from "../core/options.ts";
import { brokerOptions, readClusterKey, refuseHalfCluster } from "./cluster_access.ts";
import type { BrokerTrial, Site } from "./doctor_finding.ts";
import { fatal, type Finding, lacking, ok } from "./doctor_finding.ts";

/** Goes to the broker as a server would, and makes nothing there. Nothing where there is none. */
export async function checkBroker(site: Site, options: Options): Promise<Finding[]> {
  try {
    const trial = await site.tryBroker(options);
    if (!trial) return [];
    const { software, queue, isThere } = trial;
    const state = isThere ? "is there" : "will be made";
    return [ok("broker", `${software} at ${options.list("nats").join(", ")}, ${queue} ${state}`)];
  } catch (error) {
    const { code, message, hint = "see docs/cluster.md" } = toRtoolError(error);
    if (code === "bad_config") {
      return [fatal("broker", "broken", message, "the server does not start", hint)];
    }
    const meaning = "the server serves its own doors alone";
    const advice = code === "cannot_connect" ? "start the broker, or look at --nats" : hint;
    return [lacking("broker", "broken", message, meaning, advice)];
  }
}

/** What came of it; throws what the server would be told. */
export async function tryBroker(
  options: Options,
  env: Site["env"],
): Promise<BrokerTrial | undefined> {
  refuseHalfCluster(options);
  const queue = options.maybeText("queue");
  if (queue === undefined) return undefined;
  const access = brokerOptions(options);
  await readClusterKey({ options, env });
  await using broker = await Broker.connect(access);
  return { software: broker.software, queue, isThere: await Queue.isThere(broker, queue) };
}
