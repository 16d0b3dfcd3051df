/**
 * Engines whose R is confined, the user it runs as where tests run as root, and what outlives it.
 */

import { assertEquals } from "@std/assert";
import { type ReadySandbox, readySandbox } from "../engine/isolation.ts";
import { type EngineOptions } from "../engine/sessions.ts";
import { rEnvironment, TestEngine } from "./engine.ts";

/** Made once, and left: another test may be using it. */
const USER = "rtool-test-worker";

/** Runs what comes behind bubblewrap's options, and shuts nothing in. */
const NO_SANDBOX = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n';

/** A directory whose `bwrap` is no sandbox; everybody may run it. */
export async function makeNoSandbox(): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "rtool-no-sandbox-" });
  await Deno.chmod(dir, 0o755);
  await Deno.writeTextFile(`${dir}/bwrap`, NO_SANDBOX, { mode: 0o755 });
  return dir;
}

/** What a sandbox shows beside what R needs. */
export interface Grants {
  readonly readOnly?: readonly string[];
  readonly readWrite?: readonly string[];
  readonly network?: boolean;
}

/** Who R is to run as: nobody is named where tests do not run as root. */
export async function workerUser(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return undefined;
  const made = await new Deno.Command("useradd", {
    args: ["--system", "--no-create-home", USER],
    stderr: "null",
  }).output();
  // 9: there is one of that name.
  assertEquals([0, 9].includes(made.code), true, "Cannot make a user");
  return USER;
}

/** Arguments of `rtool serve` that confine R to that user. */
export async function confinedArgs(level: "confined" | "required"): Promise<string[]> {
  const user = await workerUser();
  return ["--isolation", level, ...(user === undefined ? [] : ["--worker-user", user])];
}

/** A sandbox for R below a directory of its own. */
export async function makeSandbox(
  grants: Grants = {},
): Promise<ReadySandbox & { readonly stateDir: string }> {
  const stateDir = await Deno.makeTempDir({ prefix: "rtool-test-" });
  const ready = await readySandbox({
    command: "R",
    env: rEnvironment(),
    stateDir,
    user: await workerUser(),
    readOnly: [],
    readWrite: [],
    network: false,
    processesMax: 16,
    ...grants,
  });
  return { ...ready, stateDir };
}

/** Ids of the processes that are `sleep SECONDS`, whoever has started them. */
export function sleepers(seconds: number): number[] {
  const all = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name));
  return all.map(({ name }) => Number(name)).filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`) === `sleep\0${seconds}\0`;
    } catch {
      return false; // It has ended meanwhile.
    }
  });
}

/** An engine whose first R is ready, and confined. */
export async function confinedEngine(
  grants: Grants = {},
  options: Partial<EngineOptions> = {},
): Promise<TestEngine> {
  return await TestEngine.started({ ...await makeSandbox(grants), ...options });
}
