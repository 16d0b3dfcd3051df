/**
 * The audit: a line for each decision and each job. Who, from where, what, and how it ended.
 *
 * Stands around the guard, so no door can forget it. Never told code, arguments, values, tokens or
 * the names of files: of code it keeps the SHA-256 and the length.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Evaluator, Job, JobAudit, JobRequest, Outcome } from "../core/job.ts";
import type { Principal, Receipt } from "../core/job.ts";
import type { ControlCommand } from "../core/report.ts";
import type { Upload } from "../core/item.ts";
import type { Ends } from "./peer.ts";

/** Where the lines go. */
export interface AuditSink extends Disposable {
  /** Writes one line about this; whether that worked. */
  write(facts: AuditFacts): boolean;
}

/** What one line says. Strings may be anybody's. */
export type AuditFacts = JobAudit["facts"];

/** A job that has ended, as the engine knows it. */
export interface EndedJob {
  readonly id: string;
  readonly principal: Principal;
  readonly request: JobRequest;
}

/** What an audit obeys. */
export interface AuditOptions {
  /** No job runs that could not be written down. @default {false} */
  readonly required: boolean;
}

/** Longest text of a peer in a line; names that are longer are refused anyway. */
const TEXT_CHARS_MAX = 200;

/** Writes down who came and what was done. */
export class Audit implements Disposable {
  readonly #sink: AuditSink;
  readonly #options: AuditOptions;
  /** From where each principal has connected. */
  readonly #peers = new WeakMap<Principal, string>();
  /** Requests until now, which number them. */
  #requests = 0;

  constructor(sink: AuditSink, options: AuditOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  /** Passes the decision about a connection on, and writes it down. */
  async connection(ends: Ends, deciding: () => Promise<Principal>): Promise<Principal> {
    try {
      // A principal of its own, so that it has one peer.
      const principal = { ...await deciding() };
      this.#peers.set(principal, peerOf(ends));
      this.#sink.write({ event: "connection", decision: "allowed", ...this.#who(principal) });
      return principal;
    } catch (error) {
      this.refused(ends, error);
      throw error;
    }
  }

  /** Writes down a peer that was not let in. */
  refused(ends: Ends, error: unknown): void {
    const { code, message } = toRtoolError(error);
    const why = { peer: peerOf(ends), code, reason: clipped(message) };
    this.#sink.write({ event: "connection", decision: "refused", ...why });
  }

  /** The same Evaluator, but for what is written down. */
  around(guard: Evaluator): Evaluator {
    return {
      submit: (principal, request, signal) => this.#submit(guard, principal, request, signal),
      attach: (principal, id, after, signal) => {
        const facts = { event: "attach", job: clipped(id), ...this.#who(principal) };
        return this.#decided(facts, () => guard.attach(principal, id, after, signal));
      },
      control: (principal, command) => {
        const facts = { event: "control", ...controlFacts(command), ...this.#who(principal) };
        return this.#decided(facts, () => guard.control(principal, command));
      },
      report: (principal) => guard.report(principal),
      functions: (principal) => guard.functions(principal),
    };
  }

  /** Called by the engine, for each job it has accepted. */
  ended({ id, principal, request }: EndedJob, outcome: Outcome, receipt: Receipt): void {
    this.#sink.write({
      event: "job",
      request: request.audit?.request,
      job: id,
      ...this.#who(principal),
      ...request.audit?.facts,
      outcome: outcome.kind,
      ...outcomeFacts(outcome),
      ms: Math.round(receipt.wallMs * 10) / 10,
    });
  }

  [Symbol.dispose](): void {
    this.#sink[Symbol.dispose]();
  }

  async #submit(
    guard: Evaluator,
    principal: Principal,
    request: JobRequest,
    signal: AbortSignal,
  ): Promise<Job> {
    const audit = { request: ++this.#requests, facts: jobFacts(request) };
    const who = this.#who(principal);
    const isWritten = this.#sink.write({
      event: "submit",
      request: audit.request,
      ...who,
      ...audit.facts,
    });
    if (!isWritten && this.#options.required) throw unwritten();
    try {
      const job = await guard.submit(principal, { ...request, audit }, signal);
      // Its id outlives the connection, or is that of another request's job.
      if (request.detach || request.key !== undefined) {
        this.#sink.write({ event: "kept", request: audit.request, job: job.id, ...who });
      }
      return job;
    } catch (error) {
      const { code } = toRtoolError(error);
      const decision = { decision: "refused", code };
      this.#sink.write({
        event: "job",
        request: audit.request,
        ...who,
        ...audit.facts,
        ...decision,
      });
      throw error;
    }
  }

  async #decided<T>(facts: AuditFacts, deciding: () => Promise<T>): Promise<T> {
    try {
      const done = await deciding();
      this.#sink.write({ ...facts, decision: "allowed" });
      return done;
    } catch (error) {
      const { code } = toRtoolError(error);
      this.#sink.write({ ...facts, decision: "refused", code });
      throw error;
    }
  }

  #who(principal: Principal): AuditFacts {
    const { name, profile } = principal;
    const peer = this.#peers.get(principal);
    return { principal: clipped(name), peer, profile: profile.name, grant: profile.grant };
  }
}

function unwritten(): RtoolError {
  return new RtoolError(
    "unwritable_output",
    "This server runs no job that it cannot write into its audit, and it cannot now",
    { hint: "the server's log says why" },
  );
}

/** What a request is, without anything it is made of. */
function jobFacts(request: JobRequest): AuditFacts {
  const { session, call, code, uploads, wants, detach } = request;
  return {
    session: session === undefined ? null : clipped(session),
    ...(call === undefined
      ? { kind: "code", code_sha256: sha256(code), code_bytes: Buffer.byteLength(code) }
      : { kind: "call", function: clipped(call) }),
    uploads: uploadFacts(uploads),
    wants: { value: wants.value, plots: wants.plots.length, files: wants.files.length },
    detach,
    key: request.key !== undefined,
  };
}

function uploadFacts(uploads: readonly Upload[]): AuditFacts {
  const count = (kind: string) => uploads.filter(({ target }) => target.kind === kind).length;
  const bytes = uploads.reduce((sum, upload) => sum + upload.bytes, 0);
  return { files: count("file"), data: count("data"), arguments: count("arguments"), bytes };
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** What a program tells outcomes of one kind apart by; never R's words, which may quote data. */
function outcomeFacts(outcome: Outcome): AuditFacts {
  switch (outcome.kind) {
    case "quit":
      return { status: outcome.status };
    case "cancelled":
      return { reason: outcome.reason };
    case "limited":
      return { limit: outcome.limit };
    case "crashed":
      return { signal: outcome.signal, status: outcome.status };
    case "rejected":
      return { code: outcome.code };
    default:
      return {};
  }
}

function controlFacts(command: ControlCommand): AuditFacts {
  switch (command.kind) {
    case "kill":
    case "interrupt":
    case "reset":
      return { control: command.kind, session: clipped(command.session) };
    case "cancel":
      return { control: command.kind, job: clipped(command.job) };
    case "recycle":
      return { control: command.kind };
    default:
      return command satisfies never;
  }
}

function clipped(text: string): string {
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}...` : text;
}

function peerOf({ remote }: Ends): string {
  return `${remote.hostname}:${remote.port}`;
}
