/**
 * The native door: frames in, jobs to the evaluator, frames out. docs/PROTOCOL.md is its contract.
 *
 * Knows frames and an Evaluator. Must not know R, HTTP, flags or files.
 */

import type { Fields } from "../core/condition.ts";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import { EMPTY_RECEIPT } from "../core/job.ts";
import type { Admit, Evaluator, Principal } from "../core/job.ts";
import {
  decodeJson,
  decodeWindow,
  encodeFrame,
  encodeJson,
  encodeWindow,
  type Frame,
  PING_INTERVAL_MS,
  PREFACE,
  PROTOCOL_VERSION,
} from "../protocol.ts";
import { parseSubmission, type Submission } from "../messages.ts";
import { type ControlRequest, parseAttach, parseControl } from "../messages_control.ts";
import { callablesFields } from "../messages_functions.ts";
import { reportFields } from "../messages_report.ts";
import { readHello } from "./native_hello.ts";
import { encodeEnd, NativeStream } from "./native_stream.ts";
import { NativeUpload } from "./native_upload.ts";
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
  /** Most bytes that may come with one job. @default {1 GiB} */
  readonly uploadMax: number;
  /** Where they are kept until the job begins: a directory of the server's own. */
  readonly spoolDir: string;
}

const encoder = new TextEncoder();

/** Serves one connection whose preface has been read, until it ends. */
export async function serveNative(
  link: Link,
  admit: Admit,
  options: NativeOptions,
  greeted: () => void,
): Promise<void> {
  sendPreface(link);
  try {
    const frames = link.frames();
    const { value: first } = await frames.next();
    if (!first) return;
    const principal = await admit(readHello(first));
    greeted();
    await converse(link, frames, new NativeConnection(link, principal, options));
  } catch (error) {
    const { code, message } = toRtoolError(error);
    link.send(encodeJson("error", 0, { code, message }));
    throw error;
  }
}

