/**
 * The words of `rtool repl` that are not R: no R code begins with a colon.
 */

import { maybeNearest } from "../core/nearest.ts";

/** What a line that begins with a colon asks for. */
export type ReplCommand =
  | { readonly kind: "help" }
  | { readonly kind: "quit" }
  | {
    readonly kind: "plots";
    /** Where plots are to be kept, or "off"; nothing asks where they are. */
    readonly dir: string | undefined;
  }
  | { readonly kind: "session"; readonly name: string | undefined }
  /** Not understood, and why. */
  | { readonly kind: "mistake"; readonly text: string };

/** What `:help` shows. */
export const REPL_HELP =
  `:plots DIR      keep the plots of what follows in DIR; :plots off: no longer
:session NAME   go on in another session
:help           this
:quit           leave; the session stays (also Ctrl-D)
Ctrl-C stops what runs, or clears the line. Tab completes. q() in R ends the session's R.
`;

const WORDS = ["help", "quit", "plots", "session"] as const;

/** Reads a line that begins with a colon; `undefined` when it is for R. */
export function maybeReplCommand(line: string): ReplCommand | undefined {
  const [, word, rest = ""] = /^\s*:\s*(\S*)\s*(.*?)\s*$/.exec(line) ?? [];
  if (word === undefined) return undefined;
  const operand = rest === "" ? undefined : rest;
  switch (word as (typeof WORDS)[number]) {
    case "help":
    case "quit":
      return operand === undefined
        ? { kind: word as "help" | "quit" }
        : { kind: "mistake", text: `:${word} takes nothing behind it` };
    case "plots":
      return { kind: "plots", dir: operand };
    case "session":
      return { kind: "session", name: operand };
    default: {
      const nearest = maybeNearest(word, WORDS);
      const hint = nearest ? `did you mean :${nearest}?` : "see :help";
      return { kind: "mistake", text: `there is no :${word}; ${hint}` };
    }
  }
}
