/**
 * What comes with a job, is wanted of it and handed over, as it stands in frames, both ways.
 *
 * Part of messages.ts. No I/O.
 */

import { asFields, type Fields } from "./core/condition.ts";
import { RtoolError } from "./core/errors.ts";
import type { Item, JobMode, JobWants, PlotVariant, Upload, UploadTarget } from "./core/item.ts";
import { flag, integer, objects, oneOf, optional, text, texts } from "./messages_fields.ts";

/** Most of what a `submit` may list; its frame has no more room anyhow. */
const LISTED_MAX = 1000;

/** What a client wants of a job, as it stands in a `submit` frame. */
export function wantsFields({ value, plots, files }: JobWants): Fields {
  return {
    ...(value ? { value } : {}),
    ...(plots.length > 0 ? { plots } : {}),
    ...(files.length > 0 ? { files } : {}),
  };
}

/** Reads what a client wants. */
export function parseWants(fields: Fields): JobWants {
  return {
    value: optional(fields, "value", flag) ?? false,
    plots: (optional(fields, "plots", objects) ?? []).map(parseVariant),
    files: few("files", optional(fields, "files", texts) ?? []),
  };
}

/** How R is to treat the code, as it stands in a `submit` frame. */
export function modeFields({ echo, lines, interactive, aside }: JobMode): Fields {
  return {
    ...(echo ? { echo } : {}),
    ...(lines === undefined ? {} : { lines }),
    ...(interactive ? { interactive } : {}),
    ...(aside ? { aside } : {}),
  };
}

/** Reads how R is to treat the code. */
export function parseMode(fields: Fields): JobMode {
  return {
    echo: optional(fields, "echo", flag) ?? false,
    lines: optional(fields, "lines", text),
    interactive: optional(fields, "interactive", flag) ?? false,
    aside: optional(fields, "aside", flag) ?? false,
  };
}

/** Uploads that a `submit` frame announces; their bytes follow in this order. */
export function uploadsFields(uploads: readonly Upload[]): Fields {
  if (uploads.length === 0) return {};
  return { uploads: uploads.map(({ target, bytes }) => ({ ...target, bytes })) };
}

/** Reads the announced uploads. */
export function parseUploads(fields: Fields): readonly Upload[] {
  return few("uploads", optional(fields, "uploads", objects) ?? []).map((each) => ({
    target: parseTarget(each),
    bytes: integer(each, "bytes", 0, Number.MAX_SAFE_INTEGER),
    path: undefined,
  }));
}

function parseTarget(fields: Fields): UploadTarget {
  const kind = oneOf(fields, "kind", ["file", "data", "arguments"]);
  if (kind === "file") return { kind, path: text(fields, "path") };
  return kind === "data" ? { kind, name: text(fields, "name") } : { kind };
}

/** An item as it stands in an `item` frame. */
export function itemFields(item: Item): Fields {
  return item as unknown as Fields;
}

/** Reads an `item` frame. */
export function parseItem(fields: Fields): Item {
  const kind = oneOf(fields, "kind", ["value", "plot", "file"]);
  if (kind === "value") return { kind };
  if (kind === "file") return { kind, path: text(fields, "path") };
  return { kind, ...parseVariant(fields), page: integer(fields, "page", 1, 2 ** 31 - 1) };
}

/** The end of an item, as it stands in an `item_end` frame. */
export function itemEndFields(problem: string | undefined): Fields {
  return problem === undefined ? {} : { problem };
}

/** Reads an `item_end` frame: what is wrong with the item, or nothing. */
export function parseItemEnd(fields: Fields): string | undefined {
  return optional(fields, "problem", text);
}

function parseVariant(fields: Fields): PlotVariant {
  return {
    format: oneOf(fields, "format", ["png", "svg"]),
    width: size(fields, "width"),
    height: size(fields, "height"),
    dpi: integer(fields, "dpi", 10, 2400),
  };
}

/** Inches, within what a device can draw. */
function size(fields: Fields, key: string): number {
  const value = asFields(fields)[key];
  if (typeof value === "number" && value >= 0.5 && value <= 100) return value;
  throw new RtoolError("bad_request", `'${key}' must be a number of inches from 0.5 to 100`);
}

function few<T>(key: string, list: readonly T[]): readonly T[] {
  if (list.length <= LISTED_MAX) return list;
  throw new RtoolError("bad_request", `'${key}' lists ${list.length}; the most is ${LISTED_MAX}`);
}
