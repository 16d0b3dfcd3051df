/**
 * Who may evaluate now, and who is next: places, and the sessions that wait for one.
 *
 * Fair between principals, then in order. Knows nothing of a session but whose it is and whether it
 * still has work.
 */

/** Whoever can have a place. */
export interface Placed {
  /** Name of its principal. */
  readonly owner: string;
  /** Whether it still wants what it waits for. */
  readonly hasWork: boolean;
}

/** How many may evaluate at once. */
export interface PlacesOptions {
  readonly max: number;
  /** Most places of one principal. */
  readonly maxOf: (owner: string) => number;
}

/** A bounded number of places. */
export class Places<T extends Placed> {
  #options: PlacesOptions;
  readonly #waiting = new Set<T>();
  readonly #held = new Map<string, number>();
  #running = 0;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /** Places that are taken. */
  get running(): number {
    return this.#running;
  }

  /** Whether somebody waits; whoever has a place should then give it up when it can. */
  get contended(): boolean {
    for (const each of this.#waiting) {
      if (each.hasWork) return true;
      this.#waiting.delete(each);
    }
    return false;
  }

  reconfigure(options: PlacesOptions): void {
    this.#options = options;
  }

  /** Whether this principal would have to wait for a place. */
  full(owner: string): boolean {
    return this.#running >= this.#options.max || this.#of(owner) >= this.#options.maxOf(owner);
  }

  /** Takes a place, or stands in line for one. */
  take(one: T): boolean {
    if (this.full(one.owner)) {
      this.#waiting.add(one);
      return false;
    }
    this.#waiting.delete(one);
    this.#running++;
    this.#held.set(one.owner, this.#of(one.owner) + 1);
    return true;
  }

  /** Gives a place back; whoever should ask for it now. */
  leave(one: T): T | undefined {
    this.#running--;
    const left = this.#of(one.owner) - 1;
    if (left > 0) this.#held.set(one.owner, left);
    else this.#held.delete(one.owner);
    return this.#next();
  }

  /** How many stand before this one in line. */
  ahead(one: T): number {
    const line = [...this.#waiting];
    return Math.max(0, line.indexOf(one));
  }

  /** The first in line of the principal that has the fewest places. */
  #next(): T | undefined {
    let best: T | undefined;
    for (const each of this.#waiting) {
      if (!each.hasWork) this.#waiting.delete(each);
      else if (this.full(each.owner)) continue;
      else if (!best || this.#of(each.owner) < this.#of(best.owner)) best = each;
    }
    return best;
  }

  #of(owner: string): number {
    return this.#held.get(owner) ?? 0;
  }
}
