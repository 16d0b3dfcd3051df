/**
 * A worker's life: every event in every state, from the picture in engine/states.ts.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { RtoolError } from "../core/errors.ts";
import { step, TRANSITIONS, type WorkerEvent, type WorkerState } from "../engine/states.ts";

const EVENTS: readonly WorkerEvent[] = ["ready", "assign", "done", "interrupt", "close", "exit"];

/** Written by hand from the picture: where each event leads, or `-` where it cannot happen. */
const LIFE: Readonly<Record<WorkerState, string>> = {
  //             ready assign done interrupt close exit
  starting: "     idle  -      -    -         closing dead",
  idle: "         -     busy   -    -         closing dead",
  busy: "         -     -      idle interrupting closing dead",
  interrupting: " -     -      idle -         closing dead",
  closing: "      -     -      -    -         closing dead",
  dead: "         -     -      -    -         -       -",
};

for (const [state, row] of Object.entries(LIFE) as [WorkerState, string][]) {
  for (const [index, next] of row.trim().split(/\s+/).entries()) {
    const event = EVENTS[index]!;
    if (next === "-") {
      Deno.test(`'${event}' cannot happen to a worker that is ${state}: a bug of ours`, () => {
        assertEquals(assertThrows(() => step(state, event), RtoolError).code, "internal");
      });
    } else {
      Deno.test(`'${event}' takes a worker that is ${state} to ${next}`, () => {
        assertEquals(step(state, event), next as WorkerState);
      });
    }
  }
}

Deno.test("the table has the states of the picture and no other", () => {
  assertEquals(Object.keys(TRANSITIONS), Object.keys(LIFE));
});

Deno.test("every state but dead can still reach dead, and dead is the end", () => {
  for (const state of Object.keys(LIFE) as WorkerState[]) {
    assertEquals(reachable(state).has("dead"), true, `${state} cannot die`);
  }
  assertEquals([...reachable("dead")], ["dead"]);
});

function reachable(from: WorkerState): Set<WorkerState> {
  const seen = new Set<WorkerState>([from]);
  for (const state of seen) for (const next of Object.values(TRANSITIONS[state])) seen.add(next);
  return seen;
}
