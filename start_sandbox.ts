/**
 * Readies and proves the sandbox of `rtool serve`, if its R is to run in one.
 *
 * Part of start.ts. A sandbox that cannot be had, or that R gets out of, is an error: the server
 * never goes on with less.
 */

import { RtoolError } from "./core/errors.ts";
import type { Log } from "./core/log.ts";
import type { Options } from "./core/options.ts";
import { type ReadySandbox, readySandbox } from "./engine/isolation.ts";
import { type ProbeResult, probeSandbox } from "./engine/probes.ts";
import type { EngineOptions } from "./engine/sessions.ts";

/** The engine's options with the sandbox in them that `options` ask for. */
export async function confine(
  options: Options,
  engine: EngineOptions,
  log: Log,
): Promise<Confined> {
  const level = options.text("isolation");
  if (level === "none") return {};
  const { script } = engine.preload;
  const ready = await readySandbox({
    command: engine.command,
    env: engine.env,
    stateDir: engine.stateDir,
    user: options.maybeText("worker-user"),
    readOnly: script === undefined ? [] : [script],
    readWrite: [],
    network: false,
    processesMax: options.integer("processes-max"),
  });
  const results = await probeSandbox({ ...engine, ...ready });
  for (const { name, result } of results) log.info("probe", { name, result });
  refuse(results, level === "required");
  return ready;
}

/** What a confined R changes in the engine's options; nothing when it is not confined. */
export type Confined = Partial<ReadySandbox>;

function refuse(results: readonly ProbeResult[], strict: boolean): void {
  const named = (wanted: ProbeResult["result"]) => {
    return results.filter(({ result }) => result === wanted).map(({ name }) => name).join(", ");
  };
  const out = named("got out");
  if (out !== "") {
    throw new RtoolError("bad_config", `Cannot confine R: it gets out of the sandbox (${out})`, {
      hint: "docs/security.md says what each probe tries and what stops it",
    });
  }
  const untried = named("not tried");
  if (!strict || untried === "") return;
  throw new RtoolError("bad_config", `Cannot prove the sandbox: not tried were ${untried}`, {
    hint: "apt install perl-base util-linux, or serve with --isolation confined",
  });
}
