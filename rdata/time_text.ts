/**
 * Days and seconds since 1970 as text, and back. Plain numbers in and out; knows no R values.
 */

const DAY_SECONDS = 86_400;

/** JavaScript's own bound on dates, which is wider than anything R prints reliably. */
const DAYS_MAX = 1e8;

/** Offsets change at quarters of an hour and nowhere else, so one look-up serves each quarter. */
const QUARTER_SECONDS = 900;

/** Years R has no use for, but a table of offsets must end somewhere. */
const OFFSETS_MAX = 100_000;

/** `2024-01-31`, or `undefined` for what is no day. Parts of days are dropped. */
export function dateText(days: number): string | undefined {
  const whole = Math.floor(days);
  if (!(Math.abs(whole) <= DAYS_MAX)) return undefined;
  return datePart(new Date(whole * DAY_SECONDS * 1000));
}

/** The same with as few digits of the year as there are, which is how R prints it: `1-01-31`. */
export function shortYear(text: string | undefined): string | undefined {
  return text?.replace(/^0+(?=\d)/, "");
}

/** `2024-01-31T12:00:00.25Z`: up to microseconds, none when there are none. */
export function instantText(seconds: number): string | undefined {
  let whole = Math.floor(seconds);
  let micros = Math.round((seconds - whole) * 1e6);
  if (micros === 1e6) [whole, micros] = [whole + 1, 0];
  const text = clockText(whole, "T");
  if (text === undefined) return undefined;
  const fraction = micros === 0 ? "" : `.${String(micros).padStart(6, "0").replace(/0+$/, "")}`;
  return `${text}${fraction}Z`;
}

/** `2024-01-31 12:00:00` where the clocks stand `offset` seconds ahead of UTC. */
export function localText(seconds: number, offset: number): string | undefined {
  return clockText(Math.floor(seconds) + offset, " ");
}

/** How far the clocks of a time zone are ahead of UTC, in seconds, at an instant. */
export function createOffsets(zone: string): (seconds: number) => number {
  const format = findZoneFormat(zone);
  if (format === undefined) return () => 0;
  const known = new Map<number, number>();
  return (seconds) => {
    const quarter = Math.floor(seconds / QUARTER_SECONDS);
    let offset = known.get(quarter);
    if (offset === undefined) {
      offset = readOffset(format, quarter * QUARTER_SECONDS);
      if (known.size >= OFFSETS_MAX) known.clear();
      known.set(quarter, offset);
    }
    return offset;
  };
}

function clockText(seconds: number, between: string): string | undefined {
  if (!(Math.abs(seconds) <= DAYS_MAX * DAY_SECONDS)) return undefined;
  const date = new Date(seconds * 1000);
  return datePart(date) + between + date.toISOString().slice(-13, -5);
}

function datePart(date: Date): string {
  const text = date.toISOString();
  // Years outside 0 to 9999 have six digits and a sign; R writes as few as there are.
  const year = String(date.getUTCFullYear());
  return (text.length === 24 ? text.slice(0, 4) : year) + text.slice(-20, -14);
}

/** `undefined` for UTC and, as in R, for a zone that nobody knows. */
function findZoneFormat(zone: string): Intl.DateTimeFormat | undefined {
  if (/^(|UTC|GMT|Etc\/(UTC|GMT))$/.test(zone)) return undefined;
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
  } catch {
    return undefined;
  }
}

function readOffset(format: Intl.DateTimeFormat, seconds: number): number {
  if (!(Math.abs(seconds) <= DAYS_MAX * DAY_SECONDS)) return 0;
  const parts = format.formatToParts(seconds * 1000);
  const name = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  const found = /^GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name);
  if (found === null) return 0;
  const [, sign, hours, minutes, rest = "0"] = found;
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest);
  return sign === "-" ? -size : size;
}
