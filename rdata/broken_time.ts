/**
 * R's `POSIXlt`, a list of seconds, minutes and so on, as the seconds since 1970 it stands for.
 *
 * Knows no text.
 */

import { hasClass, zoneOf } from "./columns.ts";
import { createOffsets } from "./time_text.ts";
import { NA_INTEGER, type RDouble, type RList, type RValue } from "./types.ts";
import { attributeOf, character, isNaReal, NA_REAL, numeric } from "./values.ts";

/** What `as.POSIXct()` would make of it; any other value as it is. */
export function toInstants(value: RValue): RValue {
  return value.type === "list" && hasClass(value, "POSIXlt") ? joinTime(value) : value;
}

function joinTime(value: RList): RDouble {
  const zone = zoneOf(value);
  const offsetAt = createOffsets(zone);
  const fields = ["sec", "min", "hour", "mday", "mon", "year"].map((name) => fieldOf(value, name));
  const offsets = fieldOf(value, "gmtoff");
  const count = Math.max(0, ...fields.map((field) => field.length));
  const seconds = Float64Array.from({ length: count }, (_, index) => {
    const parts = fields.map((field) => at(field, index));
    if (parts.some(Number.isNaN)) return NA_REAL;
    const local = joinParts(parts);
    const offset = offsets.length === 0 ? NaN : at(offsets, index);
    // The clock's own time is near enough to find the offset, except within hours of a change.
    return local - (Number.isNaN(offset) ? offsetAt(local - offsetAt(local)) : offset);
  });
  return numeric(seconds, [
    ["class", character(["POSIXct", "POSIXt"])],
    ["tzone", character([zone])],
  ]);
}

function joinParts(parts: readonly number[]): number {
  const [sec = 0, min = 0, hour = 0, mday = 1, mon = 0, year = 70] = parts;
  const day = new Date(0);
  // Not Date.UTC(), which takes a year below 100 for one of the last century.
  day.setUTCFullYear(1900 + year, mon, mday);
  return day.getTime() / 1000 + hour * 3600 + min * 60 + sec;
}

/** The numbers of one field, `NaN` where they are missing; short ones are repeated, as R does. */
function fieldOf(value: RList, name: string): readonly number[] {
  const names = attributeOf(value, "names");
  const index = names?.type === "character" ? names.values.indexOf(name) : -1;
  const field = value.values[index];
  if (field?.type === "integer") {
    return Array.from(field.values, (number) => number === NA_INTEGER ? NaN : number);
  }
  if (field?.type !== "double") return [];
  return Array.from(field.values, (number) => isNaReal(number) ? NaN : number);
}

function at(field: readonly number[], index: number): number {
  return field.length === 0 ? NaN : field[index % field.length]!;
}
