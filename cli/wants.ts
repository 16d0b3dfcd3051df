/**
 * What the options want of a job beside its output.
 */

import { RtoolError } from "../core/errors.ts";
import type { JobMode, JobWants, PlotVariant } from "../core/item.ts";
import { BATCH_MODE } from "../core/item.ts";
import type { Options } from "../core/options.ts";
import { filePair } from "./file_pair.ts";

/** The value, the plots and the files that are asked for. */
export function readWants(options: Options): JobWants {
  return {
    value: options.maybeText("value") !== undefined,
    plots: readPlots(options),
    files: options.list("get").map((pair) => filePair(pair).first),
  };
}

/** How R is to treat the code; `script` is its name. */
export function readMode(options: Options, script: string | undefined): JobMode {
  return {
    ...BATCH_MODE,
    echo: options.flag("echo"),
    lines: options.flag("lines") ? baseName(script ?? "stdin") : undefined,
  };
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** How plots are wanted, if they are to be kept. */
export function readPlots(options: Options): readonly PlotVariant[] {
  return options.maybeText("plots") === undefined ? [] : readVariants(options);
}

/** Every size in every format. */
export function readVariants(options: Options): readonly PlotVariant[] {
  const dpi = options.integer("plot-dpi");
  return options.list("plot-format").flatMap((format) => {
    if (format !== "png" && format !== "svg") {
      throw new RtoolError("usage", `Cannot draw plots as '${format}': they are png or svg`);
    }
    return options.list("plot-size").map((size) => ({ format, ...readSize(size), dpi }));
  });
}

function readSize(text: string): { width: number; height: number } {
  const [, width, height] = /^(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  const size = { width: Number(width), height: Number(height) };
  if (Object.values(size).every((inches) => inches >= 0.5 && inches <= 100)) return size;
  throw new RtoolError("usage", `Cannot draw plots of the size '${text}'`, {
    hint: "a size is width x height in inches, from 0.5 to 100: --plot-size 7x5",
  });
}
