/**
 * The log: one event a line, whatever the strings in it hold.
 */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import fc from "fast-check";
import { createLog, type Log } from "../core/log.ts";
import { arbitraryText, SEED, seeded } from "./random.ts";

/** What could end a line, move a terminal, or turn its reading direction around. */
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

Deno.test("an event is one line: time, level, message, fields in the order given", async () => {
  const text = await logged((log) => {
    log.info("job ended", { job: "ab12", ms: 1.5, ok: true, none: undefined, path: "/a/b.R" });
    log.error("failed");
  });
  const [first = "", second = "", ...rest] = text.split("\n");
  assertMatch(
    first,
    /^time=\d{4}-\d\d-\d\dT[\d:.]+Z level=info msg="job ended" job=ab12 ms=1.5 ok=true path=\/a\/b.R$/,
  );
  assertMatch(second, /^time=\S+ level=error msg=failed$/);
  assertEquals(rest, [""]);
});

Deno.test("a text of several words, or of none, is quoted", async () => {
  const text = await logged((log) =>
    log.info("m", { a: "two words", b: "", c: 'say "x"', d: "a=b" })
  );
  assertMatch(text, /msg=m a="two words" b="" c="say \\"x\\"" d="a=b"\n$/);
});

Deno.test(`any strings make one line without control characters (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryText(), arbitraryText(), async (message, value) => {
      const text = await logged((log) => log.info(message, { value, end: 1 }));
      assert(text.endsWith(" end=1\n"), text);
      assert(!CONTROL.test(text.slice(0, -1)), JSON.stringify(text));
    }),
    seeded(150),
  );
});

Deno.test(`any string can be read back from its field (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryText(), async (value) => {
      const text = await logged((log) => log.info("m", { value }));
      const field = text.slice(text.indexOf(" value=") + 7, -1);
      assertEquals(field.startsWith('"') ? JSON.parse(field) : field, value);
    }),
    seeded(150),
  );
});

Deno.test("lines of a burst leave in one write, in order", async () => {
  const writes: string[] = [];
  const done = Promise.withResolvers<void>();
  const log = createLog((text) => {
    writes.push(text);
    done.resolve();
    return Promise.resolve();
  });
  for (let n = 0; n < 100; n++) log.info("burst", { n });
  await done.promise;
  assertEquals(writes.length, 1);
  assertEquals(writes.join("").match(/n=\d+/g), Array.from({ length: 100 }, (_, n) => `n=${n}`));
});

Deno.test("a stderr nobody reads drops lines, counts them, and says so when it is read again", async () => {
  const stuck = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  let text = "";
  const log = createLog(async (lines) => {
    text += lines;
    reached.resolve();
    await stuck.promise;
    if (lines.includes("afterwards")) finished.resolve();
  });
  const value = "x".repeat(1000);
  log.info("first");
  await reached.promise;
  for (let n = 0; n < 5000; n++) log.info("many", { value });
  stuck.resolve();
  while (!text.includes("many")) await new Promise((resolve) => setTimeout(resolve, 0));
  log.info("afterwards");
  await finished.promise;
  assertLess(text.length, 3 << 20);
  const dropped = Number(/level=error msg="log lines dropped" lines=(\d+)/.exec(text)?.[1]);
  assertEquals(dropped + (text.match(/msg=many/g)?.length ?? 0), 5000);
});

Deno.test("a stderr that is closed is no reason to fail", async () => {
  let tries = 0;
  const tried = Promise.withResolvers<void>();
  const log = createLog(() => {
    if (++tries === 2) tried.resolve();
    return Promise.reject(new Deno.errors.BrokenPipe("closed"));
  });
  log.info("one");
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => setTimeout(resolve, 0));
  log.info("two");
  await tried.promise;
});

/** All that a log writes for these events. */
async function logged(events: (log: Log) => void): Promise<string> {
  const written = Promise.withResolvers<string>();
  const log = createLog((text) => {
    written.resolve(text);
    return Promise.resolve();
  });
  events(log);
  return await written.promise;
}
