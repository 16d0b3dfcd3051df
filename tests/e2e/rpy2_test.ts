/**
 * The rpy2 wire, both ways: clients of that page's format against `rtool serve`, and
 * `rtool send --wire rpy2` against servers of it. The peers are Python's standard library.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  decodeReply,
  encodeRequest,
  exchange,
  ScriptedServer,
  sendByPython,
} from "../peers/rpy2.ts";
import { rtool, startServer, type TestServer, text } from "./rtool.ts";

const encoder = new TextEncoder();
const latin1 = new TextDecoder("windows-1252");
let server: TestServer;

Deno.test.beforeAll(async () => {
  server = await startServer();
});

Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** A test against the file's one server, whose pipes stay open from test to test. */
function testServer(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });
}

/** What a well-behaved client gets printed for a well-formed request. */
async function evaluate(encoding: string, code: string, ...flags: string[]): Promise<string> {
  const { code: status, stdout, stderr } = await sendByPython(server.port, encoding, code, flags);
  assertEquals(stderr, "");
  assertEquals(status, 0);
  return stdout;
}

/** The bytes of the reply to a request that may be wrong. */
async function replyTo(
  label: string,
  body: Uint8Array<ArrayBuffer>,
  declared?: bigint,
  ending?: "close-write",
): Promise<string> {
  const request = encodeRequest(label, body, declared);
  return new TextDecoder().decode(decodeReply(await exchange(server.port, request, ending)));
}

testServer("rtool serve answers a client of rpy2's manual page", async () => {
  assertEquals(await evaluate("UTF-8", "1 + 1\n"), "[1] 2\n");
});

testServer("rtool serve takes rpy2 code without a final newline", async () => {
  assertEquals(await evaluate("UTF-8", "cat('no end')"), "no end");
});

testServer("rtool serve answers an empty rpy2 request with nothing", async () => {
  assertEquals(await evaluate("UTF-8", ""), "");
});

testServer("rtool serve keeps the variables of rpy2 requests from one to the next", async () => {
  assertEquals(await evaluate("UTF-8", "x_of_rpy2 <- 41\n"), "");
  assertEquals(await evaluate("latin-1", "x_of_rpy2 + 1\n"), "[1] 42\n");
});

testServer("rtool serve evaluates rpy2 requests in the session `main` of rtool send", async () => {
  await evaluate("UTF-8", "y_of_rpy2 <- 'ours'\n");
  const { stdout } = await server.send(["-e", "y_of_rpy2"]);
  assertEquals(text(stdout), '[1] "ours"\n');
});

for (const flags of [["--send-bytewise"], ["--read-bytewise"]]) {
  testServer(`rtool serve serves an rpy2 client with ${flags}`, async () => {
    const printed = await evaluate("utf-8", "cat('Grüße', 1:20, '\\n')\n", ...flags);
    assertEquals(printed, `Grüße ${Array.from({ length: 20 }, (_, i) => i + 1).join(" ")} \n`);
  });
}

const UNICODE_NAMES = ["UTF-8", "utf8", "utf_8", "U8"];
const LATIN1_NAMES = ["latin-1", "ISO-8859-1", "ISO8859-1", "iso8859_1", "latin1", "L1"];
const ASCII_NAMES = ["ascii", "US-ASCII"];

for (const name of [...UNICODE_NAMES, ...LATIN1_NAMES, "cp1252", "windows-1252", "iso8859-15"]) {
  testServer(`rtool serve takes and gives é and ß in '${name}'`, async () => {
    const printed = await evaluate(name, "straße <- 'é ß'; nchar(straße); cat(straße)\n");
    assertEquals(printed, "[1] 3\né ß");
  });
}

for (const name of ASCII_NAMES) {
  testServer(`rtool serve writes what '${name}' cannot hold as R would`, async () => {
    assertEquals(await evaluate(name, "cat('a\\u00e9\\U0001f600z')\n"), "a<U+00E9><U+1F600>z");
  });
}

for (const name of LATIN1_NAMES) {
  testServer(`rtool serve writes the euro sign as <U+20AC> in '${name}'`, async () => {
    assertEquals(await evaluate(name, "cat('\\u20ac \\u03a9 \\u00e9')\n"), "<U+20AC> <U+03A9> é");
  });
}

testServer("rtool serve writes the euro sign as the byte 0x80 in 'cp1252'", async () => {
  const request = encodeRequest("cp1252", encoder.encode("cat('\\u20ac \\u03a9')"));
  const reply = decodeReply(await exchange(server.port, request));
  assertEquals(reply[0], 0x80);
  assertEquals(latin1.decode(reply), "€ <U+03A9>");
});

