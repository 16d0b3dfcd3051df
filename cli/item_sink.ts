/**
 * Where the items of a job go: the value, plots, files. One after the other.
 */

import type { Item } from "../core/item.ts";

/** Takes items as they come. */
export interface ItemSink {
  begin(item: Item): Promise<void> | void;
  take(bytes: Uint8Array): Promise<void> | void;
  /** The item is whole, or `problem` says why it is not. */
  end(problem: string | undefined): Promise<void> | void;
}

/** Gives each kind of item to a sink of its own. */
export class ItemRouter implements ItemSink {
  readonly #sinks: Readonly<Partial<Record<Item["kind"], ItemSink>>>;
  #current: ItemSink | undefined;

  constructor(sinks: Readonly<Partial<Record<Item["kind"], ItemSink>>>) {
    this.#sinks = sinks;
  }

  async begin(item: Item): Promise<void> {
    this.#current = this.#sinks[item.kind];
    await this.#current?.begin(item);
  }

  async take(bytes: Uint8Array): Promise<void> {
    await this.#current?.take(bytes);
  }

  async end(problem: string | undefined): Promise<void> {
    await this.#current?.end(problem);
    this.#current = undefined;
  }
}
