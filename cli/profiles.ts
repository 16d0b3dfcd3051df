/**
 * `[profile.NAME]` tables of the configuration file: their keys, and the profiles made from them.
 *
 * Must not know who gets a profile, nor how R is shut in.
 */

import { RtoolError } from "../core/errors.ts";
import type { JobLimits } from "../core/job.ts";
import { Options, type OptionSpec, type RawValues } from "../core/options.ts";
import { DEFAULT_PROFILE_NAME, type Profile } from "../core/profile.ts";

/** A profile, and the file of functions its principals may call. */
export interface ConfiguredProfile {
  readonly profile: Profile;
  readonly functions: string | undefined;
}

/** The table that holds all profiles. */
export const PROFILE_TABLE = "profile";

/** Jobs of those who are not the server's own user have an end, unless a profile says otherwise. */
const TIMEOUT_MAX = "60s";

/** What a profile's table may hold; the names are the keys. */
export const PROFILE_KEYS: readonly OptionSpec[] = [
  choice(
    "grant",
    ["eval", "call"],
    "What may be asked: any code, or calls of registered functions",
  ),
  choice("isolation", ["none", "confined"], "Whether R is shut in"),
  { name: "network", kind: "flag", help: "Whether a confined R reaches the network" },
  texts("read_only", "Directories a confined R may read"),
  texts("read_write", "Directories a confined R may read and write"),
  texts("env", "Environment variables a job may set"),
  { name: "sessions_max", kind: "count", help: "Sessions at once" },
  { name: "jobs_max", kind: "count", help: "Jobs that run and wait at once" },
  { name: "cpu_max", kind: "duration", help: "Processor time of one job" },
  { name: "memory_max", kind: "size", help: "Memory of R and all it starts" },
  { name: "output_max", kind: "size", help: "Output of one job" },
  { name: "processes_max", kind: "count", help: "Processes of one job, R included" },
  {
    name: "timeout_max",
    kind: "duration",
    help: "Waiting and running of one job together",
    automatic: { value: () => TIMEOUT_MAX, words: TIMEOUT_MAX },
  },
  { name: "functions", kind: "text", help: "File of the functions that may be called" },
];

/** Keys that hold paths, and keys that mean nothing to an R that is not shut in. */
const PATH_KEYS = ["read_only", "read_write", "functions"];
const CONFINED_KEYS = ["network", "read_only", "read_write"];

/** The keys of one profile, as they stand in the file. */
export function profileSpecs(name: string): readonly OptionSpec[] {
  const keyOf = ({ name: key }: OptionSpec) => `${PROFILE_TABLE}.${name}.${key}`;
  return PROFILE_KEYS.map((spec) => ({ ...spec, key: keyOf(spec), reload: true }));
}

/** A key of a profile whose value, though of its kind, cannot be used. */
export interface ProfileFault {
  readonly key: string;
  readonly detail: string;
}

/** What is wrong with a profile whose values are each of their kind. */
export function* findProfileFaults(values: RawValues): Generator<ProfileFault> {
  for (const key of PATH_KEYS) {
    const relative = values[key]?.find((path) => !path.startsWith("/"));
    if (relative === undefined) continue;
    yield { key, detail: `found ${JSON.stringify(relative.slice(0, 80))}, wanted a path from /` };
  }
  const isConfined = values["isolation"]?.[0] === "confined";
  for (const key of isConfined ? [] : CONFINED_KEYS) {
    if (values[key]) yield { key, detail: 'it holds for isolation = "confined" alone' };
  }
  const mayCall = values["grant"]?.[0] === "call";
  if (values["functions"] && !mayCall) {
    yield { key: "functions", detail: 'it holds for grant = "call" alone' };
  }
}

/** The profiles of a file by name; `default` is always there. */
export function readProfiles(values: RawValues): ReadonlyMap<string, ConfiguredProfile> {
  const tables = new Map<string, Record<string, readonly string[]>>([[DEFAULT_PROFILE_NAME, {}]]);
  for (const [path, value] of Object.entries(values)) {
    const [name = "", key = ""] = path.split(".");
    if (!tables.has(name)) tables.set(name, {});
    if (value) tables.get(name)![key] = value;
  }
  return new Map([...tables].map(([name, table]) => [name, readProfile(name, table)]));
}

/**
 * Throws when a profile asks for what this server has not: none gets less than it asks for. One
 * sandbox serves all, so that none may be shown more than another.
 */
export function refuseConfined(
  profiles: ReadonlyMap<string, ConfiguredProfile>,
  isConfined: boolean,
): void {
  for (const { profile } of profiles.values()) {
    const { name, isolation, network, readOnly, readWrite } = profile;
    if (isolation === "none") continue;
    if (!isConfined) {
      throw new RtoolError(
        "bad_config",
        `Profile '${name}' is to be ${isolation}, and this server does not shut R in`,
        { hint: "serve with --isolation confined: then every R is" },
      );
    }
    if (!network && readOnly.length + readWrite.length === 0) continue;
    throw new RtoolError(
      "bad_config",
      `Profile '${name}' is to see more than others, and all R of a server see the same`,
      { hint: `take network, read_only and read_write from [${PROFILE_TABLE}.${name}]` },
    );
  }
}

function readProfile(name: string, table: RawValues): ConfiguredProfile {
  const specs = PROFILE_KEYS.map((spec) => ({ ...spec, key: spec.name }));
  const options = new Options(specs, {}, {}, table);
  const count = (key: string) => options.maybeText(key) ? options.integer(key) : undefined;
  const isConfined = options.maybeText("isolation") === "confined";
  const mayCall = options.maybeText("grant") === "call";
  const profile: Profile = {
    name,
    grant: mayCall ? "call" : "eval",
    isolation: isConfined ? "confined" : "none",
    network: !isConfined || options.flag("network"),
    readOnly: options.list("read_only"),
    readWrite: options.list("read_write"),
    // Variables change what a function does: who may only call names each.
    env: table["env"] || mayCall ? options.list("env") : undefined,
    sessionsMax: count("sessions_max"),
    jobsMax: count("jobs_max"),
    limits: readLimits(options),
    timeoutMs: options.maybeMs("timeout_max"),
  };
  return { profile, functions: options.maybeText("functions") };
}

function readLimits(options: Options): JobLimits {
  const cpuMs = options.maybeMs("cpu_max");
  const has = (name: string) => options.maybeText(name) !== undefined;
  return {
    ...(cpuMs === undefined ? {} : { cpuMs }),
    ...(has("memory_max") ? { memoryBytes: options.bytes("memory_max") } : {}),
    ...(has("output_max") ? { outputBytes: options.bytes("output_max") } : {}),
    ...(has("processes_max") ? { processes: options.integer("processes_max") } : {}),
  };
}

function choice(name: string, choices: readonly [string, ...string[]], help: string): OptionSpec {
  return { name, kind: "choice", choices, fallback: choices[0], help };
}

function texts(name: string, help: string): OptionSpec {
  return { name, kind: "text", repeat: true, list: true, help };
}
