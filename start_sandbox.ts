/**
 * Readies and proves the sandboxes of `rtool serve`, one for each that R is to see of the machine.
 *
 * Part of start.ts. A sandbox that cannot be had, or that R gets out of, is an error: the server
 * never goes on with less.
 */

import type { Isolation } from "./cli/profile_start.ts";
import { RtoolError } from "./core/errors.ts";
import type { Log } from "./core/log.ts";
import { type ReadySandbox, readySandbox, type SandboxWish, tasksFor } from "./engine/isolation.ts";
import { type ProbeResult, probeSandbox } from "./engine/probes.ts";
import type { SparesOptions } from "./engine/worker_types.ts";

/** What an R is to see. */
export interface View
  extends Pick<SandboxWish, "user" | "readOnly" | "readWrite" | "network" | "processesMax"> {
  readonly isolation: Isolation;
}

/** What a confined R changes in its options; nothing when it is not confined. */
export type Confined = Partial<ReadySandbox>;

/** Sandboxes that have proved themselves; those of the same view are one. */
export class Sandboxes {
  readonly #log: Log;
  readonly #proved = new Map<string, ReadySandbox & { readonly results: readonly ProbeResult[] }>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** What R needs in its options to see no more than this. */
  async confine(view: View, engine: SparesOptions): Promise<Confined> {
    const { isolation, processesMax, user, readOnly, readWrite, network } = view;
    if (isolation === "none") return {};
    const key = JSON.stringify([user, readOnly, readWrite, network]);
    const known = this.#proved.get(key) ?? await this.#prove(view, engine);
    this.#proved.set(key, known);
    refuse(known.results, isolation === "required");
    return { env: known.env, sandbox: { ...known.sandbox, tasksMax: tasksFor(processesMax) } };
  }

  async #prove({ isolation: _, ...view }: View, engine: SparesOptions) {
    const { command, env, stateDir } = engine;
    const ready = await readySandbox({ command, env, stateDir, ...view });
    const results = await probeSandbox({ ...engine, ...ready });
    for (const { name, result } of results) this.#log.info("probe", { name, result });
    return { ...ready, results };
  }
}

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