async function converse(
  link: Link,
  frames: AsyncIterable<Frame>,
  connection: NativeConnection,
): Promise<void> {
  const beat = setInterval(() => connection.beat(), PING_INTERVAL_MS);
  try {
    connection.greet();
    for await (const frame of frames) {
      connection.take(frame);
      if (link.congested) await link.flushed();
    }
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

  /** Answers the client's hello. */
  greet(): void {
    const { software, rVersion } = this.#options;
    this.#link.send(encodeJson("hello", 0, { version: PROTOCOL_VERSION, software, r: rVersion }));
  }

  /** Does what a frame says. Throws for what only a broken client sends. */
  take(frame: Frame): void {
    switch (frame.kind) {
      case "submit":
        return this.#open(frame, (fields) => this.#submit(frame.stream, fields));
      case "attach":
        return this.#open(frame, (fields) => this.#attach(frame.stream, fields));
      case "control":
        return this.#open(frame, (fields) => this.#control(frame.stream, fields));
      case "code":
        return this.#code(frame);
      case "upload":
        return this.#upload(frame);
      case "input":
        return this.#input(frame);
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

  /** The client has gone: its jobs are cancelled, but for those that may do without it. */
  end(): void {
    this.#gone.abort();
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  /** Begins what opens a stream; what is wrong with it is the stream's own end. */
  #open(frame: Frame, begin: (fields: Fields) => void): void {
    const id = frame.stream;
    if (id === 0 || this.#streams.has(id)) {
      throw new RtoolError("bad_frame", `Stream ${id} cannot be used for a job now`);
    }
    try {
      if (this.#streams.size >= this.#options.jobsPerConnectionMax) {
        const max = this.#options.jobsPerConnectionMax;
        throw new RtoolError("too_many_jobs", `This connection already has ${max} open jobs`);
      }
      begin(decodeJson(frame));
    } catch (error) {
      this.#reject(id, error);
    }
  }

  #submit(id: number, fields: Fields): void {
    const submission = parseSubmission(fields);
    if (submission.codeBytes > this.#options.codeMax) {
      const { codeBytes } = submission;
      throw new RtoolError(
        "code_too_big",
        `The code has ${codeBytes} bytes; the most is ${this.#options.codeMax}`,
      );
    }
    refuseLarge(submission, this.#options.uploadMax);
    const grant = (bytes: number) => this.#link.send(encodeWindow(id, bytes));
    const upload = new NativeUpload(submission, this.#options.spoolDir, grant);
    const stream = new NativeStream(id, this.#link, upload);
    this.#streams.set(id, stream);
    if (upload.complete) this.#evaluate(stream, upload);
  }

  #code({ stream: id, payload }: Frame): void {
    const stream = this.#streams.get(id);
    const upload = stream?.upload;
    if (!stream || !upload || upload.complete) return; // Sent before a rejection was learnt of.
    upload.takeCode(payload);
    if (upload.complete) this.#evaluate(stream, upload);
  }

  #upload({ stream: id, payload }: Frame): void {
    const stream = this.#streams.get(id);
    const upload = stream?.upload;
    if (!stream || !upload || upload.complete) return; // As with code.
    try {
      upload.takeUpload(payload);
    } catch (error) {
      stream.close();
      this.#streams.delete(id);
      return this.#reject(id, error);
    }
    if (upload.complete) this.#evaluate(stream, upload);
  }

  #input({ stream: id, payload }: Frame): void {
    const stream = this.#streams.get(id);
    if (!stream) return; // The job has ended meanwhile.
    if (!stream.upload) throw new RtoolError("bad_frame", "Input was sent that was not announced");
    stream.upload.takeInput(payload);
  }

  #evaluate(stream: NativeStream, upload: NativeUpload): void {
    this.#run(stream, async () => {
      const request = upload.request();
      const { evaluator } = this.#options;
      const job = await evaluator.submit(this.#principal, request, this.#gone.signal);
      upload.release();
      stream.accept(job);
      if (!request.detach) await stream.relay(job);
    });
  }

  #attach(id: number, fields: Fields): void {
    const { job: jobId, after } = parseAttach(fields);
    this.#run(new NativeStream(id, this.#link), async (stream) => {
      const { evaluator } = this.#options;
      const job = await evaluator.attach(this.#principal, jobId, after, this.#gone.signal);
      stream.accept(job);
      if (await stream.relay(job)) return;
      throw new RtoolError("bad_request", `The job ended before the event behind number ${after}`);
    });
  }

  #control(id: number, fields: Fields): void {
    const request = parseControl(fields);
    this.#run(new NativeStream(id, this.#link), async (stream) => {
      const document = JSON.stringify(await this.#answer(request));
      await stream.reply(encoder.encode(document));
    });
  }

  async #answer(request: ControlRequest): Promise<Fields> {
    const { evaluator, software } = this.#options;
    const who = this.#principal;
    if (request.kind === "functions") return callablesFields(await evaluator.functions(who));
    if (request.kind !== "report") return { message: await evaluator.control(who, request) };
    return reportFields({ ...await evaluator.report(who), software });
  }

  /** Keeps the stream open while `work` goes on; when that fails, the stream ends as rejected. */
  #run(stream: NativeStream, work: (stream: NativeStream) => Promise<void>): void {
    this.#streams.set(stream.id, stream);
    work(stream).catch((error) => this.#reject(stream.id, error)).finally(() => {
      stream.close();
      this.#streams.delete(stream.id);
    });
  }

  #reject(id: number, error: unknown): void {
    if (this.#gone.signal.aborted) return;
    const { code, message } = toRtoolError(error);
    this.#link.send(encodeEnd(id, { kind: "rejected", code, message }, EMPTY_RECEIPT));
  }
}

function refuseLarge({ request }: Submission, max: number): void {
  const bytes = request.uploads.reduce((sum, upload) => sum + upload.bytes, 0);
  if (bytes <= max) return;
  throw new RtoolError(
    "upload_too_big",
    `The files and data of the job have ${bytes} bytes; the most is ${max}`,
  );
}
