/**
 * The parts of `rtool repl` that need no terminal: words behind a colon, keys, history, ends,
 * plots.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { maybeReplCommand } from "../cli/repl_commands.ts";
import { completionCode, parseCandidates } from "../cli/repl_completion.ts";
import { cutKeys } from "../cli/repl_editor.ts";
import { endText } from "../cli/repl_end.ts";
import { History, historyPath } from "../cli/repl_history.ts";
import { REPL_PLOT, ReplPlots } from "../cli/repl_plots.ts";
import { EMPTY_RECEIPT, type Outcome, type Receipt } from "../core/job.ts";
import { seeded } from "./random.ts";

Deno.test("a word behind a colon is a command, and nothing else is", () => {
  assertEquals(maybeReplCommand(":help"), { kind: "help" });
  assertEquals(maybeReplCommand("  : quit "), { kind: "quit" });
  assertEquals(maybeReplCommand(":plots"), { kind: "plots", dir: undefined });
  assertEquals(maybeReplCommand(":plots my plots "), { kind: "plots", dir: "my plots" });
  assertEquals(maybeReplCommand(":session a"), { kind: "session", name: "a" });
  for (const line of ["1:3", "x", "", "'", "a :help"]) {
    assertEquals(maybeReplCommand(line), undefined);
  }
});

Deno.test("a command that is not known names the nearest, and one too many words is said", () => {
  const mistake = (line: string) => {
    const command = maybeReplCommand(line);
    assert(command?.kind === "mistake");
    return command.text;
  };
  assertEquals(mistake(":plot"), "there is no :plot; did you mean :plots?");
  assertEquals(mistake(":zzzzzz"), "there is no :zzzzzz; see :help");
  assertEquals(mistake(":"), "there is no :; see :help");
  assertEquals(mistake(":quit now"), ":quit takes nothing behind it");
});

Deno.test("keys are cut behind each end of a line, and Ctrl-D stands by itself", () => {
  const cuts: readonly (readonly [string, readonly string[]])[] = [
    ["ab", ["ab"]],
    ["a\rb\nc", ["a\r", "b\n", "c"]],
    ["a\r\nb\x03c", ["a\r\n", "b\x03", "c"]],
    ["a\x04b", ["a", "\x04", "b"]],
    ["\n\n", ["\n", "\n"]],
    ["\t\t", ["\t", "\t"]],
    ["a\tb\t", ["a\tb\t"]],
    [`${"a".repeat(300)}\t`, [`${"a".repeat(300)} `]],
  ];
  for (const [typed, expected] of cuts) {
    assertEquals(cutAll(typed), expected, JSON.stringify(typed));
  }
});

Deno.test("no key is lost or changed by the cutting", () => {
  const keys = fc.string({ unit: fc.constantFrom("a", "é", "\r", "\n", "\x03", "\x04", "\x1b") });
  fc.assert(fc.property(keys, (typed) => cutAll(typed).join("") === typed), seeded(200));
});

Deno.test("the history is in XDG's directory of states", () => {
  const path = (env: Record<string, string>) => historyPath((name) => env[name]);
  assertEquals(path({ HOME: "/h" }), "/h/.local/state/rtool/history");
  assertEquals(path({ HOME: "/h", XDG_STATE_HOME: "/s" }), "/s/rtool/history");
  assertEquals(path({ HOME: "/h", XDG_STATE_HOME: "s" }), "/h/.local/state/rtool/history");
});

Deno.test("the history keeps lines, the newest first, none twice and no blank one", () => {
  using file = tempHistory();
  const first = file.open();
  for (const line of ["a", "b", " ", "a", "a", "é日"]) first.add(line);
  assertEquals(first.lines, ["é日", "a", "b"]);
  assertEquals(file.open().lines, ["é日", "a", "b"]);
  assertEquals(Deno.statSync(file.path).mode! & 0o777, 0o600);
});

Deno.test("two that write the history at once lose nothing of each other", () => {
  using file = tempHistory();
  const [one, other] = [file.open(), file.open()];
  for (let i = 0; i < 50; i++) {
    one.add(`one ${i}`);
    other.add(`other ${i}`);
  }
  assertEquals(file.open().lines.length, 100);
  assertEquals(one.lines.length, 50);
});

Deno.test("the history is bounded, in memory and in its file", () => {
  using file = tempHistory();
  const history = file.open();
  for (let i = 0; i < 2500; i++) history.add(`line ${i}`);
  assertEquals([history.lines.length, history.lines[0]], [1000, "line 2499"]);
  assertEquals(file.open().lines, history.lines);
  assertEquals(Deno.readTextFileSync(file.path).split("\n").length, 1001);
  Deno.writeTextFileSync(file.path, `${"x".repeat(5 << 20)}\nlast\n`);
  assertEquals(file.open().lines, ["last"]);
});

Deno.test("a history that cannot be kept is said once, and lines are remembered all the same", () => {
  using file = tempHistory();
  Deno.writeTextFileSync(`${file.dir}/rtool`, "in the way");
  const said: string[] = [];
  const history = new History(file.path, (line) => void said.push(line));
  history.add("a");
  history.add("b");
  assertEquals([history.lines, said.length], [["b", "a"], 1]);
  assertStringIncludes(said[0]!, `Cannot keep the history in ${file.path}: `);
});

Deno.test("without a path nothing is kept", () => {
  const history = new History(undefined, () => {});
  history.add("a");
  assertEquals(history.lines, ["a"]);
});

Deno.test("candidates are those that go on from what is typed and that a terminal can show", () => {
  const answer = "Sys.ti\nSys.time\nSys.timezone\nother\nSys.ti\x1b[2J\n\n";
  const candidates = parseCandidates(answer, "x <- Sys.ti");
  assertEquals(candidates, [["Sys.time", "Sys.timezone"], "Sys.ti"]);
  assertEquals(parseCandidates("\nfirst\n", "f("), [["first"], ""]);
  assertEquals(parseCandidates("", "f("), [[], ""]);
  assertEquals(parseCandidates("something else\nx\n", "f("), [[], "f("]);
});

Deno.test("what is typed is data to the completion's code", () => {
  const code = completionCode('cat("\\n日😀');
  assertStringIncludes(code, '.assignLinebuffer("cat(\\"\\\\n日😀")');
  assertStringIncludes(code, ".assignEnd(9L)");
});

Deno.test("an end that R has not told is told in a line, with what it means for the session", () => {
  const gone: Receipt = { ...EMPTY_RECEIPT, sessionSurvived: false, rung: "kill" };
  const client: Outcome = { kind: "cancelled", reason: "client" };
  const killed = "interrupted; R ignored the interrupt and was killed; " +
    "the session's variables are gone";
  const limited: Outcome = { kind: "limited", limit: "memory", max: 1 << 30 };
  const crashed: Outcome = { kind: "crashed", signal: "SIGSEGV", status: null, message: "" };
  const error = { kind: "error" as const, text: "no", call: null, classes: ["error"] };
  const ends: readonly (readonly [Outcome, Receipt, string | undefined])[] = [
    [{ kind: "ok" }, EMPTY_RECEIPT, undefined],
    [{ kind: "error", error, halted: false }, EMPTY_RECEIPT, undefined],
    [
      { kind: "error", error, halted: true },
      gone,
      "R has ended; the session's variables are gone",
    ],
    [{ kind: "quit", status: 0 }, gone, "R has ended, and the session with it"],
    [client, EMPTY_RECEIPT, "interrupted; the session's variables are kept"],
    [client, gone, killed],
    [crashed, gone, "R died of SIGSEGV; the session's variables are gone"],
    [{ kind: "rejected", code: "busy", message: "Full" }, EMPTY_RECEIPT, "Full"],
  ];
  for (const [outcome, receipt, text] of ends) assertEquals(endText(outcome, receipt), text);
  assertStringIncludes(endText(limited, EMPTY_RECEIPT)!, "; the session's variables are kept");
});

Deno.test("plots are numbered behind those that are there; one that is not whole is none", () => {
  const dir = Deno.makeTempDirSync();
  const said: string[] = [];
  Deno.writeTextFileSync(`${dir}/plot-007.png`, "old");
  const plots = new ReplPlots(`${dir}`, (line) => void said.push(line));
  for (const problem of [undefined, "too big", undefined]) {
    plots.begin({ ...REPL_PLOT, kind: "plot", page: 1 });
    plots.take(Uint8Array.of(1));
    plots.take(Uint8Array.of(2));
    plots.end(problem);
  }
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
  assertEquals(names, ["plot-007.png", "plot-008.png", "plot-010.png"]);
  assertEquals(Deno.readFileSync(`${dir}/plot-010.png`), Uint8Array.of(1, 2));
  assertEquals(said[1], "a plot is missing: too big");
  Deno.removeSync(dir, { recursive: true });
});

function cutAll(typed: string): string[] {
  const all: string[] = [];
  for (let rest = typed; rest !== "";) {
    const [keys, left] = cutKeys(rest);
    all.push(keys);
    rest = left;
  }
  return all;
}

function tempHistory(): Disposable & { dir: string; path: string; open: () => History } {
  const dir = Deno.makeTempDirSync();
  const path = `${dir}/rtool/history`;
  return {
    dir,
    path,
    open: () => new History(path, (line) => assert(false, line)),
    [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }),
  };
}
