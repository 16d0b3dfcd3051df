/**
 * Code that means to break its worker, the server or the next job: a table.
 *
 * Here are the attacks on what travels between worker and server, and on the worker's own R; those
 * by signals, processes and time are in attacks_processes.ts.
 */

import { PROCESS_ATTACKS } from "./attacks_processes.ts";

/** One attack and what is to come of it. */
export interface Attack {
  /** What the code does, to follow "after". */
  readonly name: string;
  readonly code: string;
  /** Exit statuses that are right, or undefined if only the jobs after it matter. */
  readonly exits?: readonly number[];
  /** Time limit of the job. @default {"5s"} */
  readonly limit?: string;
  /** Prints 42 by other means than `cat`. */
  readonly next?: string;
  /** The attack removes the user's own variables. */
  readonly wipes?: boolean;
  /** The session is left for the server's stop to end. */
  readonly stays?: boolean;
}

const r = String.raw;

/** Prints 42 with no function that code could have replaced. */
export const PRIMITIVE_CAT =
  `.Internal(cat(list("42"), getConnection(1L), "", FALSE, NULL, FALSE))`;

const ON_THE_CHANNEL: readonly Attack[] = [
  {
    name: "text that looks like the end of a job",
    code:
      r`for (k in c("K", "E")) cat("\x1e", strrep("0123456789abcdef", 4), k, "00000000", sep = "")`,
    exits: [0],
  },
  {
    name: "a child that prints text like the end of a job",
    code: r`for (to in 1:2) system(paste0("printf '\\036%032dK00000000' 7 >&", to))`,
    exits: [0],
  },
  {
    name: "the end of its own job, forged on both streams",
    code: `
      name <- ls(.AutoloadEnv, all.names = TRUE, pattern = "_m$")[1]
      forged <- paste0(environment(get(name, .AutoloadEnv))$job, "K00000000")
      cat(forged)
      cat(forged, file = stderr())
      cat("after the forged end\\n")
    `,
  },
  {
    name: "half a mark of its own job",
    code: `
      name <- ls(.AutoloadEnv, all.names = TRUE, pattern = "_m$")[1]
      cat(paste0(environment(get(name, .AutoloadEnv))$job, "E00ffffff{"))
    `,
    limit: "2s",
  },
  {
    name: "a hunt through the frames",
    code: "for (f in sys.frames()) print(ls(f, all.names = TRUE)); sys.calls(); sys.function",
    exits: [0],
  },
  { name: "a sink left open", code: "sink(tempfile())", exits: [0] },
  { name: "nineteen sinks left open", code: "for (i in 1:19) sink(tempfile())", exits: [0] },
  {
    name: "a sink of messages left open",
    code: `sink(file(tempfile(), "w"), type = "message"); message("hidden"); stop("hidden")`,
    exits: [1],
  },
  { name: "all connections closed", code: "closeAllConnections()", exits: [0] },
  {
    name: "every connection closed by number",
    code: "for (i in 3:50) try(close(getConnection(i)), silent = TRUE)",
    exits: [0],
  },
  {
    name: "a theft of the input",
    code: `readLines(file("stdin")); readLines(stdin())`,
    exits: [0],
  },
  { name: "a child that reads its input", code: `system("head -c 5 <&0")`, exits: [0] },
  { name: "text pushed back on stdin", code: `pushBack("cat('pushed')", stdin())` },
  {
    name: "descriptor 3 read",
    code: `readLines(file("/dev/fd/3", raw = TRUE), 1)`,
    limit: "1s",
  },
  {
    name: "descriptor 4 read",
    code: `readLines(file("/dev/fd/4", raw = TRUE), 1)`,
    limit: "1s",
  },
  {
    name: "five bytes of the command channel eaten by a child",
    code: `system("head -c 5 <&4", intern = TRUE)`,
    limit: "1s",
  },
  {
    name: "commands of its own written to descriptor 3",
    code: `con <- file("/dev/fd/3", "wb", raw = TRUE); writeLines("cat('injected')", con)`,
    limit: "1s",
  },
  {
    name: "rubbish written to descriptor 4",
    code: `con <- file("/dev/fd/4", "wb", raw = TRUE); writeLines("}{ rubbish", con)`,
    limit: "1s",
  },
  { name: "stdout closed", code: "parallel:::closeFD(1L)", limit: "1s" },
  { name: "stderr closed", code: "parallel:::closeFD(2L)", limit: "1s" },
  { name: "the command channel closed", code: "parallel:::closeFD(3:4)", limit: "1s" },
  {
    name: "200 MB without a newline",
    code: `x <- strrep("x", 1e6); for (i in 1:200) cat(x)`,
    exits: [1],
  },
  {
    name: "200 MB on stderr",
    code: `x <- strrep("x", 1e6); for (i in 1:200) cat(x, file = stderr())`,
    exits: [1],
  },
  { name: "NUL bytes", code: `con <- pipe("cat", "wb"); writeBin(raw(1e5), con); close(con)` },
  { name: "random bytes", code: `system("head -c 300000 /dev/urandom")`, exits: [0] },
  {
    name: "invalid UTF-8 everywhere",
    code: r`cat("\xff\xfe"); message("\xff"); warning("\xc3\x28"); (function() stop("\xe2\x82"))()`,
    exits: [1],
  },
];

