/**
 * The report as text: a table for the terminal, or Markdown for docs/performance.md.
 *
 * Knows results and how figures are written. Must not know how they came about.
 */

import type { Budget, Comparison, Report, Result, Spread, Unit } from "./compare.ts";

/** How a table is drawn. */
export type Style = "plain" | "markdown";

const HEAD = ["measure", "who", "median", "rounds", "p99", "rtool / peer", "budget"];

/** Columns that hold figures, and stand at the right. */
const FIGURES = new Set([2, 3, 4, 5]);

/** All reports in one table. */
export function formatReports(reports: readonly Report[], style: Style): string {
  const rows = reports.flatMap((report) => report.results.map((result) => row(report, result)));
  return style === "markdown" ? drawMarkdown(rows) : drawPlain(rows);
}

function row({ comparison, met, results }: Report, result: Result): string[] {
  const { unit, budget, title } = comparison;
  const isRtool = result === results[0];
  const carriesBudget = budget &&
    (budget.kind === "value" ? isRtool : budget.to === result.name);
  return [
    isRtool ? title : "",
    result.name,
    `${figure(result.value.median)} ${unit}`,
    `${figure(result.value.min)} - ${figure(result.value.max)}`,
    result.p99 === undefined ? "" : `${figure(result.p99)} ${unit}`,
    result.ratio ? formatRatio(result.ratio) : "",
    carriesBudget ? formatBudget(comparison, budget, met) : "",
  ];
}

function formatRatio({ median, min, max }: Spread): string {
  return `${figure(median)}x (${figure(min)} - ${figure(max)})`;
}

function formatBudget({ unit }: Comparison, budget: Budget, met: boolean | undefined): string {
  const sign = unit === "us" || unit === "ms" ? "<=" : ">=";
  const limit = budget.kind === "ratio" ? `${budget.limit}x` : formatLimit(budget.limit, unit);
  return `${sign} ${limit}: ${met ? "kept" : "MISSED"}`;
}

function formatLimit(limit: number, unit: Unit): string {
  return `${figure(limit)} ${unit}`;
}

/** Three significant digits, and thousands set apart. */
export function figure(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

function drawMarkdown(rows: readonly string[][]): string {
  const rule = HEAD.map((_, i) => FIGURES.has(i) ? "---:" : "---");
  return [HEAD, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function drawPlain(rows: readonly string[][]): string {
  const widths = HEAD.map((head, i) => Math.max(head.length, ...rows.map((r) => r[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => FIGURES.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))
      .join("  ").trimEnd();
  return [line(HEAD), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)]
    .join("\n");
}
