/**
 * What Ctrl-C and its like do while a job is shown.
 */

/** Ctrl-C cancels the remote job, or the jobs; a second one leaves at once. */
export class StopKeys {
  /** The signal that came. */
  signal: Deno.Signal | undefined;
  readonly #listeners: [Deno.Signal, () => void][] = [];

  constructor(job: { cancel(): void }, say: (line: string) => void) {
    const signals: Deno.Signal[] = Deno.build.os === "windows"
      ? ["SIGINT"]
      : ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) {
      const listener = () => {
        if (this.signal) {
          this[Symbol.dispose]();
          Deno.kill(Deno.pid, signal);
          return;
        }
        this.signal = signal;
        job.cancel();
        say(signal === "SIGINT" ? "cancelling; Ctrl-C again leaves at once" : "cancelling");
      };
      Deno.addSignalListener(signal, listener);
      this.#listeners.push([signal, listener]);
    }
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}

/** Ctrl-C leaves what is shown, and nothing more. */
export class LeaveKey {
  /** Resolves when it is pressed. */
  readonly pressed: Promise<undefined>;
  readonly #listener: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.pressed = promise;
    this.#listener = () => resolve(undefined);
    Deno.addSignalListener("SIGINT", this.#listener);
  }

  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGINT", this.#listener);
  }
}
