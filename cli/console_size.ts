/**
 * How much fits on the user's terminal.
 */

/** Columns and rows; a usual size where the terminal does not say. */
export function consoleSize(): { readonly columns: number; readonly rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    if (columns > 0 && rows > 0) return { columns, rows };
  } catch {
    // There is no terminal to ask.
  }
  return { columns: 80, rows: 24 };
}
