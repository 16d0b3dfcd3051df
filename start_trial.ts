/**
 * Confines an R for `rtool doctor` as `rtool serve` would at its start, lets it try every way out,
 * and leaves nothing behind.
 */

import type { ProbeOutcome, Trial } from "./cli/doctor_finding.ts";
import { SERVE } from "./cli/table_serve.ts";
import type { Log } from "./core/log.ts";
import { Options } from "./core/options.ts";
import { engineOptions } from "./start_engine.ts";
import { confine } from "./start_sandbox.ts";

/** Tries it as the options say, and where they ask for no sandbox, as if they did. */
export async function tryConfined(
  options: Options,
  env: (name: string) => string | undefined,
): Promise<Trial> {
  const probes: ProbeOutcome[] = [];
  const log: Log = {
    info: (_, fields) => {
      probes.push({ name: String(fields?.["name"]), result: String(fields?.["result"]) });
    },
    error: () => {},
  };
  const stateDir = Deno.makeTempDirSync({ prefix: "rtool-doctor-" });
  try {
    const confining = asConfined(options);
    await confine(confining, engineOptions(confining, env, stateDir), log);
    return { probes, problem: undefined };
  } catch (problem) {
    return { probes, problem };
  } finally {
    Deno.removeSync(stateDir, { recursive: true });
  }
}

function asConfined(options: Options): Options {
  if (options.text("isolation") !== "none") return options;
  const wanted = new Options(SERVE.options, { isolation: ["confined"] }, {}, {});
  return options.with(wanted, ["isolation"]);
}
