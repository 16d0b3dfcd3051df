/**
 * Rounds and statistics: the contenders of one comparison take turns, so that noise hits all alike.
 *
 * Knows numbers only. Must not know what is measured or how it is shown.
 */

/** One side of a comparison. */
export interface Contender {
  readonly name: string;
  /** One round: its samples, in the comparison's unit. */
  sample(): Promise<readonly number[]>;
}

/** One line of the report: rtool first, then whom it is measured against. */
export interface Comparison {
  /** What `--only` matches. */
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly rounds: number;
  readonly contenders: readonly Contender[];
  readonly budget: Budget | undefined;
}

/** The first two are better when smaller, the others when larger. */
export type Unit = "us" | "ms" | "/s" | "MB/s";

/** What rtool promises: a figure of its own, or a ratio to one of the others. */
export type Budget =
  | { readonly kind: "value"; readonly limit: number }
  | { readonly kind: "ratio"; readonly limit: number; readonly to: string };

/** A figure with the least and the most it was in any round. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What came out for one contender. */
export interface Result {
  readonly name: string;
  readonly value: Spread;
  /** The 99th percentile of all samples, where there are enough of them to tell. */
  readonly p99: number | undefined;
  /** rtool's figure divided by this contender's, round by round; `undefined` for rtool itself. */
  readonly ratio: Spread | undefined;
}

/** A comparison with its results. */
export interface Report {
  readonly comparison: Comparison;
  readonly results: readonly Result[];
  /** Whether the budget was kept; `undefined` where there is none. */
  readonly met: boolean | undefined;
}

const P99_SAMPLES_MIN = 500;

/** Whether a smaller figure is the better one. */
export function smallerIsBetter(unit: Unit): boolean {
  return unit === "us" || unit === "ms";
}

/** Runs one round of each contender to warm up, then the counted rounds. */
export async function compare(comparison: Comparison): Promise<Report> {
  const samples = comparison.contenders.map((): (readonly number[])[] => []);
  for (const contender of comparison.contenders) await contender.sample();
  for (let round = 0; round < comparison.rounds; round++) {
    for (const [i, contender] of comparison.contenders.entries()) {
      samples[i]!.push(await contender.sample());
    }
  }
  const results = summarise(comparison, samples);
  return { comparison, results, met: isMet(comparison, results) };
}

function summarise(
  comparison: Comparison,
  samples: readonly (readonly (readonly number[])[])[],
): Result[] {
  const medians = samples.map((rounds) => rounds.map(median));
  return comparison.contenders.map(({ name }, i) => ({
    name,
    value: spread(medians[i]!),
    p99: percentile99(samples[i]!.flat()),
    ratio: i === 0 ? undefined : spread(medians[0]!.map((own, k) => own / medians[i]![k]!)),
  }));
}

function isMet({ budget, unit }: Comparison, results: readonly Result[]): boolean | undefined {
  if (!budget) return undefined;
  const measured = budget.kind === "value"
    ? results[0]?.value.median
    : results.find(({ name }) => name === budget.to)?.ratio?.median;
  if (measured === undefined) return undefined;
  return smallerIsBetter(unit) ? measured <= budget.limit : measured >= budget.limit;
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot take the median of nothing");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function percentile99(values: readonly number[]): number | undefined {
  if (values.length < P99_SAMPLES_MIN) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1];
}
