/**
 * The commands on a terminal: `script` of util-linux gives them one.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Evaluator } from "../core/job.ts";
import { RTOOL } from "./e2e/rtool.ts";
import { start } from "./e2e/processes.ts";
import { createEvaluator, fakeEvaluator, okEnd, startPort } from "./fake_port.ts";

const HAS_SCRIPT = Deno.build.os === "linux" && await exists("/usr/bin/script");
const [ENTER, LEAVE] = ["\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"];
const ERASE = "\r\x1b[K";

Deno.test(
  "`rtool top` draws on a screen of its own until q, and gives the terminal back",
  terminal(async () => {
    const { shown, status } = await onTerminal(fakeEvaluator({}), ["top"], "0a1b2c3d", "q");
    assert(shown.startsWith(ENTER), JSON.stringify(shown.slice(0, 80)));
    assert(shown.endsWith(LEAVE), JSON.stringify(shown.slice(-80)));
    assertStringIncludes(shown, "q leaves");
    assertEquals(status, "0");
  }),
);

Deno.test(
  "`rtool top` leaves by Ctrl-C too",
  terminal(async () => {
    const { shown, status } = await onTerminal(fakeEvaluator({}), ["top"], "0a1b2c3d", "\x03");
    assert(shown.endsWith(LEAVE), JSON.stringify(shown.slice(-80)));
    assertEquals(status, "0");
  }),
);

Deno.test(
  "`rtool send` shows on a terminal what is waited for, and wipes it away",
  terminal(async () => {
    const waiter = createEvaluator(async function* ({ progress }) {
      assert(progress);
      yield await Promise.resolve({ kind: "waiting", ahead: 2, holder: undefined });
      yield { kind: "waiting", ahead: 1, holder: undefined };
      yield { kind: "stdout", bytes: new TextEncoder().encode("out") };
      yield okEnd();
    });
    const { shown, status } = await onTerminal(waiter, ["send", "-e", "1"]);
    const lines = ["rtool: waiting: 2 jobs ahead", "rtool: waiting: 1 job ahead", "out"];
    assertEquals(shown, ["", ...lines].join(ERASE));
    assertEquals(status, "0");
  }),
);

Deno.test(
  "`rtool send --quiet` and `--json` ask for no such line",
  terminal(async () => {
    const echo = createEvaluator(async function* ({ progress }) {
      assert(!progress);
      yield await Promise.resolve(okEnd());
    });
    const quiet = await onTerminal(echo, ["send", "-q", "-e", "1"]);
    assertEquals(quiet, { shown: "", status: "0" });
    const json = await onTerminal(echo, ["send", "--json", "-e", "1"]);
    assertStringIncludes(json.shown, '"kind": "ok"');
  }),
);

/** A test that needs a terminal, where one can be had. */
function terminal(fn: () => Promise<void>): () => Promise<void> {
  return HAS_SCRIPT ? fn : () => Promise.resolve();
}

/** Runs a command on a terminal; types `keys` once `awaited` is shown. */
async function onTerminal(
  evaluator: Evaluator,
  [command, ...args]: readonly string[],
  awaited = "",
  keys = "",
): Promise<{ shown: string; status: string | undefined }> {
  await using server = startPort(evaluator);
  const words = [...RTOOL, command!, "-p", String(server.port), ...args];
  const line = words.map((word) => `'${word}'`).join(" ");
  // Ctrl-C reaches the shell too, which must live to tell the status.
  const inner = `trap : INT; stty cols 150 rows 30 -echo; ${line}; printf '|%s' $?`;
  const child = start(["/usr/bin/script", "-qc", inner, "/dev/null"], { stdin: "" });
  const typist = child.stdin.getWriter();
  let shown = "";
  let typed = false;
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    shown += piece;
    if (!typed && awaited !== "" && shown.includes(awaited)) {
      typed = true;
      await typist.write(new TextEncoder().encode(keys));
    }
  }
  await typist.close().catch(() => {});
  await Promise.all([child.status, child.stderr.cancel()]);
  const [all = "", status] = shown.split("|");
  return { shown: all, status };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
