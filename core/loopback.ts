/**
 * Which addresses never leave this machine.
 *
 * Imports nothing: server and client ask it alike.
 */

/** Whether an address can only be reached from this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "::1" || hostname === "localhost" || /^127(\.\d{1,3}){3}$/.test(hostname) ||
    /^::ffff:127(\.\d{1,3}){3}$/.test(hostname);
}
