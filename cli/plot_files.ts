/**
 * Plots as files, with --plots, and what is said of plots nobody keeps.
 */

import { toRtoolError } from "../core/errors.ts";
import type { Item, PlotVariant } from "../core/item.ts";
import type { Receipt } from "../core/job.ts";
import type { Options } from "../core/options.ts";
import type { Audience } from "./follow.ts";
import type { ItemSink } from "./item_sink.ts";
import { fileFault } from "./local_file.ts";
import { PartFile } from "./part_file.ts";
import { readVariants } from "./wants.ts";

/** What --plots wants, if it is given: its directory is there then, and can be written to. */
export function maybePlotSink(
  options: Options,
  say: (line: string) => void,
): ItemSink | undefined {
  const dir = options.maybeText("plots");
  if (dir === undefined) return undefined;
  makeWritable(dir);
  return new PlotFiles(dir, readVariants(options), say);
}

/** One line when plots were made and are gone. */
export function tellLostPlots(options: Options, audience: Audience, { plots }: Receipt): void {
  if (plots === 0 || audience.quiet || audience.document || audience.lines) return;
  if (options.maybeText("plots") !== undefined) return;
  const [made, them] = plots === 1 ? ["plot was", "it"] : ["plots were", "them"];
  audience.say(`${plots} ${made} made; keep ${them} with --plots DIR`);
}

/** `plot-001.png` and so on; what is there already of these names is replaced. */
class PlotFiles implements ItemSink {
  readonly #dir: string;
  readonly #say: (line: string) => void;
  readonly #severalSizes: boolean;
  #file: PartFile | undefined;
  #name = "";

  constructor(dir: string, variants: readonly PlotVariant[], say: (line: string) => void) {
    this.#dir = dir;
    this.#say = say;
    this.#severalSizes = new Set(variants.map(sizeOf)).size > 1;
  }

  begin(item: Item): void {
    if (item.kind !== "plot") return;
    const size = this.#severalSizes ? `-${sizeOf(item)}` : "";
    this.#name = `plot-${String(item.page).padStart(3, "0")}${size}.${item.format}`;
    this.#try(() => this.#file = new PartFile(`${this.#dir}/${this.#name}`));
  }

  take(bytes: Uint8Array): void {
    this.#try(() => this.#file?.write(bytes));
  }

  end(problem: string | undefined): void {
    const file = this.#file;
    if (problem !== undefined) return this.#giveUp(problem);
    this.#file = undefined; // Nothing is left of it when it cannot have its name.
    this.#try(() => file?.commit());
  }

  /** The job goes on, whatever becomes of its plots. */
  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#giveUp(toRtoolError(error).message);
    }
  }

  #giveUp(why: string): void {
    const file = this.#file;
    this.#file = undefined;
    this.#say(`${this.#name} was not kept: ${why}`);
    file?.abandon();
  }
}

function makeWritable(dir: string): void {
  try {
    Deno.mkdirSync(dir, { recursive: true });
    Deno.removeSync(Deno.makeTempFileSync({ dir, prefix: ".rtool-" }));
  } catch (cause) {
    throw fileFault("unwritable_output", `Cannot keep plots in ${dir}`, cause);
  }
}

function sizeOf({ width, height }: PlotVariant): string {
  return `${width}x${height}`;
}