testServer("rtool serve keeps the control characters 0x80 to 0x9f of 'latin-1'", async () => {
  assertEquals(await evaluate("latin-1", "cat(utf8ToInt('\u0085\u009f'))\n"), "133 159");
});

testServer("rtool serve replies to an rpy2 request with messages and warnings too", async () => {
  const printed = await evaluate("UTF-8", "message('for you'); warning('mind'); cat('done\\n')");
  assertMatch(printed, /for you\n/);
  assertMatch(printed, /Warning message:\nmind/);
  assertMatch(printed, /done\n/);
});

testServer("rtool serve replies to an R error with R's text, and goes on", async () => {
  const printed = await evaluate("UTF-8", "cat('before\\n'); z_of_rpy2 <- 7; stop('boom'); 99\n");
  assertMatch(printed, /^before\n/);
  assertMatch(printed, /^Error: boom$/m);
  assert(!printed.includes("99"));
  assertEquals(await evaluate("UTF-8", "z_of_rpy2\n"), "[1] 7\n");
});

testServer("rtool serve replies to code that does not parse with R's text", async () => {
  assertMatch(await evaluate("UTF-8", "1 +* 2\n"), /^Error: unexpected '\*'/);
  assertMatch(await evaluate("UTF-8", "f <- function(\n"), /^Error: unexpected end of input/);
});

testServer("rtool serve starts another session when an rpy2 request has ended it", async () => {
  await evaluate("UTF-8", "gone_with_quit <- 1\n");
  assertMatch(await evaluate("UTF-8", "cat('bye\\n'); quit(status = 3)\n"), /^bye\n/);
  assertMatch(await evaluate("UTF-8", "exists('gone_with_quit')\n"), /\[1\] FALSE\n$/);
});

testServer("rtool serve gives every byte of a large rpy2 reply", async () => {
  const printed = await evaluate("latin-1", "for (i in 1:100) cat(strrep('é', 1e5))\n");
  assertEquals(printed.length, 1e7);
  assertMatch(printed, /^é+$/);
});

testServer("rtool serve takes an rpy2 request of many pieces", async () => {
  const code = `x <- c(${"'ééééééééé', ".repeat(40_000)}'');\nsum(nchar(x))\n`;
  assertEquals(await evaluate("UTF-8", code), "[1] 360000\n");
});

for (const label of ["no-such-encoding", "base64", "utf-16"]) {
  testServer(`rtool serve refuses the rpy2 encoding '${label}' by its name`, async () => {
    assertMatch(await replyTo(label, encoder.encode("cat(1)")), new RegExp(`"${label}"`));
  });
}

testServer("rtool serve refuses an rpy2 length over its bound without waiting for it", async () => {
  assertMatch(await replyTo("UTF-8", new Uint8Array(0), 2n ** 63n), /9223372036854775808/);
  assertMatch(await replyTo("UTF-8", new Uint8Array(0), 2n ** 64n - 1n), /18446744073709551615/);
});

testServer("rtool serve tells a client that did send too much code so", async () => {
  const refused = await sendByPython(server.port, "UTF-8", `# ${"x".repeat(40 * 2 ** 20)}\n`);
  assertEquals(refused.stderr, "");
  assertMatch(refused.stdout, /bytes of code/);
});

testServer("rtool serve refuses an rpy2 request whose body is short", async () => {
  const reply = await replyTo("UTF-8", encoder.encode("cat(1)"), 10n, "close-write");
  assertMatch(reply, /after 6 of the 10 bytes/);
});

testServer("rtool serve refuses rpy2 code that is not of its encoding", async () => {
  assertMatch(await replyTo("UTF-8", Uint8Array.of(0x22, 0xe9, 0x22)), /not UTF-8/);
  assertMatch(await replyTo("ascii", Uint8Array.of(0x22, 0xe9, 0x22)), /0xE9/);
});

for (const method of ["GET", "POST", "OPTIONS"]) {
  testServer(`rtool serve answers HTTP ${method} by naming its own protocol`, async () => {
    const request = `${method} /eval HTTP/1.1\r\nHost: localhost:9090\r\n\r\n1 + 1`;
    const reply = new TextDecoder().decode(await exchange(server.port, encoder.encode(request)));
    assertMatch(reply, /^HTTP\/1\.1 400 /);
    assertMatch(reply, /rtool/);
  });
}

