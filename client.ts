/**
 * The native client: dial, hello, submit, attach, ask, cancel, listen.
 *
 * Knows frames. Must not know terminals, flags or server code.
 */

import { ClientAnswer } from "./client_answer.ts";
import { dial, type DialOptions, refuseOpenWire } from "./client_dial.ts";
import { type ClientJob, ClientStream } from "./client_stream.ts";
import type { Callables } from "./core/callable.ts";
import type { Fields } from "./core/condition.ts";
import { RtoolError, toErrorCode, toRtoolError } from "./core/errors.ts";
import type { JobId, JobRequest } from "./core/job.ts";
import type { ControlCommand, Report } from "./core/report.ts";
import { submissionFields } from "./messages.ts";
import { attachFields, controlFields, type ControlRequest } from "./messages_control.ts";
import {
  decodeJson,
  encodeFrame,
  encodeJson,
  type Frame,
  PAYLOAD_BYTES_MAX,
  PING_INTERVAL_MS,
  PREFACE,
  PROTOCOL_VERSION,
} from "./protocol.ts";
import { Link } from "./wire.ts";

/** Where the server is, and who we are. */
export interface ConnectOptions extends DialOptions {
  /** Program and version, told in `hello`. */
  readonly software: string;
  /** Says who we are, where the server cannot tell by the socket. */
  readonly token?: string | undefined;
}

/** What the server said of itself. */
export interface ServerHello {
  readonly software: string;
  readonly rVersion: string;
}

const encoder = new TextEncoder();

/** Payload of the pings somebody waits for. */
const MARKED = Uint8Array.of(1);

/** One connection to a server. */
export class Client {
  /** What the server said of itself, once it has. */
  readonly hello: Promise<ServerHello>;
  readonly #link: Link;
  readonly #hello = Promise.withResolvers<ServerHello>();
  readonly #streams = new Map<number, ClientStream | ClientAnswer>();
  readonly #beat: ReturnType<typeof setInterval>;
  readonly #pongs: PromiseWithResolvers<void>[] = [];
  #lastStream = 0;
  #lost: RtoolError | undefined;

  private constructor(link: Link, { software, token }: ConnectOptions) {
    this.#link = link;
    this.hello = this.#hello.promise;
    this.hello.catch(() => {}); // Every job learns of it too.
    // Preface, hello and the first submit leave in one write: no extra round trip.
    link.send(encoder.encode(PREFACE));
    link.send(encodeJson("hello", 0, { version: PROTOCOL_VERSION, software, token }));
    this.#beat = setInterval(() => this.#checkSilence(), PING_INTERVAL_MS);
    Deno.unrefTimer(this.#beat);
    void this.#listen(); // Never rejects.
  }

  /** Dials. The greeting is under way when this resolves; jobs may be submitted at once. */
  static async connect(options: ConnectOptions): Promise<Client> {
    const { hostname, port, timeoutMs, token } = options;
    const wire = await dial(options);
    if (token !== undefined && !options.tls) refuseOpenWire(wire);
    const client = new Client(new Link(wire), options);
    const late = setTimeout(() => {
      const message = `${hostname}:${port} did not greet within ${timeoutMs / 1000} s`;
      client.#fail(
        new RtoolError("cannot_connect", message, {
          hint: "if it is a server of rpy2's manual, add --wire rpy2",
        }),
      );
    }, timeoutMs);
    void client.hello.catch(() => {}).finally(() => clearTimeout(late));
    return client;
  }

