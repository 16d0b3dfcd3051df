/**
 * A worker's life as a table. Every change of state goes through {@linkcode step}.
 *
 * ```
 * starting --ready--> idle --assign--> busy --done--> idle
 *                                      busy --interrupt--> interrupting --done--> idle
 * any of these --close--> closing --exit--> dead;  any --exit--> dead
 * ```
 */

import { RtoolError } from "../core/errors.ts";

/** Which event leads from which state to which. */
export const TRANSITIONS = {
  starting: { ready: "idle", close: "closing", exit: "dead" },
  idle: { assign: "busy", close: "closing", exit: "dead" },
  busy: { done: "idle", interrupt: "interrupting", close: "closing", exit: "dead" },
  interrupting: { done: "idle", close: "closing", exit: "dead" },
  closing: { close: "closing", exit: "dead" },
  dead: {},
} as const;

/** Where a worker is in its life. */
export type WorkerState = keyof typeof TRANSITIONS;

/** What can happen to a worker. */
export type WorkerEvent = "ready" | "assign" | "done" | "interrupt" | "close" | "exit";

/** The state after `event`; an impossible event is a bug of ours and throws `internal`. */
export function step(state: WorkerState, event: WorkerEvent): WorkerState {
  const row: Partial<Record<WorkerEvent, WorkerState>> = TRANSITIONS[state];
  const next = row[event];
  if (next === undefined) {
    throw new RtoolError("internal", `Cannot take '${event}' in the state '${state}' of a worker`);
  }
  return next;
}
