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
  const used = {
    cpuMs: Number(end["cpu_ms"]),
    eventsDropped: Number(end["events_dropped"]),
    plots: Number(end["plots"] ?? 0),
  };
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
  const relayed = leaving === undefined ? exit.maybeSignal : undefined;
  const signal = exit.signal ?? relayed ?? maybeCaught(exit, stderrTail);
  if (signal !== null) {
    const why = `had died of ${signal}`;
    const last = stderrTail.trim().split("\n").slice(-5).join("\n");
    return { outcome: crashed({ ...exit, signal }, last || `R ${why}`), why };
  }
  if (leaving === undefined) {
    const why = exit.code === null ? "had vanished" : `had vanished with status ${exit.code}`;
    return { outcome: crashed(exit, `R ${why}`), why };
  }
  const quit = /^quit (-?\d+)$/.exec(leaving)?.[1];
  const status = exit.code ?? (quit === undefined ? 1 : Number(quit) & 0xff);
  if (leaving.startsWith("end ")) return { outcome: LOST_PLACE, why: "had ended with its job" };
  if (quit === undefined && status === 1) {
    const error = leaving === "halt"
      ? { kind: "error" as const, text: "R halted", call: null, classes: ["error", "condition"] }
      : parseCondition(JSON.parse(leaving));
    return { outcome: { kind: "error", error, halted: true }, why: "had halted on an error" };
  }
  const why = `had quit with status ${status}`;
  return { outcome: { kind: "quit", status }, why };
}

/** The signals R catches to say a last word, as it words them. */
const CAUGHT: Readonly<Record<string, Deno.Signal>> = {
  "segfault": "SIGSEGV",
  "bus error": "SIGBUS",
  "illegal operation": "SIGILL",
};

/** What R said it was dying of, when the system could not be asked any more. */
function maybeCaught(exit: RExit, stderrTail: string): Deno.Signal | null {
  if (exit.code !== null) return null;
  const words = /\*\*\* caught ([a-z ]+) \*\*\*/.exec(stderrTail)?.[1];
  return words === undefined ? null : CAUGHT[words] ?? null;
}

function crashed(exit: RExit, message: string): Outcome {
  const status = exit.signal === null ? exit.code : null;
  return { kind: "crashed", signal: exit.signal, status, message };
}
