/**
 * What a principal with the grant `call` may call: functions by name, and what each argument must
 * be.
 *
 * Arguments come out as data that was made here: nothing that a client sent goes on as it came.
 * Must not know files, R or who asks.
 */

import { RtoolError } from "../core/errors.ts";
import { maybeNearest } from "../core/nearest.ts";
import type { RList, RValue } from "../rdata/types.ts";
import { attributeOf, character, list } from "../rdata/values.ts";
import { checkValue } from "./check_value.ts";
import type { Pattern } from "./pattern.ts";

/** What an argument may be. */
export const VALUE_TYPES = [
  "logical",
  "integer",
  "double",
  "character",
  "raw",
  "factor",
  "date",
  "datetime",
  "list",
  "data_frame",
  "any_data",
] as const;

/** One of {@linkcode VALUE_TYPES}. */
export type ValueType = typeof VALUE_TYPES[number];

/** What a value must be. */
export interface ValueSchema {
  readonly type: ValueType;
  /** One line for people. */
  readonly summary: string;
  /** May be left out. */
  readonly optional: boolean;
  /** Elements; of a data frame, rows. */
  readonly length: readonly [min: number, max: number];
  /** Whether elements may be missing: NA, and NaN among doubles. */
  readonly na: boolean;
  /** Whether elements may have names. */
  readonly names: boolean;
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** The only values there are; of a factor, the only levels. */
  readonly choices: readonly (string | number)[] | undefined;
  readonly pattern: Pattern | undefined;
  /** Characters of each text. */
  readonly charsMax: number;
  /** What each element of a list must be. */
  readonly items: ValueSchema | undefined;
  /** The only elements of a list, or columns of a data frame. */
  readonly fields: ReadonlyMap<string, ValueSchema> | undefined;
}

/** One function that may be called. */
export interface RegisteredFunction {
  /** `name` or `package::name`. */
  readonly name: string;
  readonly summary: string;
  /** In the order in which arguments without names are taken. */
  readonly arguments: ReadonlyMap<string, ValueSchema>;
}

/** All that may be called. */
export interface Registry {
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  /** File of R code that defines functions of the operator's own, to be run before any job. */
  readonly script: string | undefined;
}

/**
 * The arguments to call the function with: all named, in the registry's order. Throws
 * `not_allowed` for a function that is not registered, `bad_request` for an argument that is not,
 * or is missing, and `bad_value` for one that is not what it must be.
 */
export function checkCall(registry: Registry, functionName: string, args: RList): RList {
  const registered = registry.functions.get(functionName);
  if (!registered) {
    throw new RtoolError("not_allowed", `You may not call ${clipped(functionName)}`, {
      hint: "see: rtool call --list",
    });
  }
  const given = matchArguments(registered, args);
  const names: string[] = [];
  const values: RValue[] = [];
  for (const [name, schema] of registered.arguments) {
    const value = given.get(name);
    if (value === undefined && schema.optional) continue;
    if (value === undefined) {
      throw new RtoolError("bad_request", `${functionName} needs the argument '${name}'`);
    }
    names.push(name);
    values.push(checkValue(value, schema, { functionName, path: name }));
  }
  return names.length === 0 ? list([]) : list(values, [["names", character(names)]]);
}

/** Which value is which argument: by whole names first, the others in order. */
function matchArguments(registered: RegisteredFunction, args: RList): Map<string, RValue> {
  const names = namesOf(args);
  const given = new Map<string, RValue>();
  for (const [index, value] of args.values.entries()) {
    const name = names[index]!;
    if (name === "") continue;
    if (!registered.arguments.has(name)) throw unknownArgument(registered, name);
    if (given.has(name)) {
      throw new RtoolError("bad_request", `The argument '${name}' comes twice`);
    }
    given.set(name, value);
  }
  const free = [...registered.arguments.keys()].filter((name) => !given.has(name));
  for (const [index, value] of args.values.entries()) {
    if (names[index] !== "") continue;
    const name = free.shift();
    if (name === undefined) {
      const most = registered.arguments.size;
      const message = `${registered.name} takes at most ${most} arguments, not argument ${
        index + 1
      }`;
      throw new RtoolError("bad_request", message);
    }
    given.set(name, value);
  }
  return given;
}

function namesOf(args: RList): readonly string[] {
  const unnamed = args.values.map(() => "");
  const strange = args.attributes.find(([name]) => name !== "names");
  if (strange || args.form !== "list") {
    throw new RtoolError("bad_value", "The arguments of a call must be a plain list");
  }
  const names = attributeOf(args, "names");
  if (names === undefined) return unnamed;
  const isWhole = names.type === "character" && names.values.length === args.values.length;
  const texts = isWhole ? names.values.filter((name) => typeof name === "string") : [];
  if (texts.length === args.values.length) return texts;
  throw new RtoolError("bad_value", "The names of the arguments of a call must be text");
}

function unknownArgument(registered: RegisteredFunction, name: string): RtoolError {
  const nearest = maybeNearest(name.slice(0, 80), [...registered.arguments.keys()]);
  return new RtoolError(
    "bad_request",
    `${registered.name} takes no argument ${clipped(name)}`,
    nearest === undefined ? {} : { hint: `did you mean '${nearest}'?` },
  );
}

function clipped(name: string): string {
  return name.length > 80 ? `${JSON.stringify(name.slice(0, 80))}...` : JSON.stringify(name);
}