const ON_R_ITSELF: readonly Attack[] = [
  ...["paste0", "flush", "writeBin", "file", "identical", "is.null", "getOption"].map((
    name,
  ) => ({
    name: `a ${name}() of its own in base`,
    code: rebind(name, `function(...) stop("rebound")`),
  })),
  {
    name: "a stdout() of its own in base",
    code: rebind("stdout", `function() stop("rebound")`),
    exits: [0],
    next: PRIMITIVE_CAT,
  },
  {
    name: "a cat() of its own in base",
    code: rebind("cat", `function(...) invisible("rebound")`),
    exits: [0],
    next: PRIMITIVE_CAT,
  },
  {
    name: "a Sys.getpid() of its own in base",
    code: rebind("Sys.getpid", "function() 1L"),
    exits: [0],
  },
  {
    name: "assignInNamespace on base",
    code: `assignInNamespace("sprintf", function(...) "rebound", "base")`,
  },
  {
    name: "variables that hide the worker's own names",
    code: `
      for (name in ls(.AutoloadEnv, all.names = TRUE)) {
        assign(name, function(...) invisible("hijacked"), envir = globalenv())
      }
    `,
  },
  {
    name: "the worker's own names removed",
    code: "rm(list = ls(.AutoloadEnv, all.names = TRUE), envir = .AutoloadEnv)",
  },
  {
    name: "the worker's own names locked",
    code: "lockEnvironment(.AutoloadEnv, bindings = TRUE)",
  },
  {
    name: "the worker's own state overwritten",
    code: `
      name <- ls(.AutoloadEnv, all.names = TRUE, pattern = "_m$")[1]
      own <- environment(get(name, .AutoloadEnv))
      for (name in ls(own)) if (!is.function(own[[name]])) own[[name]] <- "overwritten"
    `,
  },
  { name: "the Autoloads detached", code: `detach("Autoloads")` },
  {
    name: "everything in search() removed",
    code: `
      for (place in rev(search())) {
        try(rm(list = ls(place, all.names = TRUE), envir = as.environment(place)), silent = TRUE)
      }
    `,
    wipes: true,
  },
  {
    name: "every package detached",
    code:
      `for (p in grep("^package:[^b]", search(), value = TRUE)) detach(p, character.only = TRUE)`,
    exits: [0],
  },
  { name: "a locked global environment", code: "lockEnvironment(globalenv(), TRUE)", exits: [0] },
  {
    name: "a .Last.value of its own in base",
    code: `
      unlockBinding(".Last.value", baseenv())
      makeActiveBinding(".Last.value", function(value) 5, baseenv())
    `,
  },
  { name: "no global handlers", code: "globalCallingHandlers(NULL); warning('w')", exits: [0] },
  { name: "options(error = NULL)", code: "options(error = NULL); stop('no handler')", exits: [1] },
  {
    name: "options(error = quote(q()))",
    code: "options(error = quote(q())); stop('x')",
    exits: [0],
  },
  { name: "an error handler that fails", code: "options(error = quote(stop('again'))); stop('x')" },
  { name: "options(error = recover)", code: "options(error = recover); stop('x')" },
  { name: "options(expressions = 25)", code: "options(expressions = 25)", exits: [0] },
  {
    name: "options that change what is printed",
    code:
      `options(prompt = "42", continue = "42", warn = 2, max.print = 1, OutDec = ",", width = 10,
      keep.source = TRUE, encoding = "latin1", useFancyQuotes = FALSE)`,
    exits: [0],
  },
  { name: "options(echo = TRUE)", code: `options(echo = TRUE, prompt = "42")`, exits: [0] },
  { name: "a debugged function", code: "f <- function(x) x + 1; debug(f); f(2)", exits: [1] },
  { name: "a browser", code: "browser()", exits: [1] },
  { name: "a browser in a function", code: "f <- function() { browser(); 1 }; f()", exits: [1] },
  { name: "a question to nobody", code: `readline("? "); menu(c("a", "b"))`, limit: "2s" },
  { name: "a restart to the top level", code: `invokeRestart("abort")`, exits: [1] },
  {
    name: "a return from a frame that is not there",
    code: "do.call(return, list(1), envir = sys.frame(1))",
    exits: [1],
  },
  { name: "infinite recursion", code: "f <- function() f(); f()", exits: [1] },
  {
    name: "a C stack overflow",
    code: "options(expressions = 500000); f <- function(n) f(n + 1); f(1)",
    exits: [1],
  },
  { name: "60,000 parentheses", code: `${"(".repeat(60_000)}1`, exits: [1] },
  { name: "an error of 10 MB", code: `stop(strrep("x", 1e7))`, exits: [1] },
  { name: "20,000 warnings", code: "for (i in 1:20000) warning(i)", exits: [0] },
  {
    name: "a conditionMessage() that fails",
    code: `
      conditionMessage.evil <- function(c) { cat("gotcha"); stop("again") }
      stop(structure(class = c("evil", "error", "condition"), list(message = "m", call = NULL)))
    `,
    exits: [1],
  },
  {
    name: "a conditionMessage() that quits",
    code: `
      conditionMessage.evil <- function(c) quit(status = 5)
      stop(structure(class = c("evil", "error", "condition"), list(message = "m", call = NULL)))
    `,
    exits: [5],
  },
  {
    name: "a condition of wrong types",
    code: "stop(structure(class = c('error', 'condition'), list(message = sum, call = 1:3)))",
    exits: [1],
  },
  {
    name: "a traced cat()",
    code: `trace("cat", quote(NULL), print = FALSE)`,
    exits: [0],
  },
  {
    name: "a finalizer that quits",
    code: "reg.finalizer(new.env(), function(e) quit(status = 5)); invisible(gc())",
  },
  { name: "a task callback that fails", code: "addTaskCallback(function(...) stop('callback'))" },
  { name: "a task callback that quits", code: "addTaskCallback(function(...) quit(status = 11))" },
  { name: "a time limit left set", code: "setTimeLimit(elapsed = 1)", exits: [0] },
  { name: "a session limit left set", code: "setSessionTimeLimit(elapsed = 0.05); Sys.sleep(0.2)" },
  { name: "gctorture", code: "gctorture(TRUE); x <- 1:10; gctorture(FALSE)", exits: [0] },
  { name: "more memory than there is", code: "x <- rep(1, 1e12)", exits: [1] },
];

function rebind(name: string, value: string): string {
  return `unlockBinding("${name}", baseenv()); assign("${name}", ${value}, envir = baseenv())`;
}

/** All of them. */
export const ATTACKS: readonly Attack[] = [...ON_THE_CHANNEL, ...ON_R_ITSELF, ...PROCESS_ATTACKS];
