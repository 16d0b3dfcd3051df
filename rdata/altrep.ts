/**
 * Vectors that R writes as what they are made from: sequences, numbers to be strings, wrappers.
 *
 * Part of read.ts.
 */

import type { Budget } from "./budget.ts";
import { numberText } from "./number_text.ts";
import { NA_INTEGER, type RValue } from "./types.ts";
import { character, integer, isNaReal, numeric } from "./values.ts";

/** The vector itself; `undefined` when the class or its state is unknown. */
export function expand(name: string, state: RValue, budget: Budget): RValue | undefined {
  if (name === "compact_intseq" || name === "compact_realseq") {
    return expandSequence(name, state, budget);
  }
  const [first, second] = state.type === "list" ? state.values : [];
  if (name === "deferred_string") return first && stringsOf(first, second, budget);
  return name.startsWith("wrap_") ? first : undefined;
}

function expandSequence(name: string, state: RValue, budget: Budget): RValue | undefined {
  if (state.type !== "double" || state.values.length !== 3) return undefined;
  const [count, start, step] = state.values as unknown as [number, number, number];
  if (!(count >= 0) || !Number.isInteger(count)) return undefined;
  budget.sequence(count);
  const values = name === "compact_intseq" ? new Int32Array(count) : new Float64Array(count);
  for (let index = 0; index < count; index++) values[index] = start + index * step;
  return values instanceof Int32Array ? integer(values) : numeric(values);
}

/** As `as.character()` had them, under the `options(scipen =)` of its time. */
function stringsOf(
  numbers: RValue,
  scipen: RValue | undefined,
  budget: Budget,
): RValue | undefined {
  if (numbers.type !== "integer" && numbers.type !== "double") return undefined;
  budget.stringsMade(numbers.values.length);
  if (numbers.type === "integer") {
    return character(
      Array.from(numbers.values, (each) => each === NA_INTEGER ? null : String(each)),
    );
  }
  const penalty = scipen?.type === "integer" ? scipen.values[0] : 0;
  return character(
    Array.from(numbers.values, (each) => isNaReal(each) ? null : numberText(each, penalty)),
  );
}
