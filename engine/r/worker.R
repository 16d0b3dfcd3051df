# The worker's half of driving R: base R only, evaluated once into an environment of its own
# (`self`) before any user code runs. R's own REPL is the loop: for each job the server writes the
# constant lines this file makes names for (see engine/commands.ts, its other half), and R prints,
# warns and fails in its own words. docs/ENGINE.md draws the conversation.
#
# A guest in the user's session: nothing here is visible from the global environment, and every base
# function called below is a private copy, so user code that rebinds `cat` breaks only itself.

# ---- state ---------------------------------------------------------------------------------------

base <- baseenv()
global <- globalenv()
unset <- new.env(parent = emptyenv())    # what .Last.value is until an expression succeeds
pid <- Sys.getpid()                      # a forked copy of this process must stay silent
job <- NULL                              # sentinel of the open job, or NULL between jobs
exprs <- expression()
at <- 0L                                 # which expression is being evaluated
fed <- 0L                                # for how many more expressions lines are written
raw_tail <- NULL                         # text that does not parse, for the REPL to word the error
tail_pending <- FALSE
incomplete <- FALSE
chunks <- list()
chunks_n <- 0L
settings <- NULL
deferred <- NULL                         # sentinels of jobs that came while one was open
failure <- NULL                          # the error that ends the job
signalled <- NULL                        # the last uncaught condition seen, until the handler runs
interrupted <- FALSE
browsing <- FALSE
events_left <- 0L
events_dropped <- 0L
cpu_seen <- 0
undo <- NULL
input <- NULL
arguments <- NULL
width_ours <- NULL
code <- NULL
autoload <- .AutoloadEnv
handler_names <- c("message", "warning", "error", "interrupt")
stdout_con <- NULL
stderr_con <- NULL
console <- NULL
console_con <- NULL
no_exprs <- expression()
process_arguments <- NULL
quit_function <- NULL
parse_function <- NULL
own_parse <- NULL
handlers <- NULL
name_next <- NULL
handler_call <- NULL

# ---- what the server's lines call ----------------------------------------------------------------

# Options of the next job: cwd, args, env, width, events.
set_options <- function(...) {
  settings <<- list(...)
  invisible(unset)
}

# One more piece of code; a line of the REPL holds less than 4096 bytes.
add_chunk <- function(text) {
  chunks_n <<- chunks_n + 1L
  chunks[[chunks_n]] <<- text
  invisible(unset)
}

# Begins a job: its sentinel, how many expressions' lines follow, and the last (or only) piece of
# its code. `ahead` says that the line was written while another job still ran: a stop meant for
# that one holds this one back, and whoever sent it sends it again.
begin <- function(sentinel, lines_fed, text, ahead = FALSE) {
  .Internal(interruptsSuspended(TRUE))
  if (!is.null(job)) {
    # The open job waits for its tail, or sits in a browser: this one is handed back behind its end.
    deferred <<- c(deferred, sentinel)
    chunks <<- list()
    chunks_n <<- 0L
    settings <<- NULL
    .Internal(interruptsSuspended(FALSE))
    return(invisible(unset))
  }
  job <<- sentinel
  fed <<- lines_fed
  if (chunks_n > 0L) {
    text <- paste(c(unlist(chunks), text), collapse = "")
    chunks <<- list()
    chunks_n <<- 0L
  }
  code <<- text
  if (ahead && .Internal(file.exists(stop_file))) refuse() else open_job()
  .Internal(interruptsSuspended(FALSE))
  invisible(unset)
}

# Runs after each expression: did it succeed, and what comes next?
mark <- function() {
  if (sys.nframe() > 1L) return(in_browser())
  .Internal(interruptsSuspended(TRUE))
  if (is.null(job) || tail_pending) {
    arm_nothing()
    .Internal(interruptsSuspended(FALSE))
    return(invisible(unset))
  }
  value <- base[[".Last.value"]]
  fed <<- fed - 1L
  # The user's own .Last.value is found before base's, which the REPL overwrites at each line.
  if (!identical(value, unset)) autoload$.Last.value <- value
  else if (is.null(failure)) fell()
  if (is.null(getOption("error"))) options(error = handler_call)
  advance()
  .Internal(interruptsSuspended(FALSE))
  invisible(unset)
}

