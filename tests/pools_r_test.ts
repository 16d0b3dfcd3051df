/**
 * Pools: an R for each way it is started, shared by those who ask for the same, bounded together,
 * and never one of another way.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Principal } from "../core/job.ts";
import type { Log } from "../core/log.ts";
import { OWNER } from "../core/profile.ts";
import { RtoolError } from "../core/errors.ts";
import { Pools, type RWay } from "../engine/pools.ts";
import { Sweeper } from "../engine/sweeper.ts";
import { BARE, TestEngine } from "./engine.ts";

/** As many as may be kept ready for profiles together (SPARES_MAX). */
const KEPT_MAX = 16;

Deno.test("profiles that ask for the server's own way share its R, others have their own", async () => {
  await using place = await Place.open({ a: {}, b: { spares: 2 }, c: { spares: 2 } });
  const { pools } = place;
  assertEquals(pools.maybeWay("a"), pools.maybeWay(OWNER.name));
  assertEquals(pools.maybeWay("b"), pools.maybeWay("c"));
  await place.take("a");
  await place.take("b");
  await place.take("c");
  await place.settled();
  // Of the server's own, and of the first that asked for another.
  assertEquals(place.starters(), ["b", "own"]);
});

Deno.test("R of a profile has what its way says, and none of another's", async () => {
  const code = (name: string) => `Sys.setenv(WAY = "${name}")`;
  using dir = new ScriptDir({ a: code("a"), b: code("b") });
  const env = "cat(Sys.getenv('WAY', 'none'))";
  await using engine = await TestEngine.started({
    ...BARE,
    ways: new Map(["a", "b"].map((name) => [name, wayOf({ scripts: [dir.path(name)] })])),
  });
  for (const [profile, said] of [["a", "a"], ["b", "b"], ["owner", "none"]]) {
    const { stdout } = await engine.run(env, { principal: whoHas(profile!) });
    assertEquals(stdout, said);
  }
});

Deno.test("who has a profile that is not there gets no R", async () => {
  await using engine = await TestEngine.started({ ...BARE, ways: new Map() });
  const { outcome } = await engine.run("1", { principal: whoHas("gone") });
  assertEquals(outcome.kind === "rejected" && outcome.code, "not_allowed");
  assertEquals((await engine.run("1")).outcome.kind, "ok");
});

Deno.test("all profiles together keep a bounded number of R ready, and each still gets one", async () => {
  const ways = Object.fromEntries(
    [1, 2, 3, 4].map((n) => [`p${n}`, { spares: 6, openFiles: 200 + n }]),
  );
  await using place = await Place.open(ways);
  for (const profile of Object.keys(ways)) await place.take(profile);
  place.pools.recycle();
  await place.settled();
  // Beside those and what was taken, there is the server's own.
  assert(place.running() <= KEPT_MAX + 4 + 1, `${place.running()}`);
});

Deno.test("a session whose way has changed gets a clean R for its next job; one whose bounds have keeps it", async () => {
  using dir = new ScriptDir({ a: "", b: "" });
  const ways = (script: string, openFiles: number) => {
    return new Map([["p", wayOf({ scripts: [dir.path(script)], openFiles })]]);
  };
  await using engine = await TestEngine.started({ ...BARE, ways: ways("a", 200) });
  const principal = whoHas("p");
  await engine.run("x <- 1", { principal });
  engine.sessions.reconfigure({ ...engine.options, ways: ways("a", 220) });
  assertEquals((await engine.run("cat(exists('x'))", { principal })).stdout, "TRUE");
  engine.sessions.reconfigure({ ...engine.options, ways: ways("b", 220) });
  const { stdout, note } = await engine.run("cat(exists('x'))", { principal });
  assertEquals(stdout, "FALSE");
  assertStringIncludes(note ?? "", "was started as the configuration said then");
});

Deno.test("who waits for an R while its way changes gets one of the new way", async () => {
  await using place = await Place.open({ p: { openFiles: 200 } });
  const taking = place.take("p");
  place.pools.reconfigure({ ...place.options, ways: new Map([["p", wayOf({ start: "fork" })]]) });
  assertEquals((await taking).way, place.pools.maybeWay("p"));
  place.pools.reconfigure({ ...place.options, ways: new Map() });
  const error = await assertRejects(() => place.take("p"), RtoolError);
  assertEquals(error.code, "not_allowed");
});

