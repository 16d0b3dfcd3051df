/**
 * Which machine this is: a client behind a tunnel looks local, but its directories are elsewhere.
 */

/** An id both ends have in common only on one machine, or `undefined` where there is none. */
export function maybeMachineId(): string | undefined {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  } catch {
    return undefined;
  }
}