# Runs after the raw tail, which has failed by now.
tail_done <- function() {
  tail_pending <<- FALSE
  .Internal(interruptsSuspended(TRUE))
  on.exit(.Internal(interruptsSuspended(FALSE)))
  if (is.null(failure)) fell()
  advance()
  invisible(unset)
}

# A browser reads the lines that were meant for the REPL: the server must be told, once.
in_browser <- function() {
  if (Sys.getpid() == pid && !browsing) {
    browsing <<- TRUE
    arm_nothing()
    emit("B")
  }
  invisible(unset)
}

# Options(error = ): called by R after it has printed the error, before it returns to the top level.
failed <- function() {
  .Internal(interruptsSuspended(TRUE))
  on.exit(.Internal(interruptsSuspended(FALSE)))
  if (Sys.getpid() != pid || is.null(job)) return(invisible())
  calls <- sys.calls()
  condition <- signalled
  if (is.null(condition)) {
    text <- sub("\n$", "", geterrmessage())
    condition <- plain_error(text)
  }
  failure <<- c(condition, list(traceback = calls[-length(calls)]))
  signalled <<- NULL
  invisible()
}

# Answers when everything written before it has been done, and swallows an interrupt that came late.
sync <- function(nonce) {
  tryCatch(Sys.sleep(0.002), interrupt = function(c) NULL)
  .Internal(interruptsSuspended(TRUE))
  on.exit(.Internal(interruptsSuspended(FALSE)))
  if (sys.nframe() > 1L) return(in_browser())
  if (!is.null(job)) {
    interrupted <<- TRUE
    if (browsing) no_debugger()
    if (is.null(failure)) failure <<- an_interrupt
    finish()
  }
  job <<- paste0("\036", nonce)
  at_end("S", "")
  job <<- NULL
  if (!is.null(input)) close_input()
  invisible(unset)
}

no_debugger <- function() {
  text <- "a batch job has no debugger: browser() or debug() was reached"
  failure <<- plain_error(text)
  while (.Internal(sink.number(TRUE)) > 0L) sink()
  if (.Internal(sink.number(FALSE)) != 2L) sink(type = "message")
  write_text(stderr_con, paste0("Error: ", text, "\n"))
}

# Empties what the last job left unread of its input; the server has closed the writing end.
drain_input <- function() {
  rest <- file("stdin", "rb")
  while (length(readBin(rest, raw(), 65536L)) > 0L) NULL
  close(rest)
  invisible(unset)
}

# ---- one job -------------------------------------------------------------------------------------

open_job <- function() {
  failure <<- NULL
  signalled <<- NULL
  interrupted <<- FALSE
  browsing <<- FALSE
  incomplete <<- FALSE
  raw_tail <<- NULL
  tail_pending <<- FALSE
  events_left <<- 1000L
  events_dropped <<- 0L
  at <<- 0L
  if (is.null(getOption("error"))) options(error = handler_call)
  if (!identical(globalCallingHandlers()[handler_names], handlers)) install_handlers()
  problem <- if (!is.null(settings)) apply_settings()
  if (is.null(problem)) {
    read_code()
    return(advance())
  }
  exprs <<- expression()
  finish(paste0("\"rejected\":", quoted(problem)))
}

# Arms the next expression, asks for more lines, or ends the job.
advance <- function() {
  if (!is.null(failure)) return(finish())
  if (at < length(exprs)) {
    if (at > 0L && file.exists(stop_file)) {
      failure <<- an_interrupt
      return(finish())
    }
    at <<- at + 1L
    .Internal(delayedAssign(name_next, exprs[[at]], global, .AutoloadEnv))
    if (fed <= 0L) {
      fed <<- length(exprs) - at + 1L
      emit("N", sprintf("%d", fed))
    }
    return(NULL)
  }
  arm_nothing()
  if (incomplete) {
    cat("Error: unexpected end of input\n", file = stderr_con)
    failure <<- plain_error("unexpected end of input")
  } else if (!is.null(raw_tail)) {
    text <- raw_tail
    raw_tail <<- NULL
    tail_pending <<- TRUE
    emit("T", text)
    return(NULL)
  }
  finish()
}

