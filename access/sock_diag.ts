/**
 * Asks the Linux kernel about one TCP socket: sock_diag(7), an exact look-up.
 *
 * /proc/net/tcp tells the same, but the kernel walks all of its hash table for each reading of it:
 * milliseconds, where this takes microseconds. Layouts: linux/inet_diag.h.
 */

/** Who owns a socket. */
export interface SocketOwner {
  readonly uid: number;
  /** 0 when the process that had the socket has closed it. */
  readonly inode: number;
}

/** Looks a socket up by its two ends; `undefined` where the kernel does not answer. */
export type LookUp = (local: Deno.NetAddr, remote: Deno.NetAddr) => SocketOwner | undefined;

const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0x80000;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
const MSG_DONTWAIT = 0x40;
const IPPROTO_TCP = 6;

const REQUEST_BYTES = 72;
const REPLY_BYTES_MIN = 88;
const UID_AT = 80;
const INODE_AT = 84;

/** Opens the kernel's socket for questions, or `undefined` where there is none. */
export function maybeLookUp(): LookUp | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    const { symbols: libc } = Deno.dlopen("libc.so.6", {
      socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
      send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
      recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
    });
    const fd = libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) return undefined;
    const reply = new Uint8Array(4096);
    return (local, remote) => {
      const request = encodeRequest(local, remote);
      if (!request) return undefined;
      if (libc.send(fd, request, BigInt(request.length), 0) < 0n) return undefined;
      const count = libc.recv(fd, reply, BigInt(reply.length), MSG_DONTWAIT);
      return parseReply(reply.subarray(0, Math.max(0, Number(count))));
    };
  } catch {
    return undefined;
  }
}

function encodeRequest(
  local: Deno.NetAddr,
  remote: Deno.NetAddr,
): Uint8Array<ArrayBuffer> | undefined {
  const source = addressBytes(local.hostname);
  const target = addressBytes(remote.hostname);
  if (!source || !target || source.length !== target.length) return undefined;
  const bytes = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, REQUEST_BYTES, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint16(6, NLM_F_REQUEST, true);
  bytes[16] = source.length === 4 ? AF_INET : AF_INET6;
  bytes[17] = IPPROTO_TCP;
  view.setUint32(20, 0xffffffff, true); // Sockets in any state.
  view.setUint16(24, local.port);
  view.setUint16(26, remote.port);
  bytes.set(source, 28);
  bytes.set(target, 44);
  bytes.fill(0xff, 64, 72); // No cookie.
  return bytes;
}

/** Reads the answer; anything but one socket is no answer. */
export function parseReply(reply: Uint8Array): SocketOwner | undefined {
  if (reply.length < REPLY_BYTES_MIN) return undefined;
  const view = new DataView(reply.buffer, reply.byteOffset, reply.length);
  if (view.getUint16(4, true) !== SOCK_DIAG_BY_FAMILY) return undefined;
  return { uid: view.getUint32(UID_AT, true), inode: view.getUint32(INODE_AT, true) };
}

/** An IPv4 address, or the IPv6 loopback, in network order. */
function addressBytes(hostname: string): Uint8Array | undefined {
  if (hostname === "::1") return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  const parts = hostname.split(".").map(Number);
  const valid = parts.length === 4 && parts.every((n) => Number.isInteger(n) && n >= 0 && n < 256);
  return valid ? Uint8Array.from(parts) : undefined;
}
