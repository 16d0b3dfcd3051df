/**
 * The items a job hands over, held to their bounds: value, plots, files.
 *
 * Part of job.ts; knows no R.
 */

import { asFields, type Fields } from "../core/condition.ts";
import { RtoolError } from "../core/errors.ts";
import type { Item, ItemBounds } from "../core/item.ts";
import type { JobEvent, LimitReached } from "../core/job.ts";

/** Largest event of an item: one frame. */
const PIECE_BYTES_MAX = 1 << 16;

/** One job's items, one after the other. */
export class JobItems {
  readonly #bounds: ItemBounds;
  readonly #push: (event: JobEvent) => void;
  #open: Item | undefined;
  #room = 0;
  #plots = 0;
  #fileBytes = 0;
  #problem: string | undefined;

  constructor(bounds: ItemBounds, push: (event: JobEvent) => void) {
    this.#bounds = bounds;
    this.#push = push;
  }

  /** Whether what comes now belongs to an item. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** R begins an item; `head` is its mark's payload. */
  begin(head: string): void {
    const item = parseItem(asFields(JSON.parse(head)));
    this.#open = item;
    this.#problem = undefined;
    this.#room = this.#roomFor(item);
    if (item.kind === "plot" && ++this.#plots > this.#bounds.plotsMax) {
      this.#problem = `more than ${this.#bounds.plotsMax} plots`;
    }
    this.#push({ kind: "item", item });
  }

  /** Bytes of the open item. What exceeds a bound is left out; a limit ends the job: the result. */
  take(bytes: Uint8Array): LimitReached | undefined {
    const item = this.#open;
    if (!item || this.#problem !== undefined) return undefined;
    if (bytes.length > this.#room) {
      this.#problem = "it is larger than it may be";
      return this.#maybeLimit(item);
    }
    this.#room -= bytes.length;
    if (item.kind === "file") this.#fileBytes += bytes.length;
    for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX) {
      this.#push({ kind: "item_bytes", bytes: bytes.subarray(at, at + PIECE_BYTES_MAX) });
    }
    return undefined;
  }

  /** R has ended the item, and says what went wrong with it, or nothing. */
  end(problem: string): void {
    if (this.#open) {
      this.#push({ kind: "item_end", problem: this.#problem ?? (problem || undefined) });
    }
    this.#open = undefined;
  }

  #roomFor(item: Item): number {
    if (item.kind === "value") return this.#bounds.valueMax;
    return item.kind === "plot"
      ? this.#bounds.plotSizeMax
      : this.#bounds.filesMax - this.#fileBytes;
  }

  /** A plot is left out; without its value or a file a job has not done what it was asked for. */
  #maybeLimit({ kind }: Item): LimitReached | undefined {
    const { valueMax, filesMax } = this.#bounds;
    if (kind === "value") return { kind: "limited", limit: "value", max: valueMax };
    return kind === "file" ? { kind: "limited", limit: "files", max: filesMax } : undefined;
  }
}

/** What R says of an item: our own words, but user code can forge them. */
function parseItem(fields: Fields): Item {
  const { kind, page, format, width, height, dpi, path } = fields;
  if (kind === "value") return { kind };
  if (kind === "file" && typeof path === "string") return { kind, path };
  const isPlot = kind === "plot" && (format === "png" || format === "svg") &&
    [page, width, height, dpi].every((each) => typeof each === "number" && each > 0);
  if (!isPlot) throw new RtoolError("bad_frame", "R handed over what nobody knows");
  return { kind, format, page, width, height, dpi } as Item;
}
