/**
 * Plots as a job hands them over: their images, and the sizes these have.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { concat } from "../core/bytes.ts";
import { type Item, NO_WANTS, type PlotVariant } from "../core/item.ts";
import type { Outcome, Receipt } from "../core/job.ts";
import type { More, TestEngine } from "./engine.ts";

/** One image. */
export interface Plot {
  readonly page: number;
  readonly format: string;
  /** As the image itself has it: pixels of a PNG, points of an SVG. */
  readonly size: string;
  readonly bytes: Uint8Array;
  readonly problem: string | undefined;
}

/** A job that has ended, and its images. */
export interface Plotted {
  readonly plots: readonly Plot[];
  /** Pages and sizes, one word for each image. */
  readonly sizes: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
  readonly outcome: Outcome;
  readonly receipt: Receipt;
}

/** What is to happen behind each plot, or when there is output. */
export type Watched = More & { readonly onPlot?: () => void; readonly onOutput?: () => void };

/** Runs a job that wants plots. */
export async function plot(
  engine: TestEngine,
  code: string,
  plots: readonly PlotVariant[],
  { onPlot, onOutput, ...more }: Watched = {},
): Promise<Plotted> {
  const job = await engine.submit(code, { wants: { ...NO_WANTS, plots }, ...more });
  const made: Plot[] = [];
  const text = { stdout: "", stderr: "" };
  let open: { item: Item; parts: Uint8Array[] } | undefined;
  for await (const event of job.events) {
    if (event.kind === "stdout" || event.kind === "stderr") {
      text[event.kind] += new TextDecoder().decode(event.bytes);
      onOutput?.();
    }
    if (event.kind === "item") open = { item: event.item, parts: [] };
    if (event.kind === "item_bytes") open!.parts.push(event.bytes);
    if (event.kind === "item_end") {
      made.push(asPlot(open!.item, concat(open!.parts), event.problem));
      onPlot?.();
    }
    if (event.kind === "end") {
      const { outcome, receipt } = event;
      const sizes = made.map(({ page, format, size }) => `${page} ${format} ${size}`);
      return { plots: made, sizes, ...text, outcome, receipt };
    }
  }
  throw new Error("A job has no end");
}

function asPlot(item: Item, bytes: Uint8Array, problem: string | undefined): Plot {
  assert(item.kind === "plot");
  const { page, format } = item;
  const size = problem !== undefined ? "" : format === "png" ? sizeOfPng(bytes) : sizeOfSvg(bytes);
  return { page, format, size, bytes, problem };
}

function sizeOfPng(bytes: Uint8Array): string {
  assertEquals([...bytes.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  const header = new DataView(bytes.buffer, bytes.byteOffset);
  return `${header.getUint32(16)}x${header.getUint32(20)}`;
}

function sizeOfSvg(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  assertMatch(text, /<\/svg>\s*$/);
  return /viewBox="0 0 (\d+) (\d+)"/.exec(text)!.slice(1).join("x");
}
