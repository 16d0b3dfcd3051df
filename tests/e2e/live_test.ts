/**
 * What R prints reaches the client when R prints it, and all of it: however it is printed, however
 * slowly it is read, and whatever it looks like.
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { createHash } from "node:crypto";
import { kill, readAll } from "./processes.ts";
import { spawnRtool, startServer, type TestServer, text } from "./rtool.ts";

/** How late the first bytes may be, by the clock of the same machine. */
const LATE_MS = 100;

/** So much is sent to a reader that sleeps first: 64 MB, a little less than a job may print. */
const BYTES = 64_000_000;

/** Prints a number of seconds since 1970 without a space or an end of line. */
const NOW = `sprintf("%.6f", as.numeric(Sys.time()))`;

/** Finds the C library's puts(), which prints through C's own buffer. */
const PUTS = `
  maps <- readLines("/proc/self/maps")
  libc <- dyn.load(sub(".* ", "", grep("/libc[.-].*so", maps, value = TRUE))[1])
  puts <- getNativeSymbolInfo("puts", libc)
  say <- function(bytes) invisible(.C(puts, c(bytes, as.raw(0))))
`;

let server: TestServer;

// The server's pipes live longer than one test.
const ACROSS_TESTS = { sanitizeOps: false, sanitizeResources: false };

Deno.test.beforeAll(async () => {
  server = await startServer();
  await server.send(["-e", "invisible(1)"]);
});

Deno.test.afterAll(() => server[Symbol.asyncDispose]());

/** Each prints the time, and then does nothing for a while. */
const PRINTERS: readonly (readonly [how: string, stream: "stdout" | "stderr", code: string])[] = [
  ["print()", "stdout", `print(${NOW}, quote = FALSE)`],
  ["an autoprinted value", "stdout", NOW],
  ["cat() without an end of line", "stdout", `cat(${NOW})`],
  ["message()", "stderr", `message(${NOW})`],
  ["cat() to stderr without an end of line", "stderr", `cat(${NOW}, file = stderr())`],
  ["an immediate warning", "stderr", `warning(${NOW}, immediate. = TRUE)`],
  ["a child of R", "stdout", `system("date +%s.%N")`],
  ["a child of R on stderr", "stderr", `system("date +%s.%N >&2")`],
  ["C code", "stdout", `${PUTS}\nsay(charToRaw(${NOW})); flush(stdout())`],
  ["R's own C code", "stdout", `.Internal(inspect(${NOW}))`],
];

for (const [how, stream, code] of PRINTERS) {
  Deno.test(`what ${how} prints is there within ${LATE_MS} ms`, ACROSS_TESTS, async () => {
    let lateMs = Infinity;
    // The machine may stall; what rtool held back would be late each time.
    for (let n = 0; n < 3 && lateMs >= LATE_MS; n++) lateMs = await lateness(stream, code);
    assertLess(lateMs, LATE_MS);
  });
}

/** Milliseconds from the time that the code prints to that at which it is seen. */
async function lateness(stream: "stdout" | "stderr", code: string): Promise<number> {
  let lateMs = Infinity;
  await withSend(`${code}\nSys.sleep(1)\ncat("end\\n")`, async (child) => {
    const reader = child[stream].getReader();
    let seen = "";
    while (!/\d{10}\.\d{6}/.test(seen)) {
      const { value, done } = await reader.read();
      assert(!done, `Ended after ${seen}`);
      seen += text(value);
    }
    lateMs = Date.now() - Number(/\d{10}\.\d{6}/.exec(seen)?.[0]) * 1000;
    reader.releaseLock();
  });
  return lateMs;
}

Deno.test("each byte of a slow printer comes by itself", ACROSS_TESTS, async () => {
  await withSend(`for (i in 1:5) { cat("."); Sys.sleep(0.3) }`, async (child) => {
    const times: number[] = [];
    for await (const chunk of child.stdout) {
      assertEquals(text(chunk), ".");
      times.push(performance.now());
    }
    assertEquals(times.length, 5);
    times.slice(1).forEach((time, i) => assert(time - (times[i] ?? 0) > 150, "Came together"));
  });
});

