/**
 * Who is at the other end of a loopback connection: the user id the kernel has for the peer's
 * socket.
 *
 * Format of /proc/net/tcp: proc(5); addresses are hexadecimal, each 32-bit word in host order.
 */

/** Both ends of a connection, seen from here. */
export interface Ends {
  readonly local: Deno.NetAddr;
  readonly remote: Deno.NetAddr;
}

/** Whether an address can only be reached from this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "::1" || hostname === "localhost" || /^127(\.\d{1,3}){3}$/.test(hostname) ||
    /^::ffff:127(\.\d{1,3}){3}$/.test(hostname);
}

/** User id of the peer, or `undefined` where the kernel does not tell. */
export function maybePeerUid(ends: Ends): number | undefined {
  const table = ends.remote.hostname.includes(":") ? "tcp6" : "tcp";
  // The peer's socket has our two ends the other way round.
  const local = hexEnd(ends.remote);
  const remote = hexEnd(ends.local);
  if (local === undefined || remote === undefined) return undefined;
  try {
    return findUid(Deno.readTextFileSync(`/proc/net/${table}`), local, remote);
  } catch {
    return undefined;
  }
}

/** The uid column of the row with these two ends. */
export function findUid(table: string, local: string, remote: string): number | undefined {
  const at = table.indexOf(` ${local} ${remote} `);
  if (at < 0) return undefined;
  const end = table.indexOf("\n", at);
  const columns = table.slice(at, end < 0 ? undefined : end).trim().split(/\s+/);
  const uid = Number(columns[6]);
  return Number.isInteger(uid) ? uid : undefined;
}

/** `address:port` as the kernel prints it on a little-endian machine. */
export function hexEnd(address: Deno.NetAddr): string | undefined {
  const port = address.port.toString(16).toUpperCase().padStart(4, "0");
  const host = address.hostname === "::1"
    ? "00000000000000000000000001000000"
    : hexIpv4(address.hostname);
  return host === undefined ? undefined : `${host}:${port}`;
}

function hexIpv4(hostname: string): string | undefined {
  const parts = hostname.split(".").map(Number);
  if (parts.length !== 4 || parts.some((n) => !Number.isInteger(n) || n < 0 || n > 255)) {
    return undefined;
  }
  return parts.reverse().map((n) => n.toString(16).toUpperCase().padStart(2, "0")).join("");
}
