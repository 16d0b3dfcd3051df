/**
 * Counts connections, by what they speak, and peers that were not let in.
 */

import type { Page } from "./page.ts";
import { Tally } from "./tally.ts";

/** What a connection speaks before it has said a word. */
const SILENT = "none";

/** Told from the start. */
const WIRES = ["native", "rpy2", SILENT];

/** Connections of one port. */
export class PortMetrics {
  readonly #open = new Tally<string>(WIRES);
  readonly #all = new Tally<string>(WIRES);
  #refused = 0;
  #failures = 0;

  opened(): void {
    this.#open.add(SILENT);
  }

  /** Its first line has said what it speaks, or it has ended without one. */
  spoke(wire: string): void {
    this.#open.add(SILENT, -1);
    this.#open.add(labelOf(wire));
    this.#all.add(labelOf(wire));
  }

  ended(wire: string): void {
    this.#open.add(labelOf(wire), -1);
  }

  /** It was refused: there are too many. */
  refused(): void {
    this.#refused++;
  }

  /** A peer was not let in. */
  failed(): void {
    this.#failures++;
  }

  /** Writes down what was counted. */
  tell(page: Page): void {
    for (const [wire, count] of this.#open.entries()) {
      page.set("rtool_connections", count, { wire });
    }
    for (const [wire, count] of this.#all.entries()) {
      page.set("rtool_connections_total", count, { wire });
    }
    page.set("rtool_connections_refused_total", this.#refused, {});
    page.set("rtool_auth_failures_total", this.#failures, {});
  }
}

function labelOf(wire: string): string {
  return wire.replaceAll(" ", "_");
}
