/**
 * What hosts are asked about sessions, and how they answer: one JSON object each.
 *
 * Knows requests and replies. Must not know what they are about.
 */

import { asFields, type Fields, maybeText } from "../core/condition.ts";
import { RtoolError, toErrorCode, toRtoolError } from "../core/errors.ts";
import type { Msg, MsgHdrs } from "@nats-io/nats-core/internal";
import type { Headers } from "./broker.ts";
import { brokerFault } from "./broker_faults.ts";
import { readObject } from "./job_log.ts";
import type { Queue } from "./queue.ts";
import { readHolder, type SessionHolder } from "./session_register.ts";

/** Headers of a request: the id of the job or question. */
export const JOB_HEADER = "Rtool-Job";
/** Requests with the same text here are taken in the order in which they come. */
export const LINE_HEADER = "Rtool-Line";

/** What came of a question to one process. */
export type Reply =
  | { readonly kind: "answer"; readonly fields: Fields }
  /** Nobody listens there: the process has ended, or has no connection just now. */
  | { readonly kind: "nobody" }
  /** Somebody listens, and says nothing: the process is frozen, or cut off. */
  | { readonly kind: "silence" };

/** Who has room answers within this; the most idle first. */
const BID_MS = 1_000;

/** Subjects of one queue on which hosts are asked. */
export interface SessionSubjects {
  /** Who would have a session. */
  readonly bid: string;
  /** Which sessions are there. */
  readonly list: string;
  /** Look after a job whose host does not answer. */
  readonly watch: string;
  /** To a process: run a job. */
  readonly run: (token: string) => string;
  /** To a process: do something to a session. */
  readonly order: (token: string) => string;
}

/** The subjects of a queue. */
export function sessionSubjects({ names: { prefix } }: Queue): SessionSubjects {
  return {
    bid: `${prefix}.bid`,
    list: `${prefix}.sessions`,
    watch: `${prefix}.watch`,
    run: (token) => `${prefix}.run.${token}`,
    order: (token) => `${prefix}.order.${token}`,
  };
}

/** Asks one process. */
export async function askProcess(
  { broker }: Queue,
  subject: string,
  { body, headers }: { readonly body: Uint8Array; readonly headers: Headers },
  timeoutMs: number,
): Promise<Reply> {
  const options = { timeout: timeoutMs, headers: await sentHeaders(headers) };
  try {
    const answer = await broker.connection.request(subject, body, options);
    return { kind: "answer", fields: readFields(answer) };
  } catch (cause) {
    const names = cause instanceof Error ? [cause.name, asFields(cause.cause)["name"]] : [];
    if (names.includes("NoResponders")) return { kind: "nobody" };
    if (names.includes("TimeoutError")) return { kind: "silence" };
    throw brokerFault(cause);
  }
}

/** The host that would have a session, the first that says so; throws when there is none. */
export async function askForHolder(queue: Queue): Promise<SessionHolder> {
  const nothing = { body: new Uint8Array(0), headers: {} };
  const reply = await askProcess(queue, sessionSubjects(queue).bid, nothing, BID_MS);
  if (reply.kind === "answer") return readHolder(reply.fields);
  throw new RtoolError("cannot_connect", `No host of the queue '${queue.name}' is there`, {
    hint: "start one with: rtool serve --nats URL --queue NAME; see who is there: rtool cluster",
  });
}

/** The fields of a refusal. */
export function refusalFields(error: unknown): Fields {
  const { code, message } = toRtoolError(error);
  return { code, message };
}

/** Throws what an answer refuses. */
export function throwRefusal({ code, message }: Fields): void {
  if (code === undefined) return;
  throw new RtoolError(toErrorCode(code), maybeText(message) ?? "The host refused");
}

/** Answers a question, unless the connection has ended meanwhile. */
export function answer(question: Msg, fields: Fields): void {
  try {
    question.respond(JSON.stringify(fields));
  } catch {
    // Whoever asked hears nothing, and looks into the job's log.
  }
}

/** Headers as the client of NATS wants them. */
export async function sentHeaders(headers: Headers): Promise<MsgHdrs> {
  const { headers: noHeaders } = await import("@nats-io/nats-core/internal");
  const sent = noHeaders();
  for (const [name, value] of Object.entries(headers)) sent.set(name, value);
  return sent;
}

/** The headers of a message. */
export function headersOf({ headers }: Msg): Headers {
  return Object.fromEntries([...headers ?? []].map(([name, [text = ""]]) => [name, text]));
}

/** The JSON object of a message; another version may say anything. */
export function readFields(message: Msg): Fields {
  return readObject(message.string());
}
