/**
 * What the end of a job means: the worker's last mark, or the way R died, as an outcome.
 *
 * No I/O and no state.
 */

import { asFields, parseCondition } from "../core/condition.ts";
import type { Outcome, Receipt } from "../core/job.ts";
import type { RExit } from "./process.ts";

/** The last mark of a job. */
export interface Ending {
  /** `K`: evaluated, nothing to add; `E`: see the payload; `H`: not begun; `R`, `S`: not a job. */
  readonly mark: string;
  readonly payload: string;
}

/** The outcome of a job whose marks were lost. */
export const LOST_PLACE: Outcome = {
  kind: "crashed",
  signal: null,
  status: null,
  message: "R had lost its command channel to the code it ran",
};

/** Outcome and receipt fields of a job that R has ended by itself. */
export function endOutcome(
  ending: Ending,
): { outcome: Outcome; used: Partial<Receipt> } {
  if (ending.mark === "K") return { outcome: { kind: "ok" }, used: { cpuMs: 0 } };
  const end = asFields(JSON.parse(ending.payload));
  const used = { cpuMs: Number(end["cpu_ms"]), eventsDropped: Number(end["events_dropped"]) };
  if (typeof end["rejected"] === "string") {
    const message = end["rejected"];
    return { outcome: { kind: "rejected", code: "bad_request", message }, used };
  }
  if (end["error"] === undefined) return { outcome: { kind: "ok" }, used };
  return {
    outcome: { kind: "error", error: parseCondition(end["error"]), halted: end["halted"] === true },
    used,
  };
}

/** What R's end means for the job it was at, and for the next one: `why` finishes "R ...". */
export function crashOutcome(
  exit: RExit,
  leaving: string | undefined,
  stderrTail: string,
  killed: "lost its place" | "ignored a stop" | undefined,
): { outcome: Outcome; why: string } {
  if (killed === "ignored a stop") {
    const why = "had ignored an interrupt and was killed";
    return { outcome: crashed(exit, `R ${why}`), why };
  }
  if (killed) {
    const why = "had lost its command channel to the code it ran";
    return { outcome: crashed(exit, `R ${why}`), why };
  }
  if (exit.signal !== null) {
    const why = `had died of ${exit.signal}`;
    const last = stderrTail.trim().split("\n").slice(-5).join("\n");
    return { outcome: crashed(exit, last || `R ${why}`), why };
  }
  if (leaving === undefined) {
    const why = `had vanished with status ${exit.code}`;
    return { outcome: crashed(exit, `R ${why}`), why };
  }
  if (leaving !== "quit" && exit.code === 1) {
    const error = leaving === "halt"
      ? { kind: "error" as const, text: "R halted", call: null, classes: ["error", "condition"] }
      : parseCondition(JSON.parse(leaving));
    return { outcome: { kind: "error", error, halted: true }, why: "had halted on an error" };
  }
  const why = `had quit with status ${exit.code}`;
  return { outcome: { kind: "quit", status: exit.code }, why };
}

function crashed(exit: RExit, message: string): Outcome {
  const status = exit.signal === null ? exit.code : null;
  return { kind: "crashed", signal: exit.signal, status, message };
}
