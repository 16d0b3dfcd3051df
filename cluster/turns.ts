/**
 * Who may ask for a job next, and whether there is a place for one that came. No I/O.
 *
 * Whoever asks waits in one line, and behind its turn goes to that line's end: so each kind of jobs
 * gets the next free place in its turn, however many jobs the others have.
 */

/** Leave to ask for one job. Disposing it lets the next one ask. */
export interface Turn extends Disposable {
  /** A place for the job that came, to be disposed when it has ended; nothing when none is left. */
  maybePlace(): Disposable | undefined;
}

/** Where there are jobs, one comes within this: the place is kept for it, in milliseconds. */
const KEPT_MS = 20;

/** The engine does not say when it has a place again: while somebody waits it is asked so often. */
const POLL_MS = 20;

/** The places of one server. */
export class Turns implements Disposable {
  readonly #placesMax: number;
  readonly #isFree: () => boolean;
  readonly #line: ((turn: Turn | undefined) => void)[] = [];
  #running = 0;
  /** Places that are kept for answers. */
  #kept = 0;
  #poll: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** `isFree`: whether the engine could begin a job. */
  constructor(placesMax: number, isFree: () => boolean) {
    this.#placesMax = placesMax;
    this.#isFree = isFree;
  }

  /** Waits for a turn; `undefined` when there will be none any more. */
  next(): Promise<Turn | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<Turn | undefined>();
    this.#line.push(resolve);
    this.#serve();
    return promise;
  }

  /** Gives no more turns, nor places. */
  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#poll);
    for (const resolve of this.#line.splice(0)) resolve(undefined);
  }

  #serve(): void {
    clearTimeout(this.#poll);
    while (this.#line.length > 0 && this.#hasRoom()) this.#line.shift()!(this.#begin());
    if (this.#line.length > 0) this.#poll = setTimeout(() => this.#serve(), POLL_MS);
  }

  #hasRoom(): boolean {
    return !this.#closed && this.#running + this.#kept < this.#placesMax && this.#isFree();
  }

  #begin(): Turn {
    let keeps = true;
    this.#kept++;
    const letGo = () => {
      if (keeps) this.#kept--;
      keeps = false;
      clearTimeout(timer);
    };
    const pass = () => {
      letGo();
      this.#serve();
    };
    const timer = setTimeout(pass, KEPT_MS);
    return {
      maybePlace: () => {
        letGo();
        return this.#hasRoom() ? this.#occupy() : undefined;
      },
      [Symbol.dispose]: pass,
    };
  }

  #occupy(): Disposable {
    this.#running++;
    let occupied = true;
    return {
      [Symbol.dispose]: () => {
        if (occupied) this.#running--;
        occupied = false;
        this.#serve();
      },
    };
  }
}
