/**
 * How long something is good for, as users say it: `30d`.
 */

import { RtoolError } from "../core/errors.ts";

const LIFE_MS: Readonly<Record<string, number>> = { m: 6e4, h: 36e5, d: 864e5 };

/** Ten years: who wants more wants no end. */
const LIFE_MS_MAX = 3650 * 864e5;

/** The value of `--expires` in milliseconds. */
export function lifeMs(text: string): number {
  const match = /^(\d{1,9})([mhd])$/.exec(text);
  const ms = match ? Number(match[1]) * LIFE_MS[match[2]!]! : 0;
  if (ms > 0 && ms <= LIFE_MS_MAX) return ms;
  throw new RtoolError("usage", `Cannot use --expires ${JSON.stringify(text.slice(0, 80))}`, {
    hint: "it is a whole number with m, h or d, such as 30d, and at most 3650d",
  });
}

/** `2026-11-23 01:05 UTC`. */
export function minuteOf(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}
