/**
 * The native door: frames in, jobs to the evaluator, frames out. docs/PROTOCOL.md is its contract.
 *
 * Knows frames and an Evaluator. Must not know R, HTTP, flags or files.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import { EMPTY_RECEIPT } from "../core/job.ts";
import type { Evaluator, Job, JobEvent, Outcome, Principal, Receipt } from "../core/job.ts";
import {
  decodeJson,
  decodeWindow,
  encodeFrame,
  encodeJson,
  type Frame,
  PING_INTERVAL_MS,
  PREFACE,
  PROTOCOL_VERSION,
} from "../protocol.ts";
import { outcomeFields, parseSubmission, receiptFields } from "../messages.ts";
import { NativeStream } from "./native_stream.ts";
import type { Link } from "../wire.ts";

/** What the native door needs and obeys. */
export interface NativeOptions {
  readonly evaluator: Evaluator;
  /** Program and version, told in `hello`. */
  readonly software: string;
  /** Version of R, told in `hello`. */
  readonly rVersion: string;
  /** Jobs one connection may have open. @default {256} */
  readonly jobsPerConnectionMax: number;
  /** Most bytes of code in one job. @default {16 MiB} */
  readonly codeMax: number;
}

const encoder = new TextEncoder();

/** Serves one connection whose preface has been read, until it ends. */
export async function serveNative(
  link: Link,
  principal: Principal,
  options: NativeOptions,
  greeted: () => void,
): Promise<void> {
  sendPreface(link);
  const connection = new NativeConnection(link, principal, options);
  const beat = setInterval(() => connection.beat(), PING_INTERVAL_MS);
  try {
    for await (const frame of link.frames()) {
      connection.take(frame);
      if (connection.greeted) greeted();
      if (link.congested) await link.flushed();
    }
  } catch (error) {
    const { code, message } = toRtoolError(error);
    link.send(encodeJson("error", 0, { code, message }));
    throw error;
  } finally {
    clearInterval(beat);
    connection.end();
  }
}

/** Links that have been sent the preface. */
const prefaced = new WeakSet<Link>();

function sendPreface(link: Link): void {
  if (prefaced.has(link)) return;
  prefaced.add(link);
  link.send(encoder.encode(PREFACE));
}

/** Refuses a peer before it has asked for anything. */
export function refuseNative(link: Link, error: RtoolError): void {
  const { code, message } = error;
  sendPreface(link);
  link.send(encodeJson("error", 0, { code, message }));
}

class NativeConnection {
  greeted = false;
  readonly #link: Link;
  readonly #principal: Principal;
  readonly #options: NativeOptions;
  readonly #streams = new Map<number, NativeStream>();
  readonly #gone = new AbortController();

  constructor(link: Link, principal: Principal, options: NativeOptions) {
    this.#link = link;
    this.#principal = principal;
    this.#options = options;
  }

  /** Does what a frame says. Throws for what only a broken client sends. */
  take(frame: Frame): void {
    if (!this.greeted && frame.kind !== "hello") {
      throw new RtoolError("bad_frame", `The first frame must be 'hello', not '${frame.kind}'`);
    }
    switch (frame.kind) {
      case "hello":
        return this.#hello(frame);
      case "submit":
        return this.#submit(frame);
      case "code":
        return this.#code(frame);
      case "input":
        return this.#streams.get(frame.stream)?.takeInput(frame.payload);
      case "window":
        return this.#streams.get(frame.stream)?.grant(decodeWindow(frame));
      case "cancel":
        return this.#streams.get(frame.stream)?.cancel();
      case "ping":
        return this.#link.send(encodeFrame("pong", 0, frame.payload));
      case "pong":
        return;
      default:
        throw new RtoolError("bad_frame", `A client may not send '${frame.kind}' frames`);
    }
  }

  /** Pings a silent client, and gives up on one that does not answer. */
  beat(): void {
    const silentMs = performance.now() - this.#link.heardAt;
    if (silentMs > 3 * PING_INTERVAL_MS) this.#link.close();
    else if (silentMs > PING_INTERVAL_MS / 2) this.#link.send(encodeFrame("ping", 0));
  }

