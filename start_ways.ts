/**
 * How each R of `rtool serve` is started: the server's own, and those of profiles.
 *
 * Part of start.ts. A profile gets what it asks for, or the server does not start: never less of a
 * sandbox, and no way around the server's own.
 */

import type { Context } from "./cli/context.ts";
import { isLess, type Isolation, type ProfileStart } from "./cli/profile_start.ts";
import { type ConfiguredProfile, PROFILE_TABLE } from "./cli/profiles.ts";
import { tokensPath } from "./cli/token_file.ts";
import { RtoolError, toRtoolError } from "./core/errors.ts";
import type { Log } from "./core/log.ts";
import type { Options } from "./core/options.ts";
import type { RWay } from "./engine/pools.ts";
import { isWithin } from "./engine/sandbox.ts";
import type { EngineOptions } from "./engine/sessions.ts";
import type { Configured } from "./start_access.ts";
import { engineOptions } from "./start_engine.ts";
import { Sandboxes, type View } from "./start_sandbox.ts";

/** Finds how R is started, and proves each sandbox once. */
export class Ways {
  readonly #env: Context["env"];
  readonly #stateDir: string;
  readonly #sandboxes: Sandboxes;

  constructor(env: Context["env"], stateDir: string, log: Log) {
    this.#env = env;
    this.#stateDir = stateDir;
    this.#sandboxes = new Sandboxes(log);
  }

  /** All the engine is told; throws what a server must not go on with. */
  async engine(options: Options, { profiles, registries }: Configured): Promise<EngineOptions> {
    const own = engineOptions(options, this.#env, this.#stateDir);
    const view: View = {
      isolation: options.text("isolation") as Isolation,
      user: options.maybeText("worker-user"),
      readOnly: own.preload.scripts,
      readWrite: [],
      network: false,
      processesMax: options.integer("processes-max"),
    };
    const kept = keptFiles(options, this.#env);
    const asked = await eachOf(profiles, (configured, name) => {
      const way = wayOf(configured, own, registries.get(name)?.script);
      const seen = viewOf(configured, view, way);
      refuseSecrets([...seen.readOnly, ...seen.readWrite], kept);
      return { way, seen };
    });
    refuseOwnCode([...asked.values()], own.preload.scripts);
    // What is wrong with words is told before a sandbox is tried.
    const confined = await this.#sandboxes.confine(view, own);
    const ways: ReadonlyMap<string, RWay> = await eachOf(asked, async ({ way, seen }) => {
      return { ...way, ...await this.#sandboxes.confine(seen, { ...own, ...way }) };
    });
    return { ...own, ...confined, ways };
  }
}

/** One after the other; an error says whose it is. */
async function eachOf<From, To>(
  profiles: ReadonlyMap<string, From>,
  work: (from: From, name: string) => To | Promise<To>,
): Promise<Map<string, To>> {
  const done = new Map<string, To>();
  for (const [name, from] of profiles) {
    try {
      done.set(name, await work(from, name));
    } catch (cause) {
      const { code, message, hint } = toRtoolError(cause);
      throw new RtoolError(code, `Cannot use [${PROFILE_TABLE}.${name}]: ${message}`, {
        cause,
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }
  return done;
}

/** How R of a profile is started, but for what it sees. */
function wayOf(
  { profile, start }: ConfiguredProfile,
  own: EngineOptions,
  script: string | undefined,
): RWay {
  const { memoryBytes, openFiles, fileBytes } = own.systemLimits;
  const scripts = start.init === undefined
    ? own.preload.scripts
    : start.init === null
    ? []
    : [start.init];
  return {
    start: start.start ?? own.start,
    spares: start.spares ?? own.spares,
    preload: {
      packages: start.packages ?? own.preload.packages,
      scripts: script === undefined ? scripts : [...scripts, script],
    },
    env: own.env,
    systemLimits: {
      memoryBytes: least(profile.limits.memoryBytes, memoryBytes),
      openFiles: least(start.openFiles, openFiles),
      fileBytes: least(start.fileBytes, fileBytes),
    },
  };
}

/** What R of a profile sees; throws when that is more than the server's own level lets any see. */
function viewOf({ profile, start }: ConfiguredProfile, own: View, { preload }: RWay): View {
  const isolation = start.isolation ?? own.isolation;
  refuseLess(isolation, own.isolation);
  if (isolation === "none") refuseUnkept(start);
  return {
    isolation,
    user: own.user,
    readOnly: [...new Set([...start.readOnly, ...preload.scripts])],
    readWrite: start.readWrite,
    network: start.network,
    processesMax: Math.min(profile.limits.processes ?? Infinity, own.processesMax),
  };
}

function refuseLess(isolation: Isolation, own: Isolation): void {
  if (!isLess(isolation, own)) return;
  throw new RtoolError(
    "bad_config",
    `isolation = "${isolation}" is less than the server's own, which is "${own}"`,
    { hint: "no R of a server is shut in less than the server's own: take the key away" },
  );
}

/** The file alone may not show that a flag has taken the isolation away. */
function refuseUnkept({ network, readOnly, readWrite }: ProfileStart): void {
  if (!network && readOnly.length + readWrite.length === 0) return;
  throw new RtoolError(
    "bad_config",
    "network, read_only and read_write mean nothing to an R that is not confined",
    { hint: 'add isolation = "confined", or take them away' },
  );
}

/** What no R is to be shown, whatever its directories. */
function keptFiles(options: Options, env: Context["env"]): string[] {
  const audit = options.text("audit");
  const named = [tokensPath(options, env), ...(audit.startsWith("/") ? [audit] : [])];
  return named.flatMap((path) => {
    // There may be none yet, but its directory.
    const parent = path.replace(/\/[^/]*$/, "") || "/";
    return [maybeReal(path) ?? maybeReal(parent) ?? path];
  });
}

/** Who could write what another's R runs would be that other. */
function refuseOwnCode(
  asked: readonly { readonly way: RWay; readonly seen: View }[],
  own: readonly string[],
): void {
  const scripts = [...own, ...asked.flatMap(({ way }) => way.preload.scripts)];
  for (const { seen } of asked) {
    refuseSecrets(seen.readWrite, scripts.map((path) => maybeReal(path) ?? path));
  }
}

function refuseSecrets(dirs: readonly string[], kept: readonly string[]): void {
  for (const dir of dirs) {
    const shown = kept.find((path) => isWithin(path, maybeReal(dir) ?? dir));
    if (shown === undefined) continue;
    throw new RtoolError("bad_config", `Cannot show ${dir} to R: the server keeps ${shown} there`, {
      hint: "grant a directory below, or keep tokens, audit and scripts elsewhere",
    });
  }
}

function maybeReal(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? one ?? other : Math.min(one, other);
}
