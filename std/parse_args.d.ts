/**
 * The part of `@std/cli/parse-args` that rtool uses, declared by hand.
 */

/** What may be said about the flags; the names a literal list holds give the result its types. */
export interface ParseOptions<
  TString extends string = string,
  TBoolean extends string = string,
  TCollect extends string = string,
> {
  /** Puts what follows `--` into `"--"`, apart from the operands. @default {false} */
  readonly "--"?: boolean;
  /** Other names of a flag. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Flags that take no value. */
  readonly boolean?: TBoolean | readonly TBoolean[];
  /** Flags that may be given more than once; their value is a list. */
  readonly collect?: TCollect | readonly TCollect[];
  /** Values of flags that were not given. */
  readonly default?: Readonly<Record<string, unknown>>;
  /** Flags that `--no-NAME` turns off. */
  readonly negatable?: string | readonly string[];
  /** Stops at the first operand: what follows it is not parsed. @default {false} */
  readonly stopEarly?: boolean;
  /** Flags whose value is text, even one that looks like a number; `_` stands for the operands. */
  readonly string?: TString | readonly TString[];
  /** Called with each flag no list names, and with each operand; `false` leaves it out. */
  unknown?(arg: string, key?: string, value?: unknown): unknown;
}

/** Operands, flags by name, and what followed `--` where that was asked for. */
export type Args<
  TString extends string = string,
  TBoolean extends string = string,
  TCollect extends string = string,
> =
  & { [name: string]: unknown; _: ("_" extends TString ? string : string | number)[] }
  & { "--"?: string[] }
  & Flags<TBoolean, TCollect, boolean, boolean>
  & Flags<Exclude<TString, "_">, TCollect, string, string | undefined>;

/** Values of flags known by name; a list that is not literal says nothing about them. */
type Flags<TName extends string, TCollect extends string, TValue, TSingle> = string extends TName
  ? unknown
  : { [K in TName]: K extends TCollect ? TValue[] : TSingle };

/** Sorts command line arguments into flags and operands. */
export declare function parseArgs<
  const TString extends string = never,
  const TBoolean extends string = never,
  const TCollect extends string = never,
>(
  args: readonly string[],
  options?: ParseOptions<TString, TBoolean, TCollect>,
): Args<TString, TBoolean, TCollect>;
