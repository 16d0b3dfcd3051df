/**
 * Who may come in to `rtool serve`, and what each gets: profiles, tokens, certificates, functions.
 *
 * Part of start.ts.
 */

import { Admission } from "./access/admission.ts";
import type { Registries } from "./access/call_check.ts";
import type { Context } from "./cli/context.ts";
import { CERTIFICATE_TABLE, type Holder, maybeHolder, readHolders } from "./cli/certificates.ts";
import { type ConfiguredProfile, PROFILE_TABLE, readProfiles } from "./cli/profiles.ts";
import { tokensPath } from "./cli/token_file.ts";
import { RtoolError } from "./core/errors.ts";
import type { Log } from "./core/log.ts";
import { maybeNearest } from "./core/nearest.ts";
import type { Options } from "./core/options.ts";
import type { Profile } from "./core/profile.ts";

/** What a configuration says of profiles. */
export interface Configured {
  readonly profiles: ReadonlyMap<string, ConfiguredProfile>;
  /** What may be called, by the profile's name. */
  readonly registries: Registries;
  /** Whose certificates are admitted. */
  readonly holders: readonly Holder[];
}

/** Who is let in, as the configuration says and as it may be changed. */
export interface Access {
  readonly admission: Admission;
  /** A profile as the configuration has it now. */
  readonly maybeProfile: (name: string) => Profile | undefined;
  readonly configured: Configured;
  /** What the options say of profiles, if a server may go on with it. */
  readonly checked: (changed: Options) => Promise<Configured>;
  /** Goes on with what was checked. */
  readonly reconfigure: (configured: Configured) => void;
}

/** Reads profiles, and the files of functions they name. */
export async function readConfigured(options: Options): Promise<Configured> {
  const profiles = readProfiles(options.below(PROFILE_TABLE));
  const holders = readHolders(options.below(CERTIFICATE_TABLE));
  return { profiles, registries: await readRegistries(profiles), holders };
}

/** Reads the configuration and the token file; an error when they cannot be used. */
export async function openAccess(
  { options, env }: Pick<Context, "options" | "env">,
  log: Log,
): Promise<Access> {
  const rpy2Profile = options.maybeText("rpy2-anonymous");
  const checked = async (from: Options): Promise<Configured> => {
    const configured = await readConfigured(from);
    refuseUnknown(rpy2Profile, configured.profiles);
    return configured;
  };
  const first = await checked(options);
  let { profiles, holders } = first;
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
    rpy2Profile,
    log,
  });
  admission.check();
  return {
    admission,
    maybeProfile,
    configured: first,
    checked,
    reconfigure: (configured) => ({ profiles, holders } = configured),
  };
}

function refuseUnknown(name: string | undefined, profiles: Configured["profiles"]): void {
  if (name === undefined || profiles.has(name)) return;
  const nearest = maybeNearest(name, [...profiles.keys()]);
  throw new RtoolError("bad_config", `There is no profile '${name}' for --rpy2-anonymous`, {
    hint: nearest ? `did you mean ${nearest}?` : `add [${PROFILE_TABLE}.${name}]`,
  });
}

/** What may be called, by the profiles that name a file of functions. */
async function readRegistries(profiles: Configured["profiles"]): Promise<Registries> {
  const paths = [...profiles].flatMap(([name, { functions }]) => {
    return functions === undefined ? [] : [[name, functions] as const];
  });
  if (paths.length === 0) return new Map();
  const { loadRegistries } = await import("./cli/registry_file.ts");
  return await loadRegistries(new Map(paths));
}
