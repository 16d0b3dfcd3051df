/**
 * Which of some files have changed since they were first looked at.
 *
 * Looks when asked, and not too often; knows nothing of what is in them.
 */

/** A look holds for so long, in milliseconds. */
const LOOK_MS = 5000;

/** Looks at files. */
export class FileWatch {
  readonly #seen = new Map<string, number | undefined>();
  readonly #lookMs: number;
  #lookedAt = performance.now();

  /** Paths that do not exist are watched for their coming; empty ones are left out. */
  constructor(paths: readonly string[], lookMs = LOOK_MS) {
    this.#lookMs = lookMs;
    for (const path of paths) if (path !== "") this.#seen.set(path, maybeChangeTime(path));
  }

  /** A file that has changed, been made anew or gone; each change is told once. */
  maybeChanged(): string | undefined {
    const now = performance.now();
    if (now - this.#lookedAt < this.#lookMs) return undefined;
    for (const [path, seen] of this.#seen) {
      const changedAt = maybeChangeTime(path);
      if (changedAt === seen) continue;
      this.#seen.set(path, changedAt);
      return path;
    }
    this.#lookedAt = now;
    return undefined;
  }
}

function maybeChangeTime(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime();
  } catch {
    return undefined;
  }
}
