/**
 * A queue as the server a command talks to: straight at the broker, without a server of rtool.
 */

import type { Client } from "../client.ts";
import type { ClientEvent, ClientJob } from "../client_stream.ts";
import { Broker } from "../cluster/broker.ts";
import { Queue } from "../cluster/queue.ts";
import { QueueClient } from "../cluster/queue_client.ts";
import { queuedJobs } from "../cluster/queue_report.ts";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import type { Job, JobRequest, Principal } from "../core/job.ts";
import { OWNER } from "../core/profile.ts";
import type { ControlCommand, Report } from "../core/report.ts";
import { SOFTWARE } from "../core/version.ts";
import { brokerOptions, readClusterKey } from "./cluster_access.ts";
import type { Context } from "./context.ts";

/** What commands about jobs ask of whatever they talk to. */
export type JobPlace =
  & Pick<Client, "submit" | "attach" | "report" | "control">
  & AsyncDisposable;

/** One queue at the broker. */
export class QueueConnection implements JobPlace {
  readonly #client: QueueClient;
  readonly #broker: Broker;
  readonly #left = new AbortController();

  private constructor(broker: Broker, client: QueueClient) {
    this.#broker = broker;
    this.#client = client;
  }

  /** Connects to the broker the options name. */
  static async connect(context: Context): Promise<QueueConnection> {
    const { options } = context;
    const name = options.maybeText("queue");
    if (name === undefined) throw new RtoolError("usage", "--nats needs --queue NAME");
    const key = await readClusterKey(context);
    const broker = await Broker.connect(brokerOptions(options));
    try {
      return new QueueConnection(broker, new QueueClient(await Queue.open(broker, name), key));
    } catch (error) {
      await broker[Symbol.asyncDispose]();
      throw error;
    }
  }

  submit(request: JobRequest, contents?: AsyncIterable<Uint8Array>): ClientJob {
    return asClientJob(request.detach, async () => {
      const parts: Uint8Array[] = [];
      for await (const part of contents ?? []) parts.push(part.slice());
      return await this.#client.submit(self(), request, concat(parts), this.#left.signal);
    });
  }

  attach(id: string, after: number): ClientJob {
    return asClientJob(false, () => this.#client.attach(self(), id, after, this.#left.signal));
  }

  async report(): Promise<Report> {
    const jobs = await queuedJobs(this.#client.queue, self());
    const nothing = { uptimeMs: 0, running: 0, queued: 0, jobsMax: 0, sessions: [], rVersion: "" };
    return { ...nothing, software: SOFTWARE, jobs };
  }

  async control(command: ControlCommand): Promise<string> {
    if (command.kind === "cancel") return await this.#client.cancel(self(), command.job);
    throw new RtoolError("bad_request", "A queue has no sessions");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#left.abort();
    await this.#broker[Symbol.asyncDispose]();
  }
}

/** Whoever has the key of the cluster is its servers' own user. */
function self(): Principal {
  return { name: `uid-${Deno.uid() ?? "none"}`, local: true, profile: OWNER };
}

/** The job that `begin` will give, to be followed and cancelled at once. */
function asClientJob(detached: boolean, begin: () => Promise<Job>): ClientJob {
  const beginning = begin();
  beginning.catch(() => {}); // Thrown where its events are read.
  return {
    events: eventsOf(beginning, detached),
    cancel: () => {
      void beginning.then((job) => job.cancel({ kind: "cancelled", reason: "client" }), () => {});
    },
  };
}

async function* eventsOf(beginning: Promise<Job>, detached: boolean): AsyncGenerator<ClientEvent> {
  const job = await beginning;
  yield { kind: "accepted", job: job.id };
  if (!detached) yield* job.events;
}
