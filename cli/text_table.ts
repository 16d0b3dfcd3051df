/**
 * Rows of text in aligned columns.
 */

/** How one column is headed and aligned. */
export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
}

/** What stands where there is nothing to say. */
export const NOTHING = "-";

/** The table with its head; no line ends in blanks. */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines.map((line) => {
    const cells = line.map((cell, i) => {
      return columns[i]!.right ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!);
    });
    return `${cells.join("  ").trimEnd()}\n`;
  }).join("");
}
