/**
 * Which packages R has here, as it says itself; asked again when a library has changed.
 *
 * In the background: what is not known yet is not there.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import { bareRequest, type Evaluator, type Principal } from "../core/job.ts";
import type { Log } from "../core/log.ts";
import { OWNER } from "../core/profile.ts";

/** What R says: its libraries, then what is installed there, the first found before others. */
const CODE = `local({
  cat(paste0("library\\t", .libPaths(), "\\n"), sep = "")
  found <- utils::installed.packages(noCache = TRUE)
  cat(paste0("package\\t", found[, "Package"], "\\t", found[, "Version"], "\\n"), sep = "")
})`;

/** Whose sessions hold no R of anybody else's. */
const SELF: Principal = { name: "rtool", local: true, profile: OWNER };

/** Libraries are looked at so often. */
const LOOK_MS = 60_000;

/** R has so long to answer. */
const TIMEOUT_MS = 60_000;

/** The packages of one host. */
export class HostPackages implements AsyncDisposable {
  readonly #engine: Pick<Evaluator, "submit">;
  readonly #log: Log;
  readonly #onChange: () => void;
  readonly #stop = new AbortController();
  #versions: ReadonlyMap<string, string> | undefined;
  #names: ReadonlySet<string> = new Set();
  #libraries: readonly string[] = [];
  #seen = "";
  #asking: Promise<void> = Promise.resolve();
  #ticker: ReturnType<typeof setInterval> | undefined;

  /** `onChange` is called when other packages are there than before. */
  constructor(engine: Pick<Evaluator, "submit">, log: Log, onChange: () => void) {
    this.#engine = engine;
    this.#log = log;
    this.#onChange = onChange;
  }

  /** Names of what is installed. */
  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /** Versions by name; `undefined` as long as R has not said. */
  get versions(): ReadonlyMap<string, string> | undefined {
    return this.#versions;
  }

  /** Begins to ask, and does not wait for it; looks at the libraries every so often. */
  begin(lookMs = LOOK_MS): void {
    this.#asking = this.#ask();
    this.#ticker = setInterval(() => {
      this.#asking = this.#asking.then(() => this.#look());
    }, lookMs);
  }

  /** Asks no more. */
  leave(): void {
    clearInterval(this.#ticker);
    this.#stop.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    await this.#asking;
  }

  async #look(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const isKnown = this.#versions !== undefined;
    if (isKnown && await timesOf(this.#libraries) === this.#seen) return;
    await this.#ask();
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    try {
      // Before R looks: what is installed meanwhile is seen the next time.
      const seen = await timesOf(this.#libraries);
      const { libraries, versions } = readPackages(await this.#answer());
      this.#seen = libraries.join() === this.#libraries.join() ? seen : await timesOf(libraries);
      this.#libraries = libraries;
      this.#versions = versions;
      this.#names = new Set(versions.keys());
      this.#onChange();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#log.error("packages not listed", { why: toRtoolError(error).message });
    }
  }

  async #answer(): Promise<string> {
    const request = { ...bareRequest(CODE, undefined), timeoutMs: TIMEOUT_MS };
    const job = await this.#engine.submit(SELF, request, this.#stop.signal);
    const decoder = new TextDecoder();
    let text = "";
    for await (const event of job.events) {
      if (event.kind === "stdout") text += decoder.decode(event.bytes, { stream: true });
      if (event.kind === "end" && event.outcome.kind !== "ok") {
        throw new RtoolError("r_unavailable", `R could not tell: ${event.outcome.kind}`);
      }
    }
    return text;
  }
}

/** Reads what R says. */
export function readPackages(
  text: string,
): { readonly libraries: readonly string[]; readonly versions: ReadonlyMap<string, string> } {
  const libraries: string[] = [];
  const versions = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [kind, name = "", version = ""] = line.split("\t");
    if (kind === "library") libraries.push(name);
    if (kind === "package" && !versions.has(name)) versions.set(name, version);
  }
  return { libraries, versions };
}

/** Installing, updating and removing a package changes the time of its library. */
async function timesOf(libraries: readonly string[]): Promise<string> {
  const times = libraries.map(async (path) => {
    return (await Deno.stat(path).catch(() => undefined))?.mtime?.getTime() ?? 0;
  });
  return (await Promise.all(times)).join();
}
