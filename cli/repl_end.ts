/**
 * How a job in `rtool repl` ended, in one line: what R has not said, and what it means for the
 * session.
 */

import type { Outcome, Receipt } from "../core/job.ts";
import { outcomeText } from "../core/outcome.ts";

const KEPT = "the session's variables are kept";
const GONE = "the session's variables are gone";

/** The line, or `undefined` when R has said all there is to say. */
export function endText(outcome: Outcome, receipt: Receipt): string | undefined {
  const state = receipt.sessionSurvived ? KEPT : GONE;
  switch (outcome.kind) {
    case "ok":
      return undefined;
    case "error":
      return outcome.halted ? `R has ended; ${GONE}` : undefined;
    case "quit":
      return "R has ended, and the session with it";
    case "rejected":
    case "lost":
      return outcome.message;
    case "crashed":
      return `${outcomeText(outcome)}; ${GONE}`;
    case "cancelled":
    case "timeout":
    case "limited": {
      const what = outcome.kind === "cancelled" && outcome.reason === "client"
        ? "interrupted"
        : outcomeText(outcome);
      const how = receipt.rung === "kill" ? "; R ignored the interrupt and was killed" : "";
      return `${what}${how}; ${state}`;
    }
    default:
      return outcome satisfies never;
  }
}
