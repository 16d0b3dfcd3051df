/**
 * Finds what dead workers have left behind: processes that had left their tree before its end.
 *
 * One look at the machine's processes serves all workers that have ended meanwhile.
 */

import { maybeStat, processesWith, sendSignal } from "./process_table.ts";
import { WORKER_VARIABLE } from "./spawn.ts";

/** How long after a worker's end its leftovers are looked for, in milliseconds. */
const DELAY_MS = 500;

/** So many looks each find nothing before a worker is forgotten. */
const LOOKS = 2;

/** Kills what carries the mark of a worker that has ended. */
export class Sweeper {
  readonly #ended = new Map<string, number>();
  /**
   * By the mark of a fork server, which all it has forked carries: that server and its forks, as
   * long as they live.
   */
  readonly #families = new Map<string, Set<number>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** A worker has ended. */
  add(id: string): void {
    if (this.#closed) return;
    this.#ended.set(id, LOOKS);
    this.#schedule();
  }

  /** What carries this mark belongs here only at or below such a process. */
  watch(id: string, pid: number): void {
    const family = this.#families.get(id) ?? new Set();
    this.#families.set(id, family.add(pid));
  }

  /** The fork server, or one of its forks, has ended; the others go on. */
  unwatch(id: string, pid: number): void {
    const family = this.#families.get(id);
    if (!family?.delete(pid) || family.size > 0) return;
    this.#families.delete(id);
    this.add(id);
  }

  /** Looks a last time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#ended.size === 0) return;
    for (let round = 0; round < 20 && this.#sweep() > 0; round++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sweep();
      for (const [id, looks] of this.#ended) {
        if (looks > 1) this.#ended.set(id, looks - 1);
        else this.#ended.delete(id);
      }
      if (this.#ended.size > 0) this.#schedule();
    }, DELAY_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** How many processes were killed. */
  #sweep(): number {
    const needles = new Map<string, string>();
    for (const id of [...this.#ended.keys(), ...this.#families.keys()]) {
      needles.set(`${WORKER_VARIABLE}=${id}`, id);
    }
    let killed = 0;
    for (const { pid, needle } of processesWith([...needles.keys()])) {
      const family = this.#families.get(needles.get(needle)!);
      if (family && belongsTo(pid, family)) continue;
      if (sendSignal(pid, "SIGKILL")) killed++;
    }
    return killed;
  }
}

/** Whether the process is one of these, or descends from one through living parents. */
function belongsTo(pid: number, family: ReadonlySet<number>): boolean {
  for (let at = pid; at > 1;) {
    if (family.has(at)) return true;
    const stat = maybeStat(at);
    if (!stat) return true; // It has ended: nothing to kill.
    at = stat.parent;
  }
  return false;
}
