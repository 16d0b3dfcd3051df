/**
 * Does for `rtool doctor` what `rtool serve` would at its start, and leaves nothing behind.
 */

import type { AccessTrial, ProbeOutcome, Trial } from "./cli/doctor_finding.ts";
import { SERVE } from "./cli/table_serve.ts";
import type { Log } from "./core/log.ts";
import { Options } from "./core/options.ts";
import { type Configured, openAccess, readConfigured } from "./start_access.ts";
import { Ways } from "./start_ways.ts";

const SILENT: Log = { info: () => {}, error: () => {} };

const NO_PROFILES: Configured = { profiles: new Map(), registries: new Map(), holders: [] };

/** Reads who is let in; what there is to be told is in the configuration's own findings. */
export async function tryAccess(
  options: Options,
  env: (name: string) => string | undefined,
): Promise<AccessTrial> {
  try {
    const { admission } = await openAccess({ options, env }, SILENT);
    return { hasTokens: admission.hasTokens, problem: undefined };
  } catch (problem) {
    return { hasTokens: false, problem };
  }
}

/**
 * Confines R, that of profiles too, and lets it try every way out: as the options say, and
 * where they ask for no sandbox, as if they did.
 */
export async function tryConfined(
  options: Options,
  env: (name: string) => string | undefined,
): Promise<Trial> {
  const worst = new Map<string, string>();
  const log: Log = {
    info: (_, fields) => {
      const [name, result] = [String(fields?.["name"]), String(fields?.["result"])];
      if (!worst.has(name) || result !== "held") worst.set(name, result);
    },
    error: () => {},
  };
  const probes = (): ProbeOutcome[] => Array.from(worst, ([name, result]) => ({ name, result }));
  const stateDir = Deno.makeTempDirSync({ prefix: "rtool-doctor-" });
  const ways = new Ways(env, stateDir, log);
  try {
    await ways.engine(options, await readConfigured(options));
    if (worst.size === 0) await ways.engine(asConfined(options), NO_PROFILES);
    return { probes: probes(), problem: undefined };
  } catch (problem) {
    return { probes: probes(), problem };
  } finally {
    Deno.removeSync(stateDir, { recursive: true });
  }
}

function asConfined(options: Options): Options {
  const wanted = new Options(SERVE.options, { isolation: ["confined"] }, {}, {});
  return options.with(wanted, ["isolation"]);
}