# A skipped line forces a promise that is invisible, so the REPL prints nothing.
arm_nothing <- function() {
  .Internal(delayedAssign(name_next, quote(invisible()), self, .AutoloadEnv))
  at <<- length(exprs)
}

# An expression neither succeeded nor called our handler.
fell <- function() {
  own <- getOption("error")
  if (!is.null(own) && !identical(own, handler_call) && at > 0L) {
    # The user's own options(error = ) ran: the script goes on with the next line, as in Rscript.
    skip_line()
    signalled <<- NULL
    return(NULL)
  }
  failure <<- if (!is.null(signalled)) signalled else
    plain_error("R returned to the top level")
}

skip_line <- function() {
  refs <- attr(parse_text(code, -1L, TRUE), "srcref")
  line <- refs[[at]][[3L]]
  while (at < length(exprs) && refs[[at + 1L]][[1L]] <= line) at <<- at + 1L
}

finish <- function(fields = NULL) {
  arm_nothing()
  if (!is.null(undo)) restore_settings()
  now <- cpu()
  cpu_ms <- as.integer((now - cpu_seen) * 1000)
  cpu_seen <<- now
  if (is.null(fields) && is.null(failure) && cpu_ms == 0L && events_dropped == 0L) at_end("K", "")
  else at_end("E", end_json(fields, cpu_ms))
  close_job()
}

end_json <- function(fields, cpu_ms) {
  if (is.null(fields)) {
    fields <- if (is.null(failure)) "\"ok\":true" else
      paste0("\"error\":", condition_json(failure))
  }
  paste0("{", fields, ",\"cpu_ms\":", cpu_ms, ",\"events_dropped\":", events_dropped, "}")
}

close_job <- function() {
  code <<- NULL
  exprs <<- no_exprs
  failure <<- NULL
  signalled <<- NULL
  job <<- NULL
  if (!is.null(deferred)) hand_back()
}

hand_back <- function() {
  waiting <- deferred
  deferred <<- NULL
  for (sentinel in waiting) {
    job <<- sentinel
    at_end("H", "")
  }
  job <<- NULL
}

# Not begun: a stop was asked for, or a browser is open. Whoever sent this job may send it again.
refuse <- function() {
  settings <<- NULL
  exprs <<- no_exprs
  arm_nothing()
  at_end("H", "")
  close_job()
}

cpu <- function() {
  times <- proc.time()
  # Without looking for methods of its class.
  .subset2(times, 1L) + .subset2(times, 2L) + .subset2(times, 4L) + .subset2(times, 5L)
}

apply_settings <- function() {
  given <- settings
  settings <<- NULL
  arguments <<- if (!is.null(given$args)) c(process_arguments()[[1L]], given$args)
  if (!is.null(given$width)) {
    undo$width <<- getOption("width")
    width_ours <<- given$width
    options(width = given$width)
  }
  if (!is.null(given$env)) {
    undo$env <<- Sys.getenv(names(given$env), NA, names = TRUE)
    do.call(Sys.setenv, as.list(given$env))
  }
  if (!is.null(given$cwd)) {
    back <- tryCatch(setwd(given$cwd), error = function(e) NULL)
    if (is.null(back)) {
      restore_settings()
      return(paste0("Cannot use the working directory '", given$cwd, "': R may not enter it"))
    }
    undo$cwd <<- back
  }
  NULL
}

restore_settings <- function() {
  back <- undo
  undo <<- NULL
  if (!is.null(back$cwd)) try(setwd(back$cwd), silent = TRUE)
  if (!is.null(back$width) && identical(getOption("width"), width_ours)) options(width = back$width)
  if (!is.null(back$env)) {
    gone <- names(back$env)[is.na(back$env)]
    kept <- back$env[!is.na(back$env)]
    if (length(gone) > 0L) Sys.unsetenv(gone)
    if (length(kept) > 0L) do.call(Sys.setenv, as.list(kept))
  }
  NULL
}

