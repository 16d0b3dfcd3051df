/**
 * A program of the tests at a queue: it sends jobs and follows them to their ends.
 */

import { Broker } from "../../cluster/broker.ts";
import { parseKeyText } from "../../cluster/claim.ts";
import { Queue } from "../../cluster/queue.ts";
import { QueueClient } from "../../cluster/queue_client.ts";
import { bareRequest, type Job, type Principal } from "../../core/job.ts";
import { OWNER } from "../../core/profile.ts";
import type { TestBroker } from "./nats.ts";

const SELF: Principal = { name: "tester", local: true, profile: OWNER };

/** A program of the tests at the broker. */
export class TestQueue implements AsyncDisposable {
  readonly client: QueueClient;
  readonly #broker: Broker;
  readonly #left = new AbortController();

  private constructor(broker: Broker, client: QueueClient) {
    this.#broker = broker;
    this.client = client;
  }

  /** Connects with the cluster's key. */
  static async connect({ url, key }: TestBroker): Promise<TestQueue> {
    const broker = await Broker.connect({ urls: [url] });
    const signer = await parseKeyText(await Deno.readTextFile(key), key);
    return new TestQueue(broker, new QueueClient(await Queue.open(broker, "q"), signer));
  }

  /** Queues a job. */
  async submit(
    code: string,
    more: { readonly atMostOnce?: boolean; readonly require?: readonly string[] } = {},
  ): Promise<Job> {
    const queue = { name: "q", atMostOnce: false, ...more };
    const request = { ...bareRequest(code, undefined), queue };
    return await this.client.submit(SELF, request, new Uint8Array(0), this.#left.signal);
  }

  /** Follows a job from its first event, as one does who comes later. */
  async attach(id: string): Promise<Job> {
    return await this.client.attach(SELF, id, 0, this.#left.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#left.abort();
    await this.#broker[Symbol.asyncDispose]();
  }
}

/** What came of one job. */
export interface Outcomes {
  readonly kind: string;
  readonly stdout: string;
  /** What its `started` events said. */
  readonly notes: readonly string[];
  readonly message: string;
}

/** Follows a job to its end. */
export async function outcomeOf(job: Job): Promise<Outcomes> {
  const decoder = new TextDecoder();
  let stdout = "";
  const notes: string[] = [];
  for await (const event of job.events) {
    if (event.kind === "stdout") stdout += decoder.decode(event.bytes);
    if (event.kind === "started" && event.note !== undefined) notes.push(event.note);
    if (event.kind !== "end") continue;
    const message = "message" in event.outcome ? event.outcome.message : "";
    return { kind: event.outcome.kind, stdout, notes, message };
  }
  return { kind: "pending", stdout, notes, message: "" };
}
