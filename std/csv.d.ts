/**
 * The part of `@std/csv` that rtool uses, declared by hand.
 */

/** What may be said about the text. */
export interface ParseOptions {
  /** How many fields every record has to have; 0 stands for as many as the first has. */
  readonly fieldsPerRecord?: number;
  /** Takes a quote in an unquoted field for itself. @default {false} */
  readonly lazyQuotes?: boolean;
  /** @default {","} */
  readonly separator?: string;
}

/**
 * The records of a text and their fields. Empty lines are none.
 *
 * @throws {SyntaxError} A record is not what was asked for; the message names the line.
 */
export declare function parse(input: string, options?: ParseOptions): string[][];
