/**
 * The surroundings of `rtool doctor`: this machine and this process.
 */

import { Client } from "../client.ts";
import { SOFTWARE } from "../core/version.ts";
import { runBriefly } from "../engine/spawn.ts";
import { tryBroker } from "./doctor_broker.ts";
import type { PortState, Site, Trials } from "./doctor_finding.ts";
import { maybeOpenFilesMax, rEnvironment } from "./serve.ts";

/** Helpers answer in milliseconds; R takes longer on a machine that is busy. */
const HELPER_MS = 1500;
const R_MS = 10_000;
const PORT_MS = 700;

const SYS_LANDLOCK_CREATE_RULESET = 444n;
const LANDLOCK_CREATE_RULESET_VERSION = 1n;

/** This machine. */
export function realSite(env: Site["env"], { tryConfined, tryAccess }: Trials): Site {
  const helperEnv = { PATH: env("PATH") ?? "/usr/bin:/bin", LC_ALL: "C" };
  return {
    os: Deno.build.os,
    uid: Deno.uid(),
    env,
    now: Date.now,
    maybeText: (path) => quietly(() => Deno.readTextFileSync(path)),
    maybeFile: (path) =>
      quietly(() => {
        const { mode, uid, isDirectory } = Deno.statSync(path);
        return { mode: mode ?? 0, uid, isDirectory };
      }),
    list: (path) => quietly(() => [...Deno.readDirSync(path)].map(({ name }) => name)) ?? [],
    mayWrite: (path) => quietly(() => Deno.openSync(path, { write: true }).close()) !== undefined,
    run: (program, args) => runBriefly(program, args, helperEnv, HELPER_MS),
    runR: (command, code) =>
      runBriefly(command, ["--vanilla", "--no-echo", "-e", code], rEnvironment(env), R_MS),
    tryStateDir,
    askPort,
    tryConfined: (options) => tryConfined(options, env),
    tryAccess: (options) => tryAccess(options, env),
    tryBroker: (options) => tryBroker(options, env),
    landlockAbi: () => quietly(landlockAbi) ?? 0,
    openFilesMax: maybeOpenFilesMax,
  };
}

function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function tryStateDir(): ReturnType<Site["tryStateDir"]> {
  try {
    const dir = Deno.makeTempDirSync({ prefix: "rtool-doctor-" });
    const mode = Deno.statSync(dir).mode ?? 0o700;
    Deno.removeSync(dir);
    return { path: dir.slice(0, dir.lastIndexOf("/")) || "/", mode: mode & 0o777 };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

async function askPort(hostname: string, port: number): Promise<PortState> {
  try {
    Deno.listen({ hostname, port }).close();
    return { kind: "free" };
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) {
      return { kind: "refused", reason: error instanceof Error ? error.message : String(error) };
    }
  }
  try {
    const address = { hostname, port, timeoutMs: PORT_MS, software: SOFTWARE };
    await using client = await Client.connect(address);
    return { kind: "rtool", software: (await client.hello).software };
  } catch {
    return { kind: "taken" };
  }
}

function landlockAbi(): number {
  const long = "u64" as const;
  const libc = Deno.dlopen("libc.so.6", {
    syscall: { parameters: [long, long, long, long], result: "i64" },
  });
  const abi = libc.symbols.syscall(
    SYS_LANDLOCK_CREATE_RULESET,
    0n,
    0n,
    LANDLOCK_CREATE_RULESET_VERSION,
  );
  libc.close();
  return Number(abi);
}
