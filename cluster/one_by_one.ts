/**
 * What has one name is done one after the other, in the order in which it was asked for.
 */

/** Whose turn it is, by name. */
export class OneByOne {
  /** The last in line. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does it when all before it of that name have been done, or have failed. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const turn = (async () => {
      await before?.catch(() => {}); // Whose turn it was has been told.
      return await work();
    })();
    this.#last.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(name) === turn) this.#last.delete(name);
    }
  }
}
