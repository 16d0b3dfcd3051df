/**
 * Log lines: `time level msg key=value ...` (logfmt), one event a line.
 *
 * Never given code or tokens. Strings are JSON-quoted when they hold anything but plain
 * characters, so a value can neither end its line nor reach the terminal as a control sequence.
 */

/** Values a log line may carry. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes one event. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** How much may wait for a slow stderr before lines are dropped and counted. */
const PENDING_CHARS_MAX = 1 << 20;

/** A log that hands whole lines to `write`, several at once when they come fast. */
export function createLog(write: (text: string) => Promise<void>): Log {
  let pending = "";
  let dropped = 0;
  let writing = false;
  const flush = async () => {
    writing = true;
    // One turn of the event loop gathers the lines of a burst into one write.
    await new Promise((resolve) => setTimeout(resolve, 0));
    while (pending !== "") {
      const text = pending;
      pending = "";
      await write(text).catch(() => {});
    }
    writing = false;
  };
  const line = (level: string, message: string, fields: LogFields = {}) => {
    if (pending.length > PENDING_CHARS_MAX) {
      dropped++;
      return;
    }
    if (dropped > 0) {
      pending += formatLine("error", "log lines dropped", { lines: dropped });
      dropped = 0;
    }
    pending += formatLine(level, message, fields);
    if (!writing) void flush(); // Never rejects.
  };
  return {
    info: (message, fields) => line("info", message, fields),
    error: (message, fields) => line("error", message, fields),
  };
}

function formatLine(level: string, message: string, fields: LogFields): string {
  let text = `time=${new Date().toISOString()} level=${level} msg=${quoted(message)}`;
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined) text += ` ${key}=${typeof value === "string" ? quoted(value) : value}`;
  }
  return text + "\n";
}

function quoted(text: string): string {
  if (/^[\w.:/@+-]+$/.test(text)) return text;
  return plainJson(text);
}

/** JSON whose every character shows: what could end a line or move a terminal is escaped. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
