/**
 * What a client says reaches no command line: neither R's nor that of a helper beside it.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { BARE, TestEngine } from "./engine.ts";
import { arbitraryText, SEED } from "./random.ts";

const JOBS = 12;

/** What programs that the server starts might take for an option, a path or shell code. */
const HOSTILE = fc.oneof(
  arbitraryText(),
  fc.constantFrom("--args", "-e", "--bind", "--vanilla", "-c", "--", "-g Tk", "--file=/etc/passwd"),
  fc.constantFrom("$(id)", "`id`", "; id", "| id", "' ; id '", '" ; id "', "\nid\n", "../..", "%s"),
);

for (const start of ["spawn", "fork"] as const) {
  Deno.test(`${start}: no text of a client is part of a command line, seed ${SEED}`, async () => {
    const seen: string[] = [];
    using _ = watchCommands((words) => seen.push(...words));
    await using engine = await TestEngine.started({ ...BARE, start, spares: 1 });
    const words = fc.sample(HOSTILE, { seed: SEED, numRuns: 5 * JOBS })
      .map((text, index) => `${text}\u{2020}${index}`);
    for (let job = 0; job < JOBS; job++) {
      const [argument, value, key, place, code] = words.slice(5 * job);
      const isNowhere = job % 2 === 1;
      const { outcome } = await engine.run(`x <- ${JSON.stringify(code)}; commandArgs(TRUE)`, {
        ...{ session: undefined, args: [argument!], env: { SAID: value! }, key: key! },
        cwd: isNowhere ? `/tmp/${place}` : undefined,
      });
      assertEquals(outcome.kind, isNowhere ? "rejected" : "ok", JSON.stringify(outcome));
    }
    assertEquals(seen.length > JOBS, true, "No program was started");
    assertEquals(seen.filter((word) => word.includes("\u{2020}")), []);
  });
}

/** Calls back with the words of each command, and with its environment's. */
function watchCommands(tell: (words: readonly string[]) => void): Disposable {
  const original = Deno.Command;
  Deno.Command = class extends original {
    constructor(command: string | URL, options: Deno.CommandOptions = {}) {
      tell([String(command), ...(options.args ?? []), ...Object.values(options.env ?? {})]);
      super(command, options);
    }
  };
  return {
    [Symbol.dispose]: () => {
      Deno.Command = original;
    },
  };
}
