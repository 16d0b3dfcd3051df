/**
 * The keys of `[profile.NAME]` that say how a profile's R is started.
 *
 * Must not know how R is started.
 */

import type { Options, OptionSpec, RawValues } from "../core/options.ts";

/** Whether R is shut in: `confined` by bubblewrap, `required` with every probe tried. */
export type Isolation = "none" | "confined" | "required";

/** How a profile's R is started; what is `undefined` is as the server's own. */
export interface ProfileStart {
  readonly start: "fork" | "spawn" | undefined;
  readonly packages: readonly string[] | undefined;
  /** Absolute path of an R script; null: none, whatever the server's own R runs. */
  readonly init: string | null | undefined;
  readonly spares: number | undefined;
  readonly isolation: Isolation | undefined;
  /** Whether a confined R reaches the network. */
  readonly network: boolean;
  /** Directories a confined R may read, beside those that R itself needs. */
  readonly readOnly: readonly string[];
  /** Directories a confined R may also write. */
  readonly readWrite: readonly string[];
  /** Files one process may have open. */
  readonly openFiles: number | undefined;
  /** Size of a file that is written, in bytes. */
  readonly fileBytes: number | undefined;
}

/** From the least to the most. */
const LEVELS: readonly string[] = ["none", "confined", "required"];

/** Whether R would be shut in less so than the server's own is. */
export function isLess(isolation: string, own: string): boolean {
  return LEVELS.indexOf(isolation) < LEVELS.indexOf(own);
}

/** Stands for no script where a path stands. */
const NO_SCRIPT = "none";

/** The keys but for the two bounds, in the order of the documentation. */
export const START_KEYS: readonly OptionSpec[] = [
  { name: "start", kind: "choice", choices: ["fork", "spawn"], help: "How sessions get their R" },
  texts("preload", "Packages R has attached from the start"),
  { name: "init", kind: "text", help: "R code that R runs before its first job" },
  { name: "spares", kind: "count", help: "R processes kept ready for new sessions" },
  {
    name: "isolation",
    kind: "choice",
    choices: ["none", "confined", "required"],
    help: "Whether R is shut in",
  },
  { name: "network", kind: "flag", help: "Whether a confined R reaches the network" },
  texts("read_only", "Directories a confined R may read"),
  texts("read_write", "Directories a confined R may read and write"),
];

/** The bounds that hold from R's start, and so for all that its session does. */
export const START_BOUNDS: readonly OptionSpec[] = [
  { name: "open_files_max", kind: "count", help: "Files one process of a job may have open" },
  { name: "file_size_max", kind: "size", help: "Size of a file a job writes" },
];

/** Keys that mean nothing to an R that is not shut in. */
export const CONFINED_KEYS = ["network", "read_only", "read_write"];

/** Keys whose values are paths from `/`. */
export const START_PATHS = ["init", "read_only", "read_write"];

/** Whether a value of {@linkcode START_PATHS} is no path and need not be one. */
export function isNoPath(key: string, value: string): boolean {
  return key === "init" && value === NO_SCRIPT;
}

/** How the R of a profile with this table is started; `options` are the same values, read. */
export function readStart(options: Options, table: RawValues): ProfileStart {
  const init = options.maybeText("init");
  const has = (name: string) => options.maybeText(name) !== undefined;
  return {
    start: options.maybeText("start") as ProfileStart["start"],
    packages: table["preload"] && options.list("preload"),
    init: init === NO_SCRIPT ? null : init,
    spares: has("spares") ? options.integer("spares") : undefined,
    isolation: options.maybeText("isolation") as ProfileStart["isolation"],
    network: options.flag("network"),
    readOnly: options.list("read_only"),
    readWrite: options.list("read_write"),
    openFiles: has("open_files_max") ? options.integer("open_files_max") : undefined,
    fileBytes: has("file_size_max") ? options.bytes("file_size_max") : undefined,
  };
}

function texts(name: string, help: string): OptionSpec {
  return { name, kind: "text", repeat: true, list: true, help };
}
