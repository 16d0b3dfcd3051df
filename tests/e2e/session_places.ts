/**
 * Sessions of a queue, reached from several places: straight at the broker, and through servers.
 */

import { assertEquals } from "@std/assert";
import { Client } from "../../client.ts";
import { Broker } from "../../cluster/broker.ts";
import { type ClusterKey, parseKeyText } from "../../cluster/claim.ts";
import { Queue } from "../../cluster/queue.ts";
import { QueueClient } from "../../cluster/queue_client.ts";
import { SessionClient } from "../../cluster/session_client.ts";
import { bareRequest, type Job, type JobEvent, type Principal } from "../../core/job.ts";
import { OWNER } from "../../core/profile.ts";
import { joined, type TestBroker } from "./nats.ts";
import { CLIENT_TLS, type TestServer, text } from "./rtool.ts";

/** The servers' own user. */
export const SELF: Principal = { name: `uid-${Deno.uid()}`, local: true, profile: OWNER };

/** What came of a job. */
export interface Came {
  readonly kind: string;
  readonly stdout: string;
  readonly notes: readonly string[];
  readonly message: string;
}

/** Servers that begin side by side. */
export class Hosts implements AsyncDisposable {
  readonly all: readonly TestServer[];

  private constructor(all: readonly TestServer[]) {
    this.all = all;
  }

  /** Two; resolves when both have joined the queue. */
  static async start(broker: TestBroker, more: readonly string[] = []): Promise<Hosts> {
    const all = await Promise.all([broker.server(more), broker.server(more)]);
    await joined(...all);
    return new Hosts(all);
  }

  get one(): TestServer {
    return this.all[0]!;
  }

  get two(): TestServer {
    return this.all[1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((host) => host[Symbol.asyncDispose]()));
  }
}

/** Somewhere jobs of sessions are sent from. */
export interface Place extends AsyncDisposable {
  /** Runs code in a session of the queue `q`, to its end. */
  run(session: string, code: string): Promise<Came>;
}

/** Straight at the broker. */
export class Straight implements Place {
  readonly queue: Queue;
  readonly broker: Broker;
  readonly sessions: SessionClient;
  readonly #client: QueueClient;
  readonly #left = new AbortController();

  private constructor(broker: Broker, queue: Queue, key: ClusterKey) {
    this.broker = broker;
    this.queue = queue;
    this.#client = new QueueClient(queue, key);
    this.sessions = new SessionClient(queue, key);
  }

  static async connect({ url, key }: TestBroker): Promise<Straight> {
    const broker = await Broker.connect({ urls: [url] });
    const signer = await parseKeyText(await Deno.readTextFile(key), key);
    return new Straight(broker, await Queue.open(broker, "q"), signer);
  }

  async run(session: string, code: string): Promise<Came> {
    return await cameOf((await this.submit(session, code)).events);
  }

  /** Sends a job; one that is detached has reached its host when this resolves. */
  async submit(session: string, code: string, detach = false): Promise<Job> {
    const queue = { name: "q", atMostOnce: false };
    const request = { ...bareRequest(code, session), queue, detach };
    return await this.#client.submit(SELF, request, new Uint8Array(0), this.#left.signal);
  }

  /** What came of a job that was sent. */
  async follow({ id }: Pick<Job, "id">): Promise<Came> {
    return await cameOf((await this.#client.attach(SELF, id, 0, this.#left.signal)).events);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#left.abort();
    await this.broker[Symbol.asyncDispose]();
  }
}

/** Through a server. */
export async function through({ port }: TestServer): Promise<Place> {
  const where = { hostname: "127.0.0.1", port, timeoutMs: 10_000, tls: CLIENT_TLS };
  const client = await Client.connect({ ...where, software: "test" });
  return {
    run: async (session, code) => {
      const request = { ...bareRequest(code, session), queue: { name: "q", atMostOnce: false } };
      return await cameOf(client.submit(request).events);
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

async function cameOf(events: AsyncIterable<JobEvent | { readonly kind: "accepted" }>) {
  let stdout = "";
  const notes: string[] = [];
  for await (const event of events) {
    if (event.kind === "stdout") stdout += text(event.bytes);
    if (event.kind === "started" && event.note !== undefined) notes.push(event.note);
    if (event.kind !== "end") continue;
    const message = "message" in event.outcome ? event.outcome.message : "";
    return { kind: event.outcome.kind, stdout, notes, message };
  }
  return { kind: "pending", stdout, notes, message: "" };
}

/** Which of the servers has a session of the servers' own user. */
export async function ownerOf(
  session: string,
  broker: TestBroker,
  servers: readonly TestServer[],
): Promise<TestServer> {
  const { code, stdout, stderr } = await broker.run("sessions", ["--json"]);
  assertEquals(code, 0, text(stderr));
  const listed: { host: string; name: string | null; principal: string; state: string }[] = JSON
    .parse(
      text(stdout),
    );
  const found = listed.filter(({ name, principal, state }) => {
    return name === session && principal === SELF.name && state !== "empty";
  });
  assertEquals(found.length, 1, text(stdout));
  return servers.find(({ pid }) => found[0]!.host.endsWith(`:${pid}`))!;
}
