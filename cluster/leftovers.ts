/**
 * Takes away what a broker that was killed has brought back into a queue.
 *
 * NATS 2.9 writes down soon that a job was acknowledged, and later that its message is gone. Killed
 * in between it has the message again, which it gives to nobody and keeps for ever: it would count
 * as waiting, and take room.
 */

import type { Consumer } from "@nats-io/jetstream";
import { asking } from "./broker_faults.ts";
import { JobLog } from "./job_log.ts";
import { jobPrefix } from "./names.ts";
import type { Queue } from "./queue.ts";

/** Removes the messages of jobs that have ended and that the consumer is done with. */
export async function removeLeftovers(
  queue: Queue,
  token: string,
  consumer: Consumer,
): Promise<void> {
  const { broker, names } = queue;
  const { ack_floor: done } = await asking(() => consumer.info());
  for (let seq = 1;;) {
    const kept = await broker.maybeNext(names.jobs, `${jobPrefix(names, token)}.>`, seq);
    if (!kept || kept.seq > done.stream_seq) return;
    const [owner = "", id = ""] = kept.subject.split(".").slice(-2);
    const last = await new JobLog(queue, owner, id).maybeLast();
    if (last?.entry.end !== undefined) {
      // Another host may be faster.
      await broker.manager.streams.deleteMessage(names.jobs, kept.seq).catch(() => {});
    }
    seq = kept.seq + 1;
  }
}