# ---- reading code --------------------------------------------------------------------------------

# Fills `exprs`. What does not parse is left to the REPL (`raw_tail`), so that R words the error;
# what is only incomplete (`incomplete`) gets the words Rscript has for it.
read_code <- function() {
  text <- code
  parsed <- parse_quietly(text)
  if (is.expression(parsed)) {
    exprs <<- parsed
    return(NULL)
  }
  good <- parsable(text)
  exprs <<- parse_text(text, good, FALSE)
  if (good == 0L) exprs <<- expression()
  refs <- if (good > 0L) attr(parse_text(text, good, TRUE), "srcref")
  rest <- if (good == 0L) text else after(text, refs[[good]])
  locate(rest)
}

# The expressions, or what tryCatch() would hand its handler. tryCatch() is built on the same
# primitive, and costs more than parsing a short script does.
parse_quietly <- function(text) {
  .Internal(.addCondHands("error", list(NULL), environment(), environment(), FALSE))
  .Internal(parse(console_con, -1L, text, "?", NULL, "unknown"))
}

parse_text <- function(text, n, keep) own_parse(text = text, n = n, keep.source = keep)

# How many expressions parse before the first that does not.
parsable <- function(text) {
  low <- 0L
  high <- 1L
  works <- function(n) !is.null(tryCatch(parse_text(text, n, FALSE), error = function(e) NULL))
  while (works(high)) {
    low <- high
    high <- high * 2L
  }
  while (high - low > 1L) {
    middle <- (low + high) %/% 2L
    if (works(middle)) low <- middle else high <- middle
  }
  low
}

# The text behind an expression, with the semicolon or the line end that closes it taken off.
after <- function(text, ref) {
  lines <- strsplit(text, "\n", fixed = TRUE, useBytes = TRUE)[[1L]]
  line <- substring_bytes(lines[[ref[[3L]]]], ref[[4L]] + 1L)
  close <- regexpr("^[ \t\f]*;", line, useBytes = TRUE)
  lines <- lines[seq_along(lines) > ref[[3L]]]
  if (close > 0L) lines <- c(substring_bytes(line, attr(close, "match.length") + 1L), lines)
  paste(lines, collapse = "\n")
}

substring_bytes <- function(line, from) {
  bytes <- charToRaw(line)
  text <- rawToChar(bytes[seq_along(bytes) >= from])
  Encoding(text) <- Encoding(line)
  text
}

# Tells a tail that is incomplete from one that is wrong, and cuts the wrong one behind its error.
locate <- function(rest) {
  message <- complaint(rest)
  lines <- strsplit(rest, "\n", fixed = TRUE, useBytes = TRUE)[[1L]]
  place <- regmatches(message, regexec("^<text>:([0-9]+):", message))[[1L]]
  line <- if (length(place) == 2L) as.integer(place[[2L]]) else first_wrong(lines, message)
  if (line > length(lines) || grepl("INCOMPLETE_STRING", message, fixed = TRUE)) {
    incomplete <<- TRUE
    return(NULL)
  }
  text <- paste(lines[seq_len(line)], collapse = "\n")
  if (nchar(text, "bytes") > 262144L) {
    cat("Error: ", message, "\n", sep = "", file = stderr_con)
    failure <<- plain_error(message)
    return(NULL)
  }
  raw_tail <<- text
}

complaint <- function(text) {
  tryCatch({
    parse_text(text, 1L, FALSE)
    ""
  }, error = function(e) conditionMessage(e))
}

# Some complaints of the parser name no line of their own: the first with which the lines up to it
# bring the same complaint. With fewer the expression is only incomplete.
first_wrong <- function(lines, message) {
  low <- 0L
  high <- length(lines)
  while (high - low > 1L) {
    middle <- (low + high) %/% 2L
    text <- paste(lines[seq_len(middle)], collapse = "\n")
    if (identical(complaint(text), message)) high <- middle else low <- middle
  }
  high
}

# ---- conditions ----------------------------------------------------------------------------------

