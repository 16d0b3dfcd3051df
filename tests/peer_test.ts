/**
 * Who is at the other end of a loopback connection, from the kernel's table of sockets.
 */

import { assertEquals } from "@std/assert";
import { type Ends, findUid, hasGone, hexEnd, maybePeerUid } from "../access/peer.ts";
import { isLoopback } from "../core/loopback.ts";
import { maybeLookUp, parseReply } from "../access/sock_diag.ts";

/**
 * /proc/net/tcp as the kernel prints it: a listener, both ends of two connections, and the dead.
 */
const TCP = `\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2382 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21701 1 0 100 0 0 10 0
   1: 0100007F:2382 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 21702 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:2382 01 00000000:00000000 00:00000000 00000000  1000        0 21703 1 0 20 4 30 10 -1
   3: 0100007F:C351 0100007F:2382 01 00000000:00000000 00:00000000 00000000 65534        0 21704 1 0 20 4 30 10 -1
   4: 0200007F:C350 0100007F:2382 01 00000000:00000000 00:00000000 00000000  1001        0 21705 1 0 20 4 30 10 -1
   5: 0100007F:C352 0100007F:2382 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1
   6: 0100007F:C353 0100007F:2382 06 00000000:00000000 03:000012A0 00000000     0        0 0 3 0
   7: 0100007F:C354 0100007F:2382 05 00000000:00000000 00:00000000 00000000  1000        0 21709 1 0 20 4 30 10 -1
   8: 0100007F:C355 0100007F:2382 01`;

// Opens what stays open for as long as the process lives: no test is to be blamed for it.
hasGone({ local: end("127.0.0.1", 1), remote: end("127.0.0.1", 1) });
const lookUp = maybeLookUp();

const SERVER = "0100007F:2382";
const uidAt = (port: string) => findUid(TCP, `0100007F:${port}`, SERVER);

Deno.test("findUid() finds the user of the socket with these two ends", () => {
  assertEquals(uidAt("C350"), 1000);
  assertEquals(uidAt("C351"), 65534);
  assertEquals(findUid(TCP, "0200007F:C350", SERVER), 1001);
});

Deno.test("findUid() does not take our own end of the connection for the peer's", () => {
  assertEquals(findUid(TCP, SERVER, "0100007F:C350"), 0);
  assertEquals(uidAt("2382"), undefined);
});

Deno.test("findUid() still knows a peer that has only shut down its sending side", () => {
  assertEquals(uidAt("C354"), 1000);
});

Deno.test("findUid() does not believe the uid 0 of a socket that its process has closed", () => {
  // Linux before 6.17 prints 0, root's number, for a socket nobody holds any more: it has no inode.
  assertEquals(uidAt("C352"), undefined);
  assertEquals(uidAt("C353"), undefined);
});

Deno.test("findUid() finds nothing where there is nothing, nor in a table that is cut off", () => {
  assertEquals(uidAt("C355"), undefined);
  assertEquals(uidAt("FFFF"), undefined);
  assertEquals(findUid("", "0100007F:C350", SERVER), undefined);
  assertEquals(findUid(TCP, "00007F:C350", SERVER), undefined);
});

Deno.test("hexEnd() writes an end of a connection as the kernel does", () => {
  const cases = [
    ["127.0.0.1", 9090, "0100007F:2382"],
    ["10.1.2.255", 80, "FF02010A:0050"],
    ["0.0.0.0", 0, "00000000:0000"],
    ["127.0.0.1", 65535, "0100007F:FFFF"],
    ["::1", 9090, "00000000000000000000000001000000:2382"],
  ] as const;
  for (const [hostname, port, hex] of cases) assertEquals(hexEnd(end(hostname, port)), hex);
});

Deno.test("hexEnd() leaves alone what it does not understand", () => {
  for (const hostname of ["localhost", "fe80::1", "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d"]) {
    assertEquals(hexEnd(end(hostname, 1)), undefined, hostname);
  }
});

Deno.test("isLoopback() knows the addresses that only this machine can reach", () => {
  for (const hostname of ["127.0.0.1", "127.1.2.3", "::1", "localhost", "::ffff:127.0.0.1"]) {
    assertEquals(isLoopback(hostname), true, hostname);
  }
  const others = ["0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "127.0.0.1.example.org", "x127.0.0.1"];
  for (const hostname of [...others, "127.0.0", "", "::ffff:10.0.0.1", "::2", "localhost.org"]) {
    assertEquals(isLoopback(hostname), false, hostname);
  }
});

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(
    `maybePeerUid() tells our own user over ${hostname}`,
    { ignore: !hasTable() },
    async () => {
      await withConnection(hostname, (ends) => assertEquals(maybePeerUid(ends), Deno.uid()!));
    },
  );
}

Deno.test("hasGone() tells a peer that has closed from one that is there", {
  ignore: !hasTable(),
}, async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using accepted = await listener.accept();
  const ends = { local: accepted.localAddr, remote: accepted.remoteAddr };
  assertEquals(hasGone(ends), false);
  await client.closeWrite();
  assertEquals(hasGone(ends), false);
  client.close();
  assertEquals(hasGone(ends), true);
  assertEquals(maybePeerUid(ends), undefined);
});

Deno.test("both ways to ask the kernel give the same user", { ignore: !hasTable() }, async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    await withConnection(hostname, ({ local, remote }) => {
      const table = Deno.readTextFileSync(`/proc/net/${hostname === "::1" ? "tcp6" : "tcp"}`);
      assertEquals(lookUp?.(remote, local)?.uid, findUid(table, hexEnd(remote)!, hexEnd(local)!));
    });
  }
});

Deno.test("parseReply() reads one socket, and nothing of what is cut off or is another answer", () => {
  const reply = new Uint8Array(120);
  const view = new DataView(reply.buffer);
  view.setUint16(4, 20, true);
  view.setUint32(80, 1000, true);
  view.setUint32(84, 77, true);
  assertEquals(parseReply(reply), { uid: 1000, inode: 77 });
  for (let length = 0; length < 88; length++) {
    assertEquals(parseReply(reply.subarray(0, length)), undefined);
  }
  view.setUint16(4, 2, true); // NLMSG_ERROR
  assertEquals(parseReply(reply), undefined);
});

function end(hostname: string, port: number): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}

/** Both ends of a real connection, as its server sees them. */
async function withConnection(hostname: string, use: (ends: Ends) => void): Promise<void> {
  using listener = Deno.listen({ hostname, port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  using _client = await Deno.connect({ hostname, port });
  using accepted = await listener.accept();
  use({ local: accepted.localAddr as Deno.NetAddr, remote: accepted.remoteAddr as Deno.NetAddr });
}

/** Whether the kernel has such a table at all. */
function hasTable(): boolean {
  return Deno.build.os === "linux";
}
