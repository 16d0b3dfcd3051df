/**
 * Operands that are words of rtool's own: which one is meant, and that there are no others.
 */

import { RtoolError } from "../core/errors.ts";
import { maybeNearest } from "../core/nearest.ts";
import type { Context } from "./context.ts";

/** The first operand as one of the words `command` knows; without an operand the first word. */
export function findSubcommand<W extends string>(
  command: string,
  given: string | undefined,
  words: readonly [W, ...W[]],
): W {
  if (given === undefined) return words[0];
  const word = words.find((each) => each === given);
  if (word !== undefined) return word;
  const nearest = maybeNearest(given, words);
  const hint = nearest ? `did you mean ${nearest}?` : `see: rtool ${command} --help`;
  throw new RtoolError("usage", `There is no 'rtool ${command} ${given.slice(0, 80)}'`, { hint });
}

/** Throws when there are operands a command does not take. */
export function refuseOperands({ operands, rest }: Context, command: string, taken = 0): void {
  const more = [...operands, ...rest][taken];
  if (more === undefined) return;
  throw new RtoolError("usage", `Cannot use the argument '${more.slice(0, 80)}'`, {
    hint: `see: rtool ${command} --help`,
  });
}
