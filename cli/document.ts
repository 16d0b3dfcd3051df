/**
 * The one JSON document of `rtool send --json`.
 */

import type { Condition, Outcome, Receipt } from "../core/job.ts";
import { exitStatus, maybeAdvice, outcomeText } from "../core/outcome.ts";
import { outcomeFields, receiptFields } from "../messages.ts";
import type { Output } from "./terminal.ts";

/** Collects a job. */
export interface Document {
  readonly stdout: Output;
  readonly stderr: Output;
  accepted(job: string): void;
  condition(condition: Condition): void;
  /** The text of the document. */
  end(outcome: Outcome, receipt: Receipt): string;
}

/** An empty document. Its size is bounded by the server's output limit. */
export function createDocument(): Document {
  const text = { stdout: "", stderr: "" };
  const conditions: Condition[] = [];
  let job: string | null = null;
  const collect = (name: "stdout" | "stderr"): Output => {
    const decoder = new TextDecoder();
    return {
      write: (bytes) => {
        text[name] += decoder.decode(bytes, { stream: true });
        return Promise.resolve();
      },
    };
  };
  return {
    stdout: collect("stdout"),
    stderr: collect("stderr"),
    accepted: (id) => job = id,
    condition: (condition) => conditions.push(condition),
    end: (outcome, receipt) =>
      JSON.stringify(
        {
          ...endFields(outcome, receipt),
          ...text,
          conditions,
          job,
        },
        null,
        2,
      ) + "\n",
  };
}

/** How a job ended, for programs. */
export function endFields(outcome: Outcome, receipt: Receipt): object {
  return {
    outcome: outcomeFields(outcome),
    message: outcomeText(outcome),
    hint: maybeAdvice(outcome),
    origin: originOf(outcome),
    exit_status: exitStatus(outcome),
    receipt: receiptFields(receipt),
  };
}

/** Who decided the exit status: the R code, or rtool. */
function originOf(outcome: Outcome): "r" | "rtool" {
  return ["ok", "error", "quit", "crashed"].includes(outcome.kind) ? "r" : "rtool";
}
