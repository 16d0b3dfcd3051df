/**
 * Sizes, times and counts as people read them. What options take is read in options.ts.
 */

const SIZE_UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

/** `64 MiB`, `1.5 GiB`, `812 bytes`: three digits that count. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return countText(Math.round(bytes), "byte");
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1000 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toPrecision(3))} ${SIZE_UNITS[unit]}`;
}

const DAY_S = 86_400;
const HOUR_S = 3600;
const MINUTE_S = 60;

/** `350 ms`, `1.5 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`: the two greatest units. */
export function timeText(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9995) return `${Number((ms / 1000).toFixed(2))} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < MINUTE_S) return `${seconds} s`;
  if (seconds < HOUR_S) return twoUnits(seconds, MINUTE_S, "min", 1, "s");
  if (seconds < DAY_S) return twoUnits(seconds, HOUR_S, "h", MINUTE_S, "min");
  return twoUnits(seconds, DAY_S, "d", HOUR_S, "h");
}

/** `1 job`, `3 jobs`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function twoUnits(
  seconds: number,
  greatS: number,
  great: string,
  smallS: number,
  small: string,
): string {
  const rest = Math.floor((seconds % greatS) / smallS);
  const whole = `${Math.floor(seconds / greatS)} ${great}`;
  return rest === 0 ? whole : `${whole} ${rest} ${small}`;
}
