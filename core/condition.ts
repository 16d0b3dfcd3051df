/**
 * Reads R conditions out of JSON: the worker writes them, the wire carries them.
 *
 * Total: whatever user code has made of a condition, the fields of the result are sound.
 */

import type { Condition } from "./job.ts";

/** Fields of a JSON object nobody has checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** A condition, from the JSON of the worker or of a `condition` frame. */
export function parseCondition(value: unknown): Condition {
  const fields = asFields(value);
  const kind = fields["kind"];
  const classes = fields["classes"];
  const line = fields["line"];
  const traceback = fields["traceback"];
  const condition: Condition = {
    kind: kind === "message" || kind === "warning" || kind === "interrupt" ? kind : "error",
    text: maybeText(fields["text"]),
    call: maybeText(fields["call"]),
    classes: texts(classes),
    ...(typeof line === "number" && Number.isSafeInteger(line) && line > 0 ? { line } : {}),
    ...(Array.isArray(traceback) ? { traceback: texts(traceback) } : {}),
  };
  return JSON.stringify(condition).length <= JSON_CHARS_MAX ? condition : shortened(condition);
}

/** A condition must fit a frame of 64 KiB, however its characters are encoded. */
const JSON_CHARS_MAX = 20_000;

function shortened(condition: Condition): Condition {
  const { line, traceback } = condition;
  const cut = (text: string | null, chars: number) =>
    text !== null && text.length > chars ? text.slice(0, chars) + "..." : text;
  return {
    kind: condition.kind,
    text: cut(condition.text, 2000),
    call: cut(condition.call, 200),
    classes: condition.classes.slice(0, 5).map((each) => each.slice(0, 100)),
    ...(line === undefined ? {} : { line }),
    ...(traceback === undefined ? {} : { traceback: shortenedCalls(traceback) }),
  };
}

/** The ends of a traceback: where it began and where it failed. */
function shortenedCalls(calls: readonly string[]): string[] {
  const ends = calls.length <= 20 ? calls : [...calls.slice(0, 9), "...", ...calls.slice(-10)];
  return ends.map((call) => call.length > 100 ? call.slice(0, 100) + "..." : call);
}

/** The texts in a list; what is none is left out. */
function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** The value as an object's fields; none when it is no object. */
export function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? value as Fields : {};
}

/** The value if it is text, else null. */
export function maybeText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
