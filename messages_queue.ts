/**
 * What a `submit` says of queues, both ways.
 *
 * Part of messages.ts. No I/O.
 */

import type { Fields } from "./core/condition.ts";
import { RtoolError } from "./core/errors.ts";
import type { JobRequest } from "./core/job.ts";
import { flag, optional, text, texts } from "./messages_fields.ts";

/** The queue a job is for, as it stands in a `submit` frame. */
export function queueFields(queue: JobRequest["queue"]): Fields {
  if (!queue) return {};
  return {
    queue: queue.name,
    ...(queue.require === undefined || queue.require.length === 0
      ? {}
      : { require: queue.require }),
    ...(queue.atMostOnce ? { at_most_once: true } : {}),
  };
}

/** Reads which queue a `submit` is for; nothing when for none. */
export function parseQueue(fields: Fields): Pick<JobRequest, "queue"> {
  const name = optional(fields, "queue", text);
  const require = optional(fields, "require", textOrTexts);
  const atMostOnce = optional(fields, "at_most_once", flag) ?? false;
  if (name !== undefined) return { queue: { name, require, atMostOnce } };
  if (require === undefined && !atMostOnce) return {};
  throw new RtoolError("bad_request", "'require' and 'at_most_once' are for a 'queue'");
}

/** A list, or the one text it was at first. */
function textOrTexts(fields: Fields, key: string): readonly string[] {
  return typeof fields[key] === "string" ? [text(fields, key)] : texts(fields, key);
}
