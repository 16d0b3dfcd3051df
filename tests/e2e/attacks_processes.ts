/**
 * The attacks by signals, processes, time and what surrounds R: a part of the table in attacks.ts.
 */

import type { Attack } from "./attacks.ts";

/** Finds the C library R runs with, which needs no compiler. */
const LIBC = `
  maps <- readLines("/proc/self/maps")
  libc <- dyn.load(sub(".* ", "", grep("/libc[.-].*so", maps, value = TRUE))[1])
`;

const ENDS: readonly Attack[] = [
  { name: "quit()", code: "quit()", exits: [0] },
  { name: "quit(status = 3)", code: "quit(status = 3); cat('never')", exits: [3] },
  { name: "quit() in on.exit", code: "f <- function() on.exit(q(status = 9)); f()", exits: [9] },
  {
    name: "quit() in finally",
    code: "tryCatch(stop('x'), finally = quit(status = 8))",
    exits: [8],
  },
  {
    name: "quit() with a .Last that fails",
    code: ".Last <- function() stop('x'); quit(status = 4)",
  },
  {
    name: "quit() while a child keeps its pipes",
    code: `system("sleep 300 &"); quit(status = 3)`,
    exits: [3],
  },
  { name: "a child that keeps its pipes", code: `system("sleep 300 &")`, exits: [0], stays: true },
  {
    name: "a child that prints when the job is over",
    code: `system("(sleep 4; echo late) &")`,
    exits: [0],
  },
];

const SIGNALS: readonly Attack[] = [
  { name: "SIGSTOP to itself", code: signal(19), exits: [124], limit: "1s" },
  { name: "SIGSEGV to itself", code: signal(11), exits: [139] },
  { name: "SIGABRT to itself", code: signal(6), exits: [134] },
  { name: "SIGTERM to itself", code: signal(15), exits: [143] },
  { name: "SIGKILL to itself", code: signal(9), exits: [137] },
  { name: "SIGUSR1 to itself", code: signal(10) },
  { name: "SIGUSR2 to itself", code: signal(12) },
  { name: "SIGHUP to itself", code: signal(1) },
  { name: "SIGPIPE to itself", code: signal(13) },
  { name: "SIGINT to itself", code: signal(2) },
  {
    name: "SIGINT to itself when the job is over",
    code: `system("(sleep 0.2; kill -INT $PPID) >/dev/null 2>&1 &")`,
    exits: [0],
  },
  {
    name: "abort() in C",
    code: `${LIBC}\n.C(getNativeSymbolInfo("abort", libc))`,
    exits: [134],
  },
  {
    name: "a jump into data in C",
    code: `${LIBC}\n.C(getNativeSymbolInfo("environ", libc))`,
    exits: [139],
  },
  { name: "_exit() in C", code: `${LIBC}\n.C(getNativeSymbolInfo("_exit", libc))` },
];

const STAYING: readonly Attack[] = [
  { name: "a long sleep", code: "Sys.sleep(300)", exits: [124], limit: "1s" },
  { name: "an endless loop", code: "repeat {}", exits: [124], limit: "1s" },
  {
    name: "interrupts caught once",
    code: `tryCatch(Sys.sleep(300), interrupt = function(i) cat("caught"))`,
    exits: [124],
    limit: "1s",
  },
  {
    name: "interrupts ignored for ever",
    code: "repeat tryCatch(Sys.sleep(300), interrupt = function(i) NULL)",
    exits: [124],
    limit: "1s",
  },
  { name: "interrupts suspended", code: "suspendInterrupts(repeat {})", exits: [124], limit: "1s" },
  {
    name: "an on.exit that never ends",
    code: "f <- function() { on.exit(repeat Sys.sleep(1)); Sys.sleep(300) }; f()",
    exits: [124],
    limit: "1s",
  },
  {
    name: "a FIFO nobody writes to",
    code: `
      path <- tempfile()
      system(paste("mkfifo", path))
      readLines(file(path))
    `,
    exits: [124],
    limit: "1s",
  },
  {
    name: "C code that does not look for interrupts",
    code: "set.seed(1); m <- matrix(rnorm(4e6), 2000); for (i in 1:100) solve(m)",
    exits: [124],
    limit: "1s",
  },
  {
    name: "a conditionMessage() that never ends",
    code: `
      conditionMessage.slow <- function(c) repeat Sys.sleep(1)
      stop(structure(class = c("slow", "error", "condition"), list(message = "m", call = NULL)))
    `,
    exits: [124],
    limit: "1s",
  },
  { name: "a child that never ends", code: `system("sleep 300")`, exits: [124], limit: "1s" },
  {
    name: "a child that ignores every polite signal",
    code: `system("trap '' INT TERM HUP; while :; do sleep 300; done")`,
    exits: [124],
    limit: "1s",
  },
  { name: "output without end", code: `repeat cat("x\\n")`, exits: [1, 124] },
  { name: "messages without end", code: `repeat message("x")`, exits: [1, 124] },
];

