/**
 * Many clients at once, and what must hold whatever is done to their server: each job has exactly
 * one outcome, in time, and not a byte of another's output.
 */

import { assert } from "@std/assert";
import { Client } from "../../client.ts";
import { RtoolError } from "../../core/errors.ts";
import { bareRequest, type JobRequest } from "../../core/job.ts";
import { CLIENT_TLS, type TestServer } from "./rtool.ts";

/** How much later than its time limit a job may end, in milliseconds. */
const LATE_MS = 3000;

/** One job of a storm. */
export interface Sent {
  /** Printed by the job, and by no other. */
  readonly token: string;
  readonly request: JobRequest;
}

/** How a job ended: the kind of its outcome, or `lost` with its connection. */
export interface Ended {
  readonly kind: string;
  readonly stdout: string;
}

/** What a storm is made of. */
export interface StormOptions {
  readonly clients: number;
  readonly jobs: number;
  /** Jobs go to so many sessions; a share of them is fresh. */
  readonly sessions: number;
  /** Code in place of the usual, for the job of this number. */
  readonly code?: (index: number) => string | undefined;
  readonly timeoutMs?: number;
}

/** How many jobs ended in which way. */
export type Counts = Record<string, number>;

/** Connects to a server under test. */
export function connect(server: Pick<TestServer, "port">): Promise<Client> {
  return Client.connect({
    hostname: "127.0.0.1",
    port: server.port,
    timeoutMs: 20_000,
    software: "test",
    tls: CLIENT_TLS,
  });
}

/** Sends jobs from many clients at once, and holds what must hold of each. */
export async function storm(server: TestServer, options: StormOptions): Promise<Counts> {
  const counts: Counts = {};
  let next = 0;
  const lane = async () => {
    let client: Client | undefined;
    for (let index = next++; index < options.jobs; index = next++) {
      client ??= await connect(server).catch(() => undefined);
      const sent = makeJob(index, options);
      const { kind, stdout } = await runJob(client, sent);
      counts[kind] = (counts[kind] ?? 0) + 1;
      assertOwn(sent, stdout, kind, options.code?.(index) !== undefined);
      if (kind !== "lost") continue;
      await client?.[Symbol.asyncDispose]();
      client = undefined;
    }
    await client?.[Symbol.asyncDispose]();
  };
  await Promise.all(Array.from({ length: options.clients }, lane));
  const sum = Object.values(counts).reduce((total, count) => total + count, 0);
  assert(sum === options.jobs, `${options.jobs} jobs had ${sum} outcomes`);
  return counts;
}

function makeJob(index: number, options: StormOptions): Sent {
  const token = `<${index}:${crypto.randomUUID()}>`;
  const session = index % 5 === 4 ? undefined : `storm-${index % options.sessions}`;
  const usual = `cat('${token.slice(0, 9)}'); Sys.sleep(0.002); cat('${token.slice(9)}')`;
  const request = {
    ...bareRequest(options.code?.(index) ?? usual, session),
    timeoutMs: options.timeoutMs ?? 20_000,
  };
  return { token, request };
}

async function runJob(client: Client | undefined, { request }: Sent): Promise<Ended> {
  if (!client) return { kind: "lost", stdout: "" };
  const startedAt = performance.now();
  let stdout = "";
  let kind: string | undefined;
  const decoder = new TextDecoder();
  try {
    for await (const event of client.submit(request).events) {
      assert(kind === undefined, "A job went on after its end");
      if (event.kind === "stdout") stdout += decoder.decode(event.bytes, { stream: true });
      if (event.kind === "end") kind = event.outcome.kind;
    }
  } catch (error) {
    if (!(error instanceof RtoolError)) throw error;
    kind = "lost";
  }
  const ms = performance.now() - startedAt;
  assert(ms < (request.timeoutMs ?? Infinity) + LATE_MS, `A job took ${Math.round(ms)} ms`);
  return { kind: kind ?? "none", stdout };
}

/** All of its own output when it went well, else a beginning of it; nothing of another's. */
function assertOwn({ token }: Sent, stdout: string, kind: string, isOther: boolean): void {
  if (isOther) return assert(!/<\d+:[0-9a-f]{8}-/.test(stdout), `Another job's output: ${stdout}`);
  const isOwn = kind === "ok" ? stdout === token : token.startsWith(stdout);
  assert(isOwn, `A job that printed ${token} and ended as ${kind} had the output ${stdout}`);
}
