/**
 * Who may come in to `rtool serve`, and what each gets: profiles, tokens, certificates, what may be
 * called.
 *
 * Part of start.ts.
 */

import { Admission } from "./access/admission.ts";
import type { Registries } from "./access/call_check.ts";
import type { Context } from "./cli/context.ts";
import { CERTIFICATE_TABLE, maybeHolder, readHolders } from "./cli/certificates.ts";
import { PROFILE_TABLE, readProfiles, refuseConfined } from "./cli/profiles.ts";
import { tokensPath } from "./cli/token_file.ts";
import { RtoolError } from "./core/errors.ts";
import type { Log } from "./core/log.ts";
import type { Options } from "./core/options.ts";
import type { Limits } from "./start_limits.ts";

/** Who is let in, as the configuration says and as it may be changed. */
export interface Access {
  readonly admission: Admission;
  /** The options, if a server may go on with them. */
  readonly checked: (changed: Options) => Promise<Options>;
  /** Goes on with options that were checked. */
  readonly reconfigure: (changed: Options) => void;
}

/** Reads the configuration and the token file; an error when they cannot be used. */
export async function openAccess(
  { options, env }: Context,
  limits: Limits,
  log: Log,
): Promise<Access> {
  const profilesOf = (from: Options) => readProfiles(from.below(PROFILE_TABLE));
  let profiles = profilesOf(options);
  limits.registries = await readRegistries(profiles);
  let checkedRegistries = limits.registries;
  const holdersOf = (from: Options) => readHolders(from.below(CERTIFICATE_TABLE));
  let holders = holdersOf(options);
  const maybeProfile = (name: string) => profiles.get(name)?.profile;
  const admission = new Admission({
    insecure: options.flag("insecure"),
    tokens: tokensPath(options, env),
    maybeProfile,
    maybeHolder: (certificate) => {
      const found = maybeHolder(holders, certificate);
      const profile = found && maybeProfile(found.profile);
      return profile && { name: found.name, profile };
    },
    log,
  });
  // As it was started: what a file says of it later needs a restart.
  const isConfined = options.text("isolation") !== "none";
  refuseConfined(profiles, isConfined);
  admission.check();
  return {
    admission,
    checked: async (changed) => {
      const next = profilesOf(changed);
      refuseConfined(next, isConfined);
      checkedRegistries = await readRegistries(next);
      return changed;
    },
    reconfigure: (changed) => {
      profiles = profilesOf(changed);
      holders = holdersOf(changed);
      limits.registries = checkedRegistries;
    },
  };
}

/** What may be called, by the profiles that name a file of functions. */
async function readRegistries(profiles: ReturnType<typeof readProfiles>): Promise<Registries> {
  const paths = [...profiles].flatMap(([name, { functions }]) => {
    return functions === undefined ? [] : [[name, functions] as const];
  });
  if (paths.length === 0) return new Map();
  const { loadRegistries } = await import("./cli/registry_file.ts");
  const registries = await loadRegistries(new Map(paths));
  for (const { script } of registries.values()) refuseScript(script);
  return registries;
}

/** Sessions of one profile have no start of their own yet: nothing is called that is not there. */
function refuseScript(script: string | undefined): void {
  if (script === undefined) return;
  throw new RtoolError("bad_config", `Cannot run ${script} for the sessions of one profile`, {
    hint: "name it as serve.init, which every session runs, and take script from the file",
  });
}