testServer("rtool serve interrupts R when the rpy2 client has gone", async () => {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(encodeRequest("UTF-8", encoder.encode("Sys.sleep(60)")));
  await new Promise((resolve) => setTimeout(resolve, 300));
  conn.close();
  const start = performance.now();
  assertEquals(await evaluate("UTF-8", "cat('free')\n"), "free");
  assert(performance.now() - start < 5000);
});

Deno.test("rtool send --wire rpy2 prints what the server replies", async () => {
  await using peer = await ScriptedServer.start("--reply", "upper");
  const sent = await sendToPeer(peer, ["-e", "cat('grüße')"]);
  assertEquals(sent, { code: 0, stdout: "CAT('GRÜSSE')", stderr: "" });
});

Deno.test("rtool send --wire rpy2 sends standard input as it is", async () => {
  await using peer = await ScriptedServer.start("--reply", "upper");
  const sent = await sendToPeer(peer, [], "a\nb # ohne Ende");
  assertEquals(sent, { code: 0, stdout: "A\nB # OHNE ENDE", stderr: "" });
});

Deno.test("rtool send --wire rpy2 announces UTF-8 and its count of bytes", async () => {
  await using peer = await ScriptedServer.start("--reply", "describe");
  const { stdout } = await sendToPeer(peer, [], "é ß");
  assertMatch(stdout, /^label utf-?8$/im);
  assertMatch(stdout, /^bytes c3 a9 20 c3 9f$/m);
});

Deno.test("rtool send --wire rpy2 --encoding latin-1 sends and reads Latin-1", async () => {
  await using peer = await ScriptedServer.start("--reply", "describe");
  const { stdout } = await sendToPeer(peer, ["--encoding", "latin-1", "-e", "'é'"]);
  assertMatch(stdout, /^bytes 27 e9 27( 0a)?$/m);
  await using echo = await ScriptedServer.start("--reply", "é ß\n");
  const sent = await sendToPeer(echo, ["--encoding", "latin-1", "-e", "1"]);
  assertEquals(sent, { code: 0, stdout: "é ß\n", stderr: "" });
});

Deno.test("rtool send --wire rpy2 reads a reply that comes byte by byte", async () => {
  await using peer = await ScriptedServer.start("--bytewise", "--reply", "Grüße, 100 €\n");
  assertEquals((await sendToPeer(peer, ["-e", "1"])).stdout, "Grüße, 100 €\n");
});

Deno.test("rtool send --wire rpy2 takes an empty reply for one", async () => {
  await using peer = await ScriptedServer.start("--reply", "");
  assertEquals(await sendToPeer(peer, ["-e", "1"]), { code: 0, stdout: "", stderr: "" });
});

for (const bytes of [0, 3, 8, 12]) {
  Deno.test(`rtool send --wire rpy2 ends with 76 when ${bytes} bytes of a reply come`, async () => {
    await using peer = await ScriptedServer.start("--cut", `${bytes}`, "--reply", "0123456789\n");
    const { code, stderr } = await sendToPeer(peer, ["-e", "1"]);
    assertEquals(code, 76);
    assert(stderr !== "");
  });
}

for (const declared of [12n, 2n ** 62n, 2n ** 64n - 1n]) {
  Deno.test(`rtool send --wire rpy2 ends with 76 for 11 bytes said to be ${declared}`, async () => {
    const flags = ["--declare", `${declared}`, "--reply", "0123456789\n"];
    await using peer = await ScriptedServer.start(...flags);
    assertEquals((await sendToPeer(peer, ["-e", "1"])).code, 76);
  });
}

Deno.test("rtool send --wire rpy2 prints no more than was announced", async () => {
  await using peer = await ScriptedServer.start("--declare", "4", "--reply", "0123456789\n");
  assertEquals((await sendToPeer(peer, ["-e", "1"])).stdout, "0123");
});

Deno.test("rtool send --wire rpy2 ends with 69 when nothing listens", async () => {
  const peer = await ScriptedServer.start();
  await peer[Symbol.asyncDispose]();
  assertEquals((await sendToPeer(peer, ["-e", "1"])).code, 69);
});

testServer("rtool send --wire rpy2 understands rtool serve", async () => {
  assertEquals(await sendToPeer(server, ["-e", "cat('é')"]), { code: 0, stdout: "é", stderr: "" });
});

async function sendToPeer({ port }: { port: number }, args: readonly string[], stdin = "") {
  const sent = await rtool(["send", "--wire", "rpy2", "--port", `${port}`, ...args], { stdin });
  return { code: sent.code, stdout: text(sent.stdout), stderr: text(sent.stderr) };
}
