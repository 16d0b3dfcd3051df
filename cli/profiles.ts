/**
 * `[profile.NAME]` tables of the configuration file: their keys, and the profiles made from them.
 *
 * Must not know who gets a profile, nor how R is shut in.
 */

import type { JobLimits } from "../core/job.ts";
import { Options, type OptionSpec, type RawValues } from "../core/options.ts";
import { DEFAULT_PROFILE_NAME, type Profile } from "../core/profile.ts";
import {
  CONFINED_KEYS,
  isLess,
  isNoPath,
  type ProfileStart,
  readStart,
  START_BOUNDS,
  START_KEYS,
  START_PATHS,
} from "./profile_start.ts";

/** A profile, how its R is started, and the file of functions its principals may call. */
export interface ConfiguredProfile {
  readonly profile: Profile;
  readonly start: ProfileStart;
  readonly functions: string | undefined;
}

/** The table that holds all profiles. */
export const PROFILE_TABLE = "profile";

/** Jobs of those who are not the server's own user have an end, unless a profile says otherwise. */
const TIMEOUT_MAX = "60s";

/** What a profile's table may hold; the names are the keys. */
export const PROFILE_KEYS: readonly OptionSpec[] = [
  {
    name: "grant",
    kind: "choice",
    choices: ["eval", "call"],
    fallback: "eval",
    help: "What may be asked: any code, or calls of registered functions",
  },
  ...START_KEYS,
  {
    name: "env",
    kind: "text",
    repeat: true,
    list: true,
    help: "Environment variables a job may set",
  },
  { name: "sessions_max", kind: "count", help: "Sessions at once" },
  { name: "jobs_max", kind: "count", help: "Jobs that run and wait at once" },
  { name: "cpu_max", kind: "duration", help: "Processor time of one job" },
  { name: "memory_max", kind: "size", help: "Memory of R and all it starts" },
  { name: "output_max", kind: "size", help: "Output of one job" },
  { name: "processes_max", kind: "count", help: "Processes of one job, R included" },
  ...START_BOUNDS,
  {
    name: "timeout_max",
    kind: "duration",
    help: "Waiting and running of one job together",
    automatic: { value: () => TIMEOUT_MAX, words: TIMEOUT_MAX },
  },
  { name: "functions", kind: "text", help: "File of the functions that may be called" },
];

/** Keys that hold paths. */
const PATH_KEYS = [...START_PATHS, "functions"];

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

/**
 * What is wrong with a profile whose values are each of their kind. `isolation` is the server's
 * own, as the file has it.
 */
export function* findProfileFaults(
  values: RawValues,
  isolation = "none",
): Generator<ProfileFault> {
  for (const key of PATH_KEYS) {
    const relative = values[key]?.find((path) => !path.startsWith("/") && !isNoPath(key, path));
    if (relative === undefined) continue;
    yield { key, detail: `found ${JSON.stringify(relative.slice(0, 80))}, wanted a path from /` };
  }
  const wanted = values["isolation"]?.[0] ?? isolation;
  if (isLess(wanted, isolation)) {
    yield { key: "isolation", detail: `it is less than serve.isolation = "${isolation}"` };
  }
  for (const key of wanted === "none" ? CONFINED_KEYS : []) {
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

function readProfile(name: string, table: RawValues): ConfiguredProfile {
  const specs = PROFILE_KEYS.map((spec) => ({ ...spec, key: spec.name }));
  const options = new Options(specs, {}, {}, table);
  const count = (key: string) => options.maybeText(key) ? options.integer(key) : undefined;
  const mayCall = options.maybeText("grant") === "call";
  const profile: Profile = {
    name,
    grant: mayCall ? "call" : "eval",
    // Variables change what a function does: who may only call names each.
    env: table["env"] || mayCall ? options.list("env") : undefined,
    sessionsMax: count("sessions_max"),
    jobsMax: count("jobs_max"),
    limits: readLimits(options),
    timeoutMs: options.maybeMs("timeout_max"),
  };
  const start = readStart(options, table);
  return { profile, start, functions: options.maybeText("functions") };
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
