/**
 * Accepting connections for as long as a port is open, whatever befalls a single one.
 */

import type { Log } from "./core/log.ts";

/** Pause after a failed accept: with no file descriptor left, the next one fails too. */
const ACCEPT_PAUSE_MS = 50;

/** The next connection; `undefined` when none came this time, or `signal` has closed the port. */
export async function maybeAccept(
  listener: Deno.TcpListener,
  signal: AbortSignal,
  log: Log,
): Promise<Deno.TcpConn | undefined> {
  try {
    return await listener.accept();
  } catch (error) {
    if (signal.aborted) return undefined;
    log.error("accept failed", { error: String(error) });
    await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
    return undefined;
  }
}
