/**
 * Vectors that R writes as what they are made from: sequences, numbers to be strings, wrappers.
 *
 * Part of read.ts.
 */

import { numberText } from "./number_text.ts";
import { NA_INTEGER, type RDouble, type RValue } from "./types.ts";
import { character, integer, isNaReal, numeric } from "./values.ts";

/** The vector itself; `undefined` when the class or its state is unknown, or it is too long. */
export function expand(name: string, state: RValue, sequenceMax: number): RValue | undefined {
  if (name === "compact_intseq" || name === "compact_realseq") {
    return expandSequence(name, state, sequenceMax);
  }
  const [first] = state.type === "list" ? state.values : [];
  if (name === "deferred_string") return first && stringsOf(first);
  return name.startsWith("wrap_") ? first : undefined;
}

function expandSequence(name: string, state: RValue, sequenceMax: number): RValue | undefined {
  if (state.type !== "double" || state.values.length !== 3) return undefined;
  const [count, start, step] = state.values as unknown as [number, number, number];
  if (!(count >= 0 && count <= sequenceMax) || !Number.isInteger(count)) return undefined;
  const values = name === "compact_intseq" ? new Int32Array(count) : new Float64Array(count);
  for (let index = 0; index < count; index++) values[index] = start + index * step;
  return values instanceof Int32Array ? integer(values) : numeric(values);
}

/** As `as.character()` has them. */
function stringsOf(numbers: RValue): RValue | undefined {
  if (numbers.type === "integer") {
    return character(
      Array.from(numbers.values, (each) => each === NA_INTEGER ? null : String(each)),
    );
  }
  return numbers.type === "double" ? textsOf(numbers) : undefined;
}

function textsOf({ values }: RDouble): RValue {
  return character(Array.from(values, (each) => isNaReal(each) ? null : numberText(each)));
}
