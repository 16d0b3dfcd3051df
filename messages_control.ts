/**
 * What the JSON of `attach` and `control` means, both ways: what a client asks of jobs and sessions
 * that are there.
 *
 * Part of messages.ts. No I/O.
 */

import type { Fields } from "./core/condition.ts";
import type { JobId } from "./core/job.ts";
import type { ControlCommand } from "./core/report.ts";
import { integer, oneOf, optional, text } from "./messages_fields.ts";

/** An `attach`. */
export interface Attachment {
  readonly job: JobId;
  /** How many of the job's events are known already. */
  readonly after: number;
}

/** A `control`: a question, or an order. */
export type ControlRequest =
  | { readonly kind: "report" }
  | { readonly kind: "functions" }
  | ControlCommand;

const CONTROL_KINDS = [
  "report",
  "functions",
  "kill",
  "interrupt",
  "reset",
  "recycle",
  "cancel",
] as const;

/** What a client puts into an `attach` frame. */
export function attachFields({ job, after }: Attachment): Fields {
  return after === 0 ? { job } : { job, after };
}

/** Reads an `attach` frame; throws `bad_request` naming the field that is wrong. */
export function parseAttach(fields: Fields): Attachment {
  const after = optional(fields, "after", (f, k) => integer(f, k, 0, Number.MAX_SAFE_INTEGER));
  return { job: text(fields, "job"), after: after ?? 0 };
}

/** What a client puts into a `control` frame. */
export function controlFields(request: ControlRequest): Fields {
  return { ...request };
}

/** Reads a `control` frame; throws `bad_request` naming the field that is wrong. */
export function parseControl(fields: Fields): ControlRequest {
  const kind = oneOf(fields, "kind", CONTROL_KINDS);
  switch (kind) {
    case "report":
    case "functions":
    case "recycle":
      return { kind };
    case "kill":
    case "interrupt":
    case "reset":
      return { kind, session: text(fields, "session") };
    case "cancel":
      return { kind, job: text(fields, "job") };
    default:
      return kind satisfies never;
  }
}