const CHILDREN: readonly Attack[] = [
  {
    name: "a fork that goes on as the worker",
    code: "invisible(parallel:::mcfork()); cat('both\\n')",
    limit: "2s",
  },
  {
    name: "a fork that sleeps",
    code: `
      child <- parallel:::mcfork()
      if (inherits(child, "masterProcess")) Sys.sleep(300)
    `,
    exits: [0],
    stays: true,
  },
  {
    name: "a fork that prints and leaves",
    code: `
      child <- parallel:::mcfork()
      if (inherits(child, "masterProcess")) { cat("child\\n"); quit(status = 6) }
      invisible(parallel::mccollect(child, wait = FALSE))
      Sys.sleep(0.5)
    `,
  },
  {
    name: "twenty forks",
    code: "for (i in 1:20) parallel::mcparallel(Sys.sleep(300)); invisible(NULL)",
    exits: [0],
    stays: true,
  },
  {
    name: "twenty children of a shell",
    code:
      `system("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 300 & done")`,
    exits: [0],
  },
  {
    name: "a daemon in a session of its own",
    code: `system("setsid sh -c 'sleep 300 & sleep 300 & wait' >/dev/null 2>&1 </dev/null &")`,
    exits: [0],
    stays: true,
  },
  {
    name: "daemons that outlive a quit()",
    code: `
      system("(setsid sh -c '(setsid sleep 300 &) ; setsid sleep 300' &) >/dev/null 2>&1")
      quit(status = 2)
    `,
    exits: [2],
  },
  {
    name: "daemons that outlive a crash",
    code: `
      system("(setsid sh -c '(setsid sleep 300 &) ; setsid sleep 300' &) >/dev/null 2>&1")
      tools::pskill(Sys.getpid(), 9)
      Sys.sleep(5)
    `,
    exits: [137],
  },
];

const SURROUNDINGS: readonly Attack[] = [
  {
    name: "a spoilt environment",
    code: `Sys.setenv(PATH = "", HOME = "/nowhere", R_HOME = "/nowhere", LANG = "xx", LC_ALL = "C",
      TMPDIR = "/nowhere", TZ = "Nowhere/Land", R_LIBS = "/nowhere", RTOOL_WORKER = "0")`,
    exits: [0],
  },
  {
    name: "no environment at all",
    code: "Sys.unsetenv(names(Sys.getenv()))",
    exits: [0],
  },
  { name: "another locale", code: `invisible(Sys.setlocale("LC_ALL", "C"))`, exits: [0] },
  {
    name: "a working directory that is gone",
    code: `d <- tempfile(); dir.create(d); setwd(d); unlink(d, recursive = TRUE)`,
    exits: [0],
  },
  { name: "no temporary directory", code: "unlink(tempdir(), recursive = TRUE)", exits: [0] },
  {
    name: "the worker's own directory emptied",
    code: `
      d <- dirname(Sys.getenv("TMPDIR"))
      stopifnot(file.exists(file.path(d, "input")))
      unlink(d, recursive = TRUE)
    `,
    exits: [0],
  },
];

function signal(number: number): string {
  return `tools::pskill(Sys.getpid(), ${number}); Sys.sleep(3); cat("alive")`;
}

/** Those of this file. */
export const PROCESS_ATTACKS: readonly Attack[] = [
  ...ENDS,
  ...SIGNALS,
  ...STAYING,
  ...CHILDREN,
  ...SURROUNDINGS,
];
