/**
 * What a check of `rtool doctor` finds, and the surroundings it looks at.
 *
 * Surroundings are given, so that a test can make every check fail.
 */

import type { Options } from "../core/options.ts";
import type { BriefRun } from "../engine/spawn.ts";

/** Whether something works, is not there, or is there and does not work. */
export type State = "ok" | "missing" | "broken";

/** What one check has found. */
export interface Finding {
  readonly what: string;
  readonly state: State;
  readonly found: string;
  /** What follows from it; empty when all is well. */
  readonly meaning: string;
  /** What to do about it; empty when all is well. */
  readonly advice: string;
  /** `rtool serve` would not work. */
  readonly fatal: boolean;
  /** Each way out that was tried, where that is what was checked. */
  readonly probes?: readonly ProbeOutcome[];
}

/** How one way out of the sandbox ended. */
export interface ProbeOutcome {
  readonly name: string;
  readonly result: string;
}

/** What came of confining an R as a server would. */
export interface Trial {
  readonly probes: readonly ProbeOutcome[];
  /** Why a server would not start with it. */
  readonly problem: unknown;
}

/** What came of reading who is let in, as at a server's start. */
export interface AccessTrial {
  readonly hasTokens: boolean;
  /** Why a server would not start with it. */
  readonly problem: unknown;
}

/** What came of going to the broker as a server would. */
export interface BrokerTrial {
  /** Name and version. */
  readonly software: string;
  readonly queue: string;
  /** Whether the queue has been made. */
  readonly isThere: boolean;
}

/** A file's owner and permissions. */
export interface FileFacts {
  readonly mode: number;
  readonly uid: number | null;
  readonly isDirectory: boolean;
}

/** Who is at a port. */
export type PortState =
  | { readonly kind: "free" }
  | { readonly kind: "rtool"; readonly software: string }
  | { readonly kind: "taken" }
  | { readonly kind: "refused"; readonly reason: string };

/** What a server does at its start, tried by what joins its parts. */
export interface Trials {
  readonly tryConfined: (options: Options, env: Site["env"]) => Promise<Trial>;
  readonly tryAccess: (options: Options, env: Site["env"]) => Promise<AccessTrial>;
}

/** The machine and the process, as far as checks look at them. */
export interface Site {
  readonly os: typeof Deno.build.os;
  readonly uid: number | null;
  readonly env: (name: string) => string | undefined;
  readonly now: () => number;
  /** Text of a file, or `undefined` when it cannot be read. */
  readonly maybeText: (path: string) => string | undefined;
  readonly maybeFile: (path: string) => FileFacts | undefined;
  readonly list: (path: string) => readonly string[];
  readonly mayWrite: (path: string) => boolean;
  readonly run: (program: string, args: readonly string[]) => Promise<BriefRun | undefined>;
  readonly runR: (command: string, code: string) => Promise<BriefRun | undefined>;
  /** Makes a directory as a server does, and removes it; its mode, or why it cannot be. */
  readonly tryStateDir: () => { path: string; mode: number } | { problem: string };
  readonly askPort: (hostname: string, port: number) => Promise<PortState>;
  /** Confines an R as the options say, which tries to get out. Never rejects. */
  readonly tryConfined: (options: Options) => Promise<Trial>;
  /** Reads profiles, their functions and the tokens. Never rejects. */
  readonly tryAccess: (options: Options) => Promise<AccessTrial>;
  /** Goes to the broker, if the options name one; rejects with what a server would be told. */
  readonly tryBroker: (options: Options) => Promise<BrokerTrial | undefined>;
  readonly landlockAbi: () => number;
  readonly openFilesMax: () => number | undefined;
}

/** All is well. */
export function ok(what: string, found: string): Finding {
  return { what, state: "ok", found, meaning: "", advice: "", fatal: false };
}

/** Something else than well, that a server can live with. */
export function lacking(
  what: string,
  state: "missing" | "broken",
  found: string,
  meaning: string,
  advice: string,
): Finding {
  return { what, state, found, meaning, advice, fatal: false };
}

/** Something `rtool serve` cannot start with. */
export function fatal(...facts: Parameters<typeof lacking>): Finding {
  return { ...lacking(...facts), fatal: true };
}

/** The first line of what a program said. */
export function firstLine(text: string): string {
  return (text.trim().split("\n")[0] ?? "").slice(0, 200);
}