  /** The client has gone: its jobs are cancelled. */
  end(): void {
    this.#gone.abort();
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  #hello(frame: Frame): void {
    const { version } = decodeJson(frame);
    if (version !== PROTOCOL_VERSION) {
      throw new RtoolError(
        "bad_version",
        `This server speaks rtool/${PROTOCOL_VERSION}, the client asked for rtool/${
          shown(version)
        }`,
      );
    }
    this.greeted = true;
    const { software, rVersion } = this.#options;
    this.#link.send(
      encodeJson("hello", 0, { version: PROTOCOL_VERSION, software, r: rVersion }),
    );
  }

  #submit(frame: Frame): void {
    const id = frame.stream;
    if (id === 0 || this.#streams.has(id)) {
      throw new RtoolError("bad_frame", `Stream ${id} cannot be used for a job now`);
    }
    try {
      if (this.#streams.size >= this.#options.jobsPerConnectionMax) {
        const max = this.#options.jobsPerConnectionMax;
        throw new RtoolError("too_many_jobs", `This connection already has ${max} open jobs`);
      }
      const submission = parseSubmission(decodeJson(frame));
      if (submission.codeBytes > this.#options.codeMax) {
        const { codeBytes } = submission;
        throw new RtoolError(
          "code_too_big",
          `The code has ${codeBytes} bytes; the most is ${this.#options.codeMax}`,
        );
      }
      const stream = new NativeStream(id, this.#link, submission);
      this.#streams.set(id, stream);
      if (stream.complete) this.#run(stream);
    } catch (error) {
      this.#reject(id, error);
    }
  }

  #code(frame: Frame): void {
    const stream = this.#streams.get(frame.stream);
    if (!stream || stream.complete) return; // Sent before the client learnt of the rejection.
    stream.takeCode(frame.payload);
    if (stream.complete) this.#run(stream);
  }

  #run(stream: NativeStream): void {
    this.#follow(stream).catch((error) => this.#reject(stream.id, error)).finally(() => {
      stream.close();
      this.#streams.delete(stream.id);
    });
  }

  async #follow(stream: NativeStream): Promise<void> {
    const request = stream.request();
    const job = await this.#options.evaluator.submit(this.#principal, request, this.#gone.signal);
    stream.accept(job);
    this.#link.send(encodeJson("accepted", stream.id, { job: job.id }));
    await this.#relay(stream, job);
  }

  async #relay(stream: NativeStream, job: Job): Promise<void> {
    for await (const event of job.events) {
      if (event.kind === "stdout" || event.kind === "stderr" || event.kind === "condition") {
        const waiting = stream.spend(event.kind === "condition" ? 256 : event.bytes.length);
        if (waiting) await waiting;
      }
      this.#link.send(encodeEvent(stream.id, event));
      if (this.#link.congested) await this.#link.flushed();
    }
  }

  #reject(id: number, error: unknown): void {
    if (this.#gone.signal.aborted) return;
    const { code, message } = toRtoolError(error);
    this.#link.send(encodeEnd(id, { kind: "rejected", code, message }, EMPTY_RECEIPT));
  }
}

/** A version as a message may show it. */
function shown(version: unknown): string {
  return typeof version === "number" ? String(version) : JSON.stringify(version) ?? "nothing";
}

function encodeEvent(id: number, event: JobEvent): Uint8Array {
  switch (event.kind) {
    case "stdout":
    case "stderr":
      return encodeFrame(event.kind, id, event.bytes);
    case "condition":
      return encodeJson("condition", id, event.condition);
    case "started":
      return encodeJson("started", id, event.note === undefined ? {} : { note: event.note });
    case "end":
      return encodeEnd(id, event.outcome, event.receipt);
    default:
      return event satisfies never;
  }
}

function encodeEnd(id: number, outcome: Outcome, receipt: Receipt): Uint8Array {
  const end = { outcome: outcomeFields(outcome), receipt: receiptFields(receipt) };
  return encodeJson("end", id, end);
}
