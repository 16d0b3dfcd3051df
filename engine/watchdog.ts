/**
 * A process that ends all the server has started when the server dies, however it dies.
 *
 * The kernel ends an R with its parent where it is asked to, but neither what R has started nor an
 * R that was forked.
 */

import { maybeStat, sendSignal } from "./process_table.ts";
import { spawnWatchdog } from "./spawn.ts";

/** Watches over this process while it exists. Needs /proc; elsewhere there is none. */
export class Watchdog {
  readonly #child = maybeStat(Deno.pid) === undefined ? undefined : spawnWatchdog();

  /** Ends the watch: nothing is left to end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#child) return;
    sendSignal(this.#child.pid, "SIGKILL");
    await this.#child.status;
    await this.#child.stdin.abort().catch(() => {});
  }
}
