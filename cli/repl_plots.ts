/**
 * The plots of a `rtool repl`, one file each, numbered behind those that are there.
 */

import type { Item, PlotVariant } from "../core/item.ts";
import type { ItemSink } from "./item_sink.ts";
import { fileFault } from "./local_file.ts";
import { PartFile } from "./part_file.ts";

/** How plots are drawn. */
export const REPL_PLOT: PlotVariant = { format: "png", width: 7, height: 5, dpi: 144 };

/** Takes the items that are plots. */
export class ReplPlots implements ItemSink {
  readonly dir: string;
  readonly #say: (line: string) => void;
  #number = 0;
  #path = "";
  #file: PartFile | undefined;

  /** Throws `unwritable_output` when there can be no such directory. */
  constructor(dir: string, say: (line: string) => void) {
    this.dir = dir;
    this.#say = say;
    try {
      Deno.mkdirSync(dir, { recursive: true });
      for (const { name } of Deno.readDirSync(dir)) {
        this.#number = Math.max(this.#number, numberOf(name));
      }
    } catch (cause) {
      throw fileFault("unwritable_output", `Cannot keep plots in ${dir}`, cause);
    }
  }

  begin(item: Item): void {
    if (item.kind !== "plot") return;
    const name = `plot-${String(++this.#number).padStart(3, "0")}.${item.format}`;
    this.#path = `${this.dir}/${name}`;
    this.#file = new PartFile(this.#path);
  }

  take(bytes: Uint8Array): void {
    this.#file?.write(bytes);
  }

  end(problem: string | undefined): void {
    const file = this.#file;
    this.#file = undefined;
    if (!file) return;
    if (problem === undefined) {
      file.commit();
      return this.#say(`plot in ${this.#path}`);
    }
    file.abandon();
    this.#say(`a plot is missing: ${problem}`);
  }
}

function numberOf(name: string): number {
  return Number(/^plot-(\d{3,9})\./.exec(name)?.[1] ?? 0);
}
