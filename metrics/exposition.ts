/**
 * The text Prometheus reads, format 0.0.4: families of samples in, lines out.
 *
 * Pure: knows no metric of rtool's.
 */

/** What is known of a metric before it has a value. */
export interface Family {
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence. */
  readonly help: string;
  /** Names of the labels every sample has, in their order. */
  readonly labels: readonly string[];
}

/** Observations by size. */
export interface Distribution {
  /** Upper bounds of the buckets, ascending; above the last there is one more bucket. */
  readonly bounds: readonly number[];
  /** Observations in each bucket, not counting those of smaller ones; one more than bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** One value of a metric; a histogram's is a distribution. */
export interface Sample {
  /** A value for each label of the family, in its order. */
  readonly labels: readonly string[];
  readonly value: number | Distribution;
}

/** What an answer in this format has for its type. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The lines of one family; none when it has no sample. */
export function familyText(name: string, family: Family, samples: readonly Sample[]): string {
  if (samples.length === 0) return "";
  const { type, help, labels: names } = family;
  let text = `# HELP ${name} ${escapedHelp(help)}\n# TYPE ${name} ${type}\n`;
  for (const { labels, value } of samples) {
    const pairs = names.map((label, index) => pairText(label, labels[index] ?? ""));
    text += typeof value === "number"
      ? lineText(name, pairs, value)
      : distributionText(name, pairs, value);
  }
  return text;
}

/** Buckets count all that is at or below their bound. */
function distributionText(
  name: string,
  pairs: readonly string[],
  { bounds, counts, sum }: Distribution,
): string {
  let text = "";
  let total = 0;
  for (const [index, bound] of [...bounds, Infinity].entries()) {
    total += counts[index] ?? 0;
    text += lineText(`${name}_bucket`, [...pairs, pairText("le", numberText(bound))], total);
  }
  return text + lineText(`${name}_sum`, pairs, sum) + lineText(`${name}_count`, pairs, total);
}

function lineText(name: string, pairs: readonly string[], value: number): string {
  const labels = pairs.length > 0 ? `{${pairs.join(",")}}` : "";
  return `${name}${labels} ${numberText(value)}\n`;
}

function pairText(label: string, value: string): string {
  return `${label}="${escapedHelp(value).replaceAll('"', '\\"')}"`;
}

/** A value may be anything; what would end the line or the escape is written as one. */
function escapedHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
