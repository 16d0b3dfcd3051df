/**
 * Hides this process from others of the same user: its memory, environment and open files.
 *
 * R runs as the server's user, so without this any job could read out of /proc what the server
 * knows of others. prctl(2), PR_SET_DUMPABLE; what a process starts is visible again by its exec.
 */

import type { Log } from "../core/log.ts";

const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;

/** Hides this process, or says in the log that it is not hidden. */
export function hideProcess(log: Log): void {
  const reason = maybeUnhidden();
  if (reason !== undefined) log.error("jobs can read this server's memory", { reason });
}

/** Hides this process; why it cannot be, or `undefined` when it is done. Linux only. */
function maybeUnhidden(): string | undefined {
  if (Deno.build.os !== "linux") return `${Deno.build.os} has no way to`;
  try {
    using libc = openLibc();
    const { prctl } = libc.symbols;
    prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n);
    return prctl(PR_GET_DUMPABLE, 0n, 0n, 0n, 0n) === 0 ? undefined : "the kernel refuses";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function openLibc() {
  const long = "u64" as const;
  const library = Deno.dlopen("libc.so.6", {
    prctl: { parameters: ["i32", long, long, long, long], result: "i32" },
  });
  return { symbols: library.symbols, [Symbol.dispose]: () => library.close() };
}
