/**
 * A queue as the server a command talks to: straight at the broker, without a server of rtool.
 */

import type { Client } from "../client.ts";
import type { ClientEvent, ClientJob } from "../client_stream.ts";
import type { QueueClient } from "../cluster/queue_client.ts";
import { queuedJobs } from "../cluster/queue_report.ts";
import { type HostedSession, SessionClient } from "../cluster/session_client.ts";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import type { Job, JobRequest, Principal } from "../core/job.ts";
import { OWNER } from "../core/profile.ts";
import type { ControlCommand, Report } from "../core/report.ts";
import { SOFTWARE } from "../core/version.ts";
import { readClusterKey } from "./cluster_access.ts";
import type { Context } from "./context.ts";
import { type OpenQueue, openQueue } from "./open_queue.ts";

/** What commands about jobs ask of whatever they talk to. */
export type JobPlace =
  & Pick<Client, "submit" | "attach" | "report" | "control">
  & AsyncDisposable
  & {
    /** The sessions of several hosts; a server tells of its own in its report. */
    sessions?(): Promise<HostedSession[]>;
  };

/** One queue at the broker. */
export class QueueConnection implements JobPlace {
  readonly #client: QueueClient;
  readonly #sessions: SessionClient;
  readonly #opened: OpenQueue;
  readonly #left = new AbortController();

  private constructor(opened: OpenQueue, client: QueueClient, sessions: SessionClient) {
    this.#opened = opened;
    this.#client = client;
    this.#sessions = sessions;
  }

  /** Connects to the broker the options name. */
  static async connect(context: Context): Promise<QueueConnection> {
    const key = await readClusterKey(context); // Told before anything is asked of the broker.
    const opened = await openQueue(context);
    const sessions = new SessionClient(opened.queue, key);
    return new QueueConnection(opened, await opened.client(), sessions);
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
    if (command.kind !== "recycle") return await this.#sessions.control(self(), command);
    throw new RtoolError("usage", "A queue has no R of its own to start anew", {
      hint: "ask one server: rtool sessions recycle -p PORT",
    });
  }

  /** The sessions of all hosts that answer. */
  async sessions(): Promise<HostedSession[]> {
    return await this.#sessions.list(self());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#left.abort();
    await this.#opened[Symbol.asyncDispose]();
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
  yield { kind: "accepted", job: job.id, note: job.note };
  if (!detached) yield* job.events;
}