# Seen by our handlers only when nothing above has caught it.
on_message <- function(c) event("message", c)
on_warning <- function(c) event("warning", c)
on_error <- function(c) {
  if (is.null(job) || Sys.getpid() != pid) return(NULL)
  signalled <<- describe("error", c)
}
on_interrupt <- function(c) {
  # An interrupt meant for a job that has ended meanwhile: go on as if it had not come.
  if (!file.exists(stop_file) && !is.null(maybe_restart("resume"))) invokeRestart("resume")
  signalled <<- an_interrupt
}
maybe_restart <- function(name) {
  for (r in computeRestarts()) if (identical(r[[1L]], name)) return(r)
  NULL
}

event <- function(kind, condition) {
  if (is.null(job) || Sys.getpid() != pid) return(NULL)
  if (events_left <= 0L) {
    events_dropped <<- events_dropped + 1L
    return(NULL)
  }
  events_left <<- events_left - 1L
  old <- .Internal(interruptsSuspended(TRUE))
  emit("C", condition_json(describe(kind, condition)))
  .Internal(interruptsSuspended(old))
  NULL
}

plain_error <- function(text) {
  list(kind = "error", text = text, call = NULL, classes = c("simpleError", "error", "condition"))
}

an_interrupt <- list(kind = "interrupt", text = "", call = NULL,
  classes = c("interrupt", "condition"))

# The methods called here may be the user's own: whatever they do, there is a description.
describe <- function(kind, condition) {
  text <- tryCatch(as.character(conditionMessage(condition))[1L], error = function(e) NA_character_)
  call <- tryCatch(conditionCall(condition), error = function(e) NULL)
  classes <- tryCatch(class(condition), error = function(e) kind)
  list(kind = kind, text = text, call = call, classes = classes)
}

condition_json <- function(x) {
  fields <- c(
    paste0("\"kind\":", quoted(x$kind)),
    paste0("\"text\":", quoted(x$text)),
    paste0("\"call\":", if (is.null(x$call)) "null" else quoted(shown(x$call))),
    paste0("\"classes\":[", paste(vapply(x$classes, quoted, ""), collapse = ","), "]")
  )
  if (!is.null(x$traceback)) {
    calls <- x$traceback
    if (length(calls) > 100L) calls <- calls[seq_len(100L)]
    fields <- c(fields, paste0("\"traceback\":[",
      paste(vapply(calls, function(call) quoted(shown(call)), ""), collapse = ","), "]"))
  }
  paste0("{", paste(fields, collapse = ","), "}")
}

shown <- function(call) {
  text <- tryCatch(deparse(call, width.cutoff = 200L, nlines = 2L), error = function(e) "?")
  if (length(text) > 1L) paste(text[[1L]], "...") else text
}

# A JSON string; bytes that are no UTF-8 are shown as R shows them, <ff>.
quoted <- function(x) {
  x <- as.character(x)[1L]
  if (is.na(x)) return("null")
  x <- enc2utf8(x)
  if (!validUTF8(x)) x <- iconv(x, "UTF-8", "UTF-8", sub = "byte")
  if (nchar(x, "bytes") > 16384L) x <- paste0(substr(x, 1L, 4000L), "...")
  x <- gsub("\\", "\\\\", x, fixed = TRUE)
  x <- gsub("\"", "\\\"", x, fixed = TRUE)
  for (code in unique(utf8ToInt(x))) {
    if (!is.na(code) && (code < 32L || code == 127L)) {
      x <- gsub(intToUtf8(code), sprintf("\\u%04x", code), x, fixed = TRUE)
    }
  }
  paste0("\"", x, "\"")
}

# ---- marks ---------------------------------------------------------------------------------------

# In the middle of a job: beside R's own stdout, so that the user's sink() stays as it is. The
# connection is made anew each time: R code can close any that stays.
emit <- function(kind, payload = "") {
  flush(stdout_con)
  out <- file("/dev/fd/1", "wb", raw = TRUE)
  writeBin(charToRaw(marked(kind, payload)), out)
  close(out)
  NULL
}

marked <- function(kind, payload) {
  paste0(job, kind, sprintf("%08x", nchar(payload, "bytes")), payload)
}

