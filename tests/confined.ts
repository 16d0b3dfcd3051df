/**
 * Engines whose R is confined, the user it runs as where tests run as root, and what outlives it.
 */

import { assertEquals } from "@std/assert";
import { type ReadySandbox, readySandbox } from "../engine/isolation.ts";
import { type EngineOptions } from "../engine/sessions.ts";
import { rEnvironment, TestEngine } from "./engine.ts";

/** Made once, and left: another test may be using it. */
const USER = "rtool-test-worker";

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
