/**
 * Who is at the other end of a loopback connection: the user id the kernel has for the peer's
 * socket.
 *
 * Format of /proc/net/tcp: proc(5); addresses are hexadecimal, each 32-bit word in host order.
 */

import type { PeerCertificate } from "../core/certificate.ts";
import { isLoopback } from "../core/loopback.ts";
import { type LookUp, maybeLookUp } from "./sock_diag.ts";

/** Both ends of a connection, seen from here. */
export interface Ends {
  readonly local: Deno.NetAddr;
  readonly remote: Deno.NetAddr;
  /** What the peer has shown under TLS; our authority has signed it. */
  readonly certificate?: PeerCertificate | undefined;
}

let lookUp: LookUp | false | undefined;

/**
 * User id of the peer, or `undefined` where the kernel does not tell. A socket that its process has
 * closed belongs to nobody: the kernel then shows user 0, which must not be taken for root.
 */
export function maybePeerUid(ends: Ends): number | undefined {
  lookUp ??= maybeLookUp() ?? false;
  if (!lookUp) return maybeUidFromProc(ends);
  const owner = lookUp(ends.remote, ends.local);
  return owner && owner.inode !== 0 ? owner.uid : undefined;
}

/** Whether the peer's process has closed its socket. False where the kernel does not tell. */
export function hasGone(ends: Ends): boolean {
  lookUp ??= maybeLookUp() ?? false;
  if (!lookUp || !isLoopback(ends.remote.hostname)) return false;
  const owner = lookUp(ends.remote, ends.local);
  return owner === undefined || owner.inode === 0;
}

/** The same, where the kernel cannot be asked directly. */
function maybeUidFromProc(ends: Ends): number | undefined {
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
  // A socket its process has closed belongs to nobody: the kernel shows uid 0 and inode 0.
  return Number.isInteger(uid) && columns[8] !== "0" ? uid : undefined;
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