  /**
   * Sends a job; `contents` are the bytes of all its uploads, one behind the other. Nobody waits
   * for an answer that cannot come: a lost connection ends its events.
   */
  submit(request: JobRequest, contents?: AsyncIterable<Uint8Array>): ClientJob {
    const id = ++this.#lastStream;
    const stream = new ClientStream(id, this.#link, request.detach);
    if (!this.#open(id, stream)) return stream;
    const code = encoder.encode(request.code);
    const { input } = request;
    const submission = { request, codeBytes: code.length, hasInput: input !== undefined };
    this.#link.send(encodeJson("submit", id, submissionFields(submission)));
    for (let at = 0; at < code.length; at += PAYLOAD_BYTES_MAX) {
      this.#link.send(encodeFrame("code", id, code.subarray(at, at + PAYLOAD_BYTES_MAX)));
    }
    if (contents || input) void stream.feed(contents, input); // Never rejects.
    return stream;
  }

  /** The events of a job that is there, behind the first `after`. Leaving does not stop it. */
  attach(job: JobId, after: number): ClientJob {
    const id = ++this.#lastStream;
    const stream = new ClientStream(id, this.#link, false);
    if (this.#open(id, stream)) {
      this.#link.send(encodeJson("attach", id, attachFields({ job, after })));
    }
    return stream;
  }

  /** What the server's sessions and jobs are doing. */
  async report(): Promise<Report> {
    const fields = await this.#ask({ kind: "report" });
    const { parseReport } = await import("./messages_report.ts"); // `rtool send` needs none.
    return readAnswer(() => parseReport(fields));
  }

  /** What we may call there. */
  async functions(): Promise<Callables> {
    const fields = await this.#ask({ kind: "functions" });
    const { parseCallables } = await import("./messages_functions.ts");
    return readAnswer(() => parseCallables(fields));
  }

  /** Has something done to a session or a job; a sentence that says what was done. */
  async control(command: ControlCommand): Promise<string> {
    const { message } = await this.#ask(command);
    return String(message);
  }

  /** Asks for a sign of life; the round trip in milliseconds. */
  async ping(): Promise<number> {
    await this.hello;
    if (this.#lost) throw this.#lost;
    const startedAt = performance.now();
    const pong = Promise.withResolvers<void>();
    this.#pongs.push(pong);
    this.#link.send(encodeFrame("ping", 0, MARKED));
    await pong.promise;
    return performance.now() - startedAt;
  }

  /** Closes; open jobs end with `connection_lost`. Safe to call again. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new RtoolError("connection_lost", "The connection was closed"));
    return Promise.resolve();
  }

  #ask(request: ControlRequest): Promise<Fields> {
    const id = ++this.#lastStream;
    const answer = new ClientAnswer(id, this.#link);
    if (this.#open(id, answer)) {
      this.#link.send(encodeJson("control", id, controlFields(request)));
    }
    return answer.fields;
  }

  /** Whether the connection is there to begin something on; the stream learns it when not. */
  #open(id: number, stream: ClientStream | ClientAnswer): boolean {
    if (this.#lost) stream.fail(this.#lost);
    else this.#streams.set(id, stream);
    return this.#lost === undefined;
  }

  async #listen(): Promise<void> {
    try {
      const line = await this.#link.maybeLine(PREFACE.length + 8).catch((error) => {
        if (toRtoolError(error).code !== "bad_request") throw error;
        return undefined; // A first line that long is no preface.
      });
      checkPreface(line && new TextDecoder().decode(line));
      for await (const frame of this.#link.frames()) {
        this.#take(frame);
        const full = this.#streams.get(frame.stream)?.room();
        if (full) await full;
      }
      throw new RtoolError("connection_lost", "The server closed the connection");
    } catch (error) {
      this.#fail(toRtoolError(error));
    }
  }

  #take(frame: Frame): void {
    switch (frame.kind) {
      case "hello": {
        const { software, r } = decodeJson(frame);
        return this.#hello.resolve({ software: String(software), rVersion: String(r) });
      }
      case "ping":
        return this.#link.send(encodeFrame("pong", 0, frame.payload));
      case "pong":
        if (frame.payload.length > 0) this.#pongs.shift()?.resolve();
        return;
      case "error": {
        const { code, message } = decodeJson(frame);
        throw new RtoolError(toErrorCode(code), String(message));
      }
      default:
        if (this.#streams.get(frame.stream)?.take(frame)) this.#streams.delete(frame.stream);
    }
  }

  #checkSilence(): void {
    const silentMs = performance.now() - this.#link.heardAt;
    if (silentMs > 3 * PING_INTERVAL_MS) {
      this.#fail(new RtoolError("connection_lost", "The server has been silent for too long"));
    } else if (silentMs > PING_INTERVAL_MS / 2) this.#link.send(encodeFrame("ping", 0));
  }

  /** The first reason is kept, and given to everybody who waits. */
  #fail(reason: RtoolError): void {
    this.#lost ??= reason;
    clearInterval(this.#beat);
    this.#hello.reject(this.#lost);
    for (const pong of this.#pongs.splice(0)) pong.reject(this.#lost);
    for (const stream of this.#streams.values()) stream.fail(this.#lost);
    this.#streams.clear();
    this.#link.close();
  }
}

function readAnswer<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const { message } = toRtoolError(cause);
    throw new RtoolError("bad_frame", `Cannot read the server's answer: ${message}`, { cause });
  }
}

function checkPreface(line: string | undefined): void {
  if (line !== undefined && `${line}\n` === PREFACE) return;
  const theirs = line && /^RTOOL\/(\d+)$/.exec(line)?.[1];
  if (theirs) {
    throw new RtoolError(
      "bad_version",
      `The server speaks rtool/${theirs}, this program speaks rtool/${PROTOCOL_VERSION}`,
      { hint: "install the same version of rtool on both sides" },
    );
  }
  throw new RtoolError("cannot_connect", "What answers there is no rtool server", {
    hint: "if it is a server of rpy2's manual, add --wire rpy2",
  });
}
