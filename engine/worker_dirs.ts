/**
 * The directories of one R, below the server's.
 *
 * Must not know what lies in them. A confined R can write to its own, so nothing there may be
 * opened by name: it may be a link to elsewhere. What the server makes for it lies in the other.
 */

import type { Sandbox } from "./sandbox.ts";

/** Directories of one R. */
export interface WorkerDirs {
  /** R's own. */
  readonly dir: string;
  /** What the server makes for R to see: a confined R may only read it. */
  readonly control: string;
}

/** Makes them, for whoever R runs as; without a sandbox they are one. */
export function makeWorkerDirs(
  stateDir: string,
  id: string,
  sandbox: Sandbox | undefined,
): WorkerDirs {
  const dir = `${stateDir}/${id}`;
  const control = sandbox ? `${dir}-control` : dir;
  for (const path of new Set([dir, control])) {
    Deno.mkdirSync(path, { mode: 0o700 });
    if (sandbox?.user) Deno.chownSync(path, sandbox.user.uid, sandbox.user.gid);
  }
  return { dir, control };
}

/** Takes them away with all that is in them. Never rejects. */
export async function removeWorkerDirs({ dir, control }: WorkerDirs): Promise<void> {
  for (const path of new Set([dir, control])) {
    await Deno.remove(path, { recursive: true }).catch(() => {});
  }
}