/** Each prints so many bytes by itself; `expected` makes the same here. */
const PRODUCERS: readonly (readonly [how: string, code: string, expected: () => Uint8Array])[] = [
  [
    "cat()",
    `block <- paste0(strrep("0123456789", 99), "012345678\\n"); for (i in 1:64000) cat(block)`,
    () => repeated("0123456789".repeat(99) + "012345678\n"),
  ],
  [
    "print()",
    `line <- strrep("x", 993); for (i in 1:64000) print(line)`,
    () => repeated(`[1] "${"x".repeat(993)}"\n`),
  ],
  [
    "system()",
    `invisible(system("head -c ${BYTES} /dev/zero | tr '\\\\0' z"))`,
    () => repeated("z"),
  ],
  [
    "C code's own printf",
    `${PUTS}\nline <- rep(as.raw(99), 999); for (i in 1:64000) say(line)`,
    () => repeated("c".repeat(999) + "\n"),
  ],
  [
    "C code in one piece",
    `${PUTS}\nsay(rep(as.raw(97:122), length.out = ${BYTES} - 1))`,
    () => {
      const bytes = repeated("abcdefghijklmnopqrstuvwxyz");
      bytes[BYTES - 1] = 10;
      return bytes;
    },
  ],
];

for (const [how, code, expected] of PRODUCERS) {
  Deno.test(`64 MB from ${how} reach a reader that sleeps first`, ACROSS_TESTS, async () => {
    await withSend(code, async (child) => {
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const whole = expected();
      const hash = createHash("sha256");
      let count = 0;
      for await (const chunk of child.stdout) {
        hash.update(chunk);
        count += chunk.length;
      }
      assertEquals(count, whole.length);
      assertEquals(hash.digest("hex"), createHash("sha256").update(whole).digest("hex"));
    });
  });
}

const HEX = "0123456789abcdef0123456789abcdef";

for (const size of [1, 2, 3, 5, 17, 33, 4095, 4096, 65_537]) {
  Deno.test(
    `what looks like a mark, in pieces of ${size}, changes nothing`,
    ACROSS_TESTS,
    async () => {
      const like = `\x1e${HEX}K00000000\x1e\x1e${HEX.slice(0, 20)}\x1e${HEX}E000000ff{}`;
      const code = `
      text <- ${JSON.stringify(like).replaceAll("\\u001e", "\\036")}
      bytes <- rep(charToRaw(text), length.out = ${size < 100 ? 4000 : 400_000})
      for (from in seq(1, length(bytes), by = ${size})) {
        cat(rawToChar(bytes[from:min(from + ${size} - 1, length(bytes))]))
        flush(stdout())
      }
    `;
      const { code: status, stdout, stderr } = await server.send(["-"], { stdin: code });
      const whole = like.repeat(400_000 / like.length + 1).slice(0, size < 100 ? 4000 : 400_000);
      assertEquals([status, text(stderr)], [0, ""]);
      assert(text(stdout) === whole, `${stdout.length} bytes of ${whole.length}, or others`);
    },
  );
}

/** Sends code and hands the running client to `use`; what remains must end well. */
async function withSend(
  code: string,
  use: (child: Deno.ChildProcess) => Promise<void>,
): Promise<void> {
  const child = spawnRtool(["send", "-p", String(server.port), "-e", code]);
  try {
    await use(child);
    await Promise.all([child.stdout, child.stderr].map(readAll));
    assertEquals((await child.status).code, 0);
  } finally {
    kill(child);
    await child.status;
  }
}

/** The text again and again, cut after so many bytes. */
function repeated(text: string): Uint8Array {
  const piece = new TextEncoder().encode(text);
  const whole = new Uint8Array(BYTES);
  for (let at = 0; at < BYTES; at += piece.length) whole.set(piece.subarray(0, BYTES - at), at);
  return whole;
}