# What cat() does, without its checks: a quarter of the time, and one system call for a string.
write_text <- function(con, text) .Internal(cat(list(text), con, "", FALSE, NULL, FALSE))

# At the end of a job: through R's stdout, so that what C code has printed goes before it.
at_end <- function(kind, payload) {
  while (.Internal(sink.number(TRUE)) > 0L) sink()
  if (.Internal(sink.number(FALSE)) != 2L) sink(type = "message")
  if (!is.null(input)) close_input()
  bare <- paste0(job, kind, "00000000")
  write_text(stdout_con, if (payload == "") bare else marked(kind, payload))
  write_text(stderr_con, bare)
  NULL
}

# R is about to end. In a quit() the frame of quit is still there; when R halts on an error it is
# not.
leaving <- function(e) {
  if (Sys.getpid() != pid) return(NULL)
  by_quit <- FALSE
  for (i in seq_len(sys.nframe())) if (identical(sys.function(i), quit_function)) by_quit <- TRUE
  if (is.null(job)) job <<- paste0("\036", worker_nonce)
  emit("L", if (by_quit) "quit" else if (is.null(signalled)) "halt" else condition_json(signalled))
}

# ---- what user code sees instead of base's own ---------------------------------------------------

job_stdin <- function() {
  if (identical(sys.function(sys.parent()), parse_function)) return(console())
  usable <- !is.null(input) && tryCatch(isOpen(input), error = function(e) FALSE)
  if (!usable) input <<- file("stdin", "r")
  input
}

close_input <- function() {
  con <- input
  input <<- NULL
  tryCatch(close(con), error = function(e) NULL)
}

job_arguments <- function(trailingOnly = FALSE) {
  args <- if (is.null(arguments)) process_arguments() else arguments
  if (!trailingOnly) return(args)
  first <- match("--args", args)
  if (is.na(first)) character() else args[seq_along(args) > first]
}

# ---- start ---------------------------------------------------------------------------------------

install_handlers <- function() do.call(globalCallingHandlers, handlers)

replace_in_base <- function(name, value) {
  unlockBinding(name, base)
  environment(value) <- self
  assign(name, value, envir = base)
  lockBinding(name, base)
}

start <- function() {
  stdout_con <<- getConnection(1L)
  stderr_con <<- getConnection(2L)
  console <<- stdin
  console_con <<- stdin()
  process_arguments <<- commandArgs
  quit_function <<- quit
  parse_function <<- parse
  own_parse <<- parse
  environment(own_parse) <<- self    # there `stdin` is still base's own
  handlers <<- list(message = on_message, warning = on_warning, error = on_error,
    interrupt = on_interrupt)
  names <- list(begin = "b", add_chunk = "c", set_options = "o", mark = "m", tail_done = "t",
    failed = "h", sync = "s", drain_input = "d")
  for (f in names(names)) assign(paste0(prefix, names[[f]]), self[[f]], envir = .AutoloadEnv)
  name_next <<- paste0(prefix, "e")
  handler_call <<- call(paste0(prefix, "h"))
  keep_private_copies()
  replace_in_base("stdin", job_stdin)
  replace_in_base("commandArgs", job_arguments)
  arm_nothing()
  install_handlers()
  options(error = handler_call)
  reg.finalizer(self, leaving, onexit = TRUE)
  job <<- paste0("\036", worker_nonce)
  at_end("R", paste0("{\"r\":", quoted(paste(R.version$major, R.version$minor, sep = ".")),
    ",\"worker\":1}"))
  job <<- NULL
  invisible(unset)
}

# Copies into `self` every closure of base this file names. Primitives are left alone: the byte
# compiler inlines them, unless it finds them shadowed.
keep_private_copies <- function() {
  for (f in ls(self, all.names = TRUE)) {
    value <- self[[f]]
    if (!is.function(value) || is.primitive(value)) next
    for (name in unique(all.names(body(value)))) {
      if (exists(name, envir = self, inherits = FALSE)) next
      if (!exists(name, envir = base, inherits = FALSE)) next
      original <- get(name, envir = base)
      if (is.function(original) && !is.primitive(original)) assign(name, original, envir = self)
    }
  }
}
