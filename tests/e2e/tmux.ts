/**
 * A real terminal for a command under test: a pane of a tmux server of its own.
 */

import { assert } from "@std/assert";
import { run, text } from "./processes.ts";

/** What is waited for on the screen and does not come fails its test after this. */
const PATIENCE_MS = 30_000;

/** How often the screen is looked at. */
const LOOK_MS = 25;

/** One pane, and the command in it. */
export class Pane implements AsyncDisposable {
  readonly #socket = `rtool-test-${crypto.randomUUID().slice(0, 8)}`;

  /** Runs the command on a terminal of 80 columns; its exit status is shown when it has ended. */
  static async open(
    command: readonly string[],
    options: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
  ): Promise<Pane> {
    const pane = new Pane();
    const variables = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
    const words = ["env", "NO_COLOR=1", ...variables, ...command].map((word) => `'${word}'`);
    const inner = `${words.join(" ")}; echo "status $?"; exec sleep 1000`;
    const size = ["-x", "80", "-y", "50", "-c", options.cwd];
    await pane.#tmux(["-f", "/dev/null", "new-session", "-d", ...size, inner]);
    await pane.#tmux(["set-option", "-g", "history-limit", "10000"]);
    return pane;
  }

  /** Types characters, as they are. */
  async type(characters: string): Promise<void> {
    await this.#tmux(["send-keys", "-l", "--", characters]);
  }

  /** Presses keys by tmux's names for them. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux(["send-keys", ...keys]);
  }

  /** Types a line. */
  async enter(line: string): Promise<void> {
    await this.type(line);
    await this.press("Enter");
  }

  /** Pastes text as from a clipboard. */
  async paste(clip: string): Promise<void> {
    await this.#tmux(["load-buffer", "-"], clip);
    await this.#tmux(["paste-buffer"]);
  }

  /** Changes the width. */
  async resize(columns: number): Promise<void> {
    await this.#tmux(["resize-window", "-x", String(columns), "-y", "50"]);
  }

  /** All that has been shown, without blank lines at its end. */
  async screen(): Promise<string> {
    return (await this.#tmux(["capture-pane", "-p", "-J", "-S", "-"])).replace(/[ \n]+$/, "")
      .replace(/ +$/gm, "");
  }

  /** Resolves to the screen once `shows` is true of it. */
  async until(shows: (screen: string) => boolean): Promise<string> {
    const patience = performance.now() + PATIENCE_MS;
    for (;;) {
      const screen = await this.screen();
      if (shows(screen)) return screen;
      assert(performance.now() < patience, `Not shown within ${PATIENCE_MS} ms:\n${screen}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(["tmux", "-L", this.#socket, "kill-server"]);
  }

  async #tmux(args: readonly string[], stdin = ""): Promise<string> {
    const ended = await run(["tmux", "-L", this.#socket, ...args], { stdin });
    assert(ended.code === 0, `tmux ${args.join(" ")}: ${text(ended.stderr)}`);
    return text(ended.stdout);
  }
}
