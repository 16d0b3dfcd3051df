/**
 * What comes with a job, on its way from the server's directory to that of its R.
 *
 * Knows files and nothing of what is in them.
 */

import type { Upload } from "../core/item.ts";
import type { Brought } from "./commands.ts";
import type { SystemUser } from "./sandbox.ts";
import { randomHex } from "./job.ts";

const NOTHING: Brought = { files: {}, data: {}, args: undefined };

/**
 * Links the files into R's directory `dir`, under names nobody can guess. The job's own links stay
 * until {@linkcode discardUploads}: it may have to be given to another R. `user` is who R runs as,
 * if that is not us.
 */
export function bring(
  uploads: readonly Upload[],
  dir: string,
  user: SystemUser | undefined,
): Brought {
  if (uploads.length === 0) return NOTHING;
  const files: Record<string, string> = {};
  const data: Record<string, string> = {};
  let args: string | undefined;
  for (const { target, path } of uploads) {
    const link = `${dir}/in-${randomHex()}`;
    maybeLink(path, link, user);
    if (target.kind === "file") files[target.path] = link;
    else if (target.kind === "data") data[target.name] = link;
    else args = link;
  }
  return { files, data, args };
}

function maybeLink(path: string | undefined, link: string, user: SystemUser | undefined): void {
  try {
    // Under the name only we can change: in R's own directory it could lead elsewhere by now.
    if (path !== undefined && user) Deno.chownSync(path, user.uid, user.gid);
    if (path !== undefined) Deno.linkSync(path, link);
  } catch {
    // R is about to end, and its directory has gone: whoever holds the job will see.
  }
}

/** Takes away what came with a job that has ended. */
export function discardUploads(uploads: readonly Upload[]): void {
  for (const { path } of uploads) {
    try {
      if (path !== undefined) Deno.removeSync(path);
    } catch {
      // Gone with the server's directory.
    }
  }
}