Deno.test("sessions of one name are one for each profile and grant of a principal", async () => {
  const way = wayOf({});
  const ways = new Map([["p", way], ["q", way]]);
  await using engine = await TestEngine.started({ ...BARE, ways });
  await engine.run("x <- 1", { principal: whoHas("p") });
  const exists = async (principal: Principal) => {
    return (await engine.run("cat(exists('x'))", { principal })).stdout;
  };
  assertEquals(await exists(whoHas("p")), "TRUE");
  assertEquals(await exists(whoHas("q")), "FALSE");
  const caller = whoHas("p");
  assertEquals(
    await exists({ ...caller, profile: { ...caller.profile, grant: "call" } }),
    "FALSE",
  );
});

/** What is different of a way. */
interface Difference {
  readonly start?: "fork" | "spawn";
  readonly spares?: number;
  readonly packages?: readonly string[];
  readonly scripts?: readonly string[];
  readonly openFiles?: number;
}

function wayOf({ start, spares, packages, scripts, openFiles }: Difference): RWay {
  return {
    start: start ?? "spawn",
    spares: spares ?? 1,
    preload: { packages: packages ?? [], scripts: scripts ?? [] },
    env: BARE.env!,
    systemLimits: { memoryBytes: undefined, openFiles, fileBytes: undefined },
    sandbox: undefined,
  };
}

function whoHas(profile: string): Principal {
  const isOwner = profile === OWNER.name;
  return { name: "someone", local: isOwner, profile: { ...OWNER, name: profile } };
}

/** Pools that are asked directly. */
class Place implements AsyncDisposable {
  readonly #sweeper = new Sweeper();
  readonly #taken: AsyncDisposable[] = [];
  readonly #lines: (readonly [message: string, profile: unknown])[] = [];
  readonly pools: Pools;

  private constructor(readonly engine: TestEngine, ways: ReadonlyMap<string, RWay>) {
    const log: Log = {
      info: (message, fields) => void this.#lines.push([message, fields?.["profile"]]),
      error: () => {},
    };
    this.pools = new Pools({ ...this.options, ways }, log, this.#sweeper);
  }

  get options() {
    return this.engine.options;
  }

  static async open(ways: Readonly<Record<string, Difference>>): Promise<Place> {
    const engine = new TestEngine({ ...BARE, start: "spawn" });
    const entries = Object.entries(ways).map(([name, way]) => [name, wayOf(way)] as const);
    const place = new Place(engine, new Map(entries));
    await place.pools.warm();
    return place;
  }

  async take(profile: string) {
    const hired = await this.pools.take(profile);
    this.#taken.push(hired.worker);
    return hired;
  }

  /** Whose R have been started. */
  starters(): string[] {
    const started = this.#lines.filter(([message]) => message === "R started");
    return [...new Set(started.map(([, profile]) => String(profile ?? "own")))].sort();
  }

  /** R there are, by their directories. */
  running(): number {
    return [...Deno.readDirSync(this.engine.dir)].length;
  }

  /** Waits until nothing starts or ends any more. */
  async settled(): Promise<void> {
    let before = -1;
    for (let same = 0; same < 10;) {
      const now = this.running() + this.#lines.length * 1000;
      same = now === before ? same + 1 : 0;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pools[Symbol.asyncDispose]();
    for (const worker of this.#taken) await worker[Symbol.asyncDispose]();
    await this.#sweeper[Symbol.asyncDispose]();
    await this.engine[Symbol.asyncDispose]();
  }
}

/** Scripts by name, in a directory of their own. */
class ScriptDir implements Disposable {
  readonly #dir = Deno.makeTempDirSync({ prefix: "rtool-ways-" });

  constructor(scripts: Readonly<Record<string, string>>) {
    for (const [name, code] of Object.entries(scripts)) {
      Deno.writeTextFileSync(this.path(name), code);
    }
  }

  path(name: string): string {
    return `${this.#dir}/${name}.R`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#dir, { recursive: true });
  }
}
