/**
 * R kept ready for each way it is started: the server's own, and those of profiles that ask for
 * another.
 *
 * Profiles that ask for the same share their spares. Must not know why an R is to be started so,
 * nor who has which profile.
 */

import { RtoolError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { OWNER } from "../core/profile.ts";
import type { StartCounts, Stock } from "./spare.ts";
import { Spares } from "./spares.ts";
import type { SystemLimits } from "./spawn.ts";
import type { Sweeper } from "./sweeper.ts";
import type { Worker } from "./worker.ts";
import type { SparesOptions } from "./worker_types.ts";

/** What may be different for the R of a profile. */
export type RWay = Pick<
  SparesOptions,
  "start" | "spares" | "preload" | "env" | "sandbox" | "systemLimits"
>;

/** How R is started: the server's own way, and those of profiles. */
export interface PoolsOptions extends SparesOptions {
  /** By the profile's name; who has a profile that is not there gets no R. @default {all alike} */
  readonly ways?: ReadonlyMap<string, RWay>;
}

/** An R for a session. */
export interface Hired {
  readonly worker: Worker;
  readonly how: "warm" | "cold";
  /** How it was started, to be compared with {@linkcode RSource.maybeWay}. */
  readonly way: string;
}

/** Where sessions get their R. */
export interface RSource {
  /** A started R for who has this profile. */
  take(profile: string): Promise<Hired>;
  /** How R would be started now; `undefined` when there is no such profile any more. */
  maybeWay(profile: string): string | undefined;
}

/** R kept ready for all profiles together, beside the server's own: each takes some 40 MB. */
const SPARES_MAX = 16;

interface Pool {
  /** What makes it the same pool. */
  readonly key: string;
  /** The part of that which an R cannot be without: bounds aside. */
  readonly way: string;
  readonly options: RWay;
  readonly spares: Spares;
}

/** All R of one server that no session has yet. */
export class Pools implements RSource {
  #options: PoolsOptions;
  readonly #log: Log;
  readonly #sweeper: Sweeper;
  #own: Pool;
  /** Pools of profiles by their key. */
  #pools = new Map<string, Pool>();
  #byProfile: ReadonlyMap<string, Pool> = new Map();
  /** Those of them that keep R ready, the longest unused first. */
  readonly #awake = new Set<Pool>();
  readonly #retiring = new Set<Promise<void>>();
  /** Of all pools together, also those that are no more. */
  readonly starts: StartCounts = { fork: 0, spawn: 0, template: 0, failed: 0 };

  constructor(options: PoolsOptions, log: Log, sweeper: Sweeper) {
    this.#options = options;
    this.#log = log;
    this.#sweeper = sweeper;
    this.#own = { ...namesOf(options), spares: this.#spares(bare(options), log) };
    this.#arrange();
  }

  get rVersion(): string {
    return this.#own.spares.rVersion;
  }

  /** R that no session has, whatever way it was started. */
  get stock(): Stock {
    const all = [this.#own, ...this.#pools.values()].map(({ spares }) => spares.stock);
    return {
      starting: all.reduce((sum, { starting }) => sum + starting, 0),
      ready: all.flatMap(({ ready }) => ready),
      templates: all.flatMap(({ templates }) => templates),
    };
  }

  /** Starts the server's own first R, then those of profiles; its version when it is ready. */
  async warm(): Promise<string> {
    const version = await this.#own.spares.warm();
    this.#wake();
    return version;
  }

  async take(profile: string): Promise<Hired> {
    for (;;) {
      const pool = this.#maybePool(profile);
      if (!pool) {
        const message = `The profile '${profile}' is not there any more`;
        throw new RtoolError("not_allowed", message);
      }
      this.#use(pool);
      try {
        return { ...await pool.spares.take(), way: pool.way };
      } catch (error) {
        // A pool that another has replaced meanwhile is no reason.
        if (this.#maybePool(profile) === pool) throw error;
      }
    }
  }

  maybeWay(profile: string): string | undefined {
    return this.#maybePool(profile)?.way;
  }

  /** What the system itself bounds for R of this profile. */
  limitsOf(profile: string): SystemLimits {
    return (this.#maybePool(profile) ?? this.#own).options.systemLimits;
  }

  /** From now on new sessions come from R that are started anew. */
  recycle(): void {
    for (const { spares } of [this.#own, ...this.#pools.values()]) spares.recycle();
  }

  /** Later starts obey these; what is ready for a profile that has changed is not used any more. */
  reconfigure(options: PoolsOptions): void {
    this.#options = options;
    this.#own = { ...namesOf(options), spares: this.#own.spares };
    this.#own.spares.reconfigure(bare(options));
    this.#arrange();
    this.#wake();
  }

  /** Ends every R in hand. */
  async [Symbol.asyncDispose](): Promise<void> {
    const all = [this.#own, ...this.#pools.values()];
    await Promise.all([
      ...all.map(({ spares }) => spares[Symbol.asyncDispose]()),
      ...this.#retiring,
    ]);
  }

  #maybePool(profile: string): Pool | undefined {
    // The server's own user has no other way, whatever its profiles are.
    if (profile === OWNER.name || !this.#options.ways) return this.#own;
    return this.#byProfile.get(profile);
  }

  /** Keeps R ready for as many profiles as may have some. */
  #wake(): void {
    for (const pool of this.#pools.values()) {
      if (this.#awake.has(pool)) continue;
      if (this.#kept() + pool.options.spares > SPARES_MAX) continue;
      this.#awake.add(pool);
      pool.spares.wake();
    }
  }

  /** Makes the pools that are new, and lets go of those that no profile asks for. */
  #arrange(): void {
    const pools = new Map<string, Pool>();
    const byProfile = new Map<string, Pool>();
    for (const [profile, way] of this.#options.ways ?? []) {
      const names = namesOf(way);
      const pool = names.key === this.#own.key
        ? this.#own
        : pools.get(names.key) ?? this.#pools.get(names.key) ?? this.#make(names, profile);
      byProfile.set(profile, pool);
      if (pool !== this.#own) pools.set(names.key, pool);
    }
    const [before, shared] = [this.#pools, bare(this.#options)];
    this.#pools = pools;
    this.#byProfile = byProfile;
    for (const pool of before.values()) {
      if (pools.get(pool.key) === pool) pool.spares.reconfigure({ ...shared, ...pool.options });
      else this.#retire(pool);
    }
  }

  #make(names: Omit<Pool, "spares">, profile: string): Pool {
    const log: Log = {
      info: (message, fields) => this.#log.info(message, { ...fields, profile }),
      error: (message, fields) => this.#log.error(message, { ...fields, profile }),
    };
    const options = { ...bare(this.#options), ...names.options };
    const spares = this.#spares(options, log);
    spares.rest();
    return { ...names, spares };
  }

  #spares(options: SparesOptions, log: Log): Spares {
    return new Spares(options, log, this.#sweeper, this.starts);
  }

  #retire(pool: Pool): void {
    this.#awake.delete(pool);
    const ending = pool.spares[Symbol.asyncDispose]();
    this.#retiring.add(ending);
    void ending.finally(() => this.#retiring.delete(ending));
  }

  /** Others keep nothing ready when together they would keep too much. */
  #use(pool: Pool): void {
    if (pool === this.#own) return;
    this.#awake.delete(pool);
    this.#awake.add(pool);
    for (const other of this.#awake) {
      if (other === pool || this.#kept() <= SPARES_MAX) return;
      this.#awake.delete(other);
      other.spares.rest();
    }
  }

  #kept(): number {
    return [...this.#awake].reduce((sum, { options }) => sum + options.spares, 0);
  }
}

/** The server's own options, as any pool has them. */
function bare({ ways: _, ...options }: PoolsOptions): SparesOptions {
  return options;
}

function namesOf(from: RWay): Omit<Pool, "spares"> {
  const { start, spares, preload, env, sandbox, systemLimits } = from;
  // How many tasks it may have is a bound as well.
  const shut = sandbox && { ...sandbox, tasksMax: 0 };
  return {
    options: { start, spares, preload, env, sandbox, systemLimits },
    key: JSON.stringify([start, spares, preload, env, sandbox, systemLimits]),
    way: JSON.stringify([start, preload, env, shut]),
  };
}
