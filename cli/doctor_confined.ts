/**
 * Check of the sandbox that `rtool serve` would put R into, by an R that is put there and tries to
 * get out.
 */

import { toRtoolError } from "../core/errors.ts";
import type { Options } from "../core/options.ts";
import { type Finding, firstLine, type Site } from "./doctor_finding.ts";
import { PROFILE_TABLE } from "./profiles.ts";

/** Whether R can be confined here: a server that is to do so does not start otherwise. */
export async function checkConfined(site: Site, options: Options): Promise<Finding> {
  const isWanted = asksForSandbox(options);
  const { probes, problem } = await site.tryConfined(options);
  const what = "confined R";
  if (problem === undefined) {
    const found = wordsOf(probes.map(({ result }) => result));
    return { what, state: "ok", found, meaning: "", advice: "", fatal: false, probes };
  }
  const { message, hint } = toRtoolError(problem);
  return {
    what,
    state: probes.length > 0 ? "broken" : "missing",
    found: firstLine(message),
    meaning: isWanted
      ? "the server does not start"
      : "a server that is to confine R would not start",
    advice: hint ?? "see docs/operations.md, Confined R",
    fatal: isWanted,
    probes,
  };
}

/** Whether all R of the server, or that of one profile, is to be confined. */
function asksForSandbox(options: Options): boolean {
  const ofProfiles = Object.entries(options.below(PROFILE_TABLE))
    .flatMap(([key, values]) => key.endsWith(".isolation") ? values ?? [] : []);
  return [options.text("isolation"), ...ofProfiles].some((level) => level !== "none");
}

function wordsOf(results: readonly string[]): string {
  const untried = results.filter((result) => result === "not tried").length;
  const tried = `${results.length - untried} ways out tried, all shut`;
  return untried === 0 ? tried : `${tried}; ${untried} could not be tried`;
}
