# What the server's lines call: each function here has a one-letter name behind the worker's prefix.
# Part of worker.R.

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
  if (ahead && .Internal(file.exists(hold_file))) refuse() else open_job()
  .Internal(interruptsSuspended(FALSE))
  invisible(unset)
}

# Runs after each expression: did it succeed, and what comes next?
mark <- function() {
  if (sys.nframe() > 1L || (names_browser && browser_is_open())) return(in_browser())
  .Internal(interruptsSuspended(TRUE))
  if (is.null(job) || tail_pending) {
    arm_nothing()
    .Internal(interruptsSuspended(FALSE))
    return(invisible(unset))
  }
  value <- base[[".Last.value"]]
  if (watching) pages_over()
  fed <<- fed - 1L
  # The user's own .Last.value is found before base's, which the REPL overwrites at each line.
  if (!identical(value, unset)) {
    if (!aside) autoload$.Last.value <- value
    if (wants_value) handed <<- value
  } else if (is.null(failure)) fell()
  if (is.null(getOption("error"))) options(error = handler_call)
  if (getOption("echo")) options(echo = FALSE)    # it would show our lines, not the user's
  advance()
  .Internal(interruptsSuspended(FALSE))
  invisible(unset)
}

# Runs after the raw tail, which has failed by now.
tail_done <- function() {
  tail_pending <<- FALSE
  .Internal(interruptsSuspended(TRUE))
  on.exit(.Internal(interruptsSuspended(FALSE)))
  own <- getOption("error")
  if (is.null(failure) && !is.null(own) && !identical(own, handler_call)) go_on_behind()
  else if (is.null(failure)) fell()
  advance()
  invisible(unset)
}

# The user's own options(error = ) has seen the parse error: as in Rscript, the next line follows.
go_on_behind <- function() {
  signalled <<- NULL
  code <<- behind
  tail_line <<- NULL
  wrong_line <<- NULL
  known_places <<- NULL
  at <<- 0L
  fed <<- 0L
  read_code()
}

# A browser() at top level has no frame of its own.
browser_is_open <- function() {
  tryCatch({
    browserText()
    TRUE
  }, error = function(e) FALSE)
}

# A browser reads the lines that were meant for the REPL: the server must be told, once.
in_browser <- function() {
  if (Sys.getpid() != pid) return(invisible(unset))
  arm_nothing()
  if (!browsing) {
    browsing <<- TRUE
    emit("B")
  }
  invisible(unset)
}

# Options(error = ): called by R after it has printed the error, before it returns to the top level.
failed <- function() {
  .Internal(interruptsSuspended(TRUE))
  on.exit(.Internal(interruptsSuspended(FALSE)))
  if (Sys.getpid() != pid || is.null(job)) return(invisible())
  calls <- users_calls(sys.nframe() - 1L)
  condition <- signalled
  if (is.null(condition)) {
    text <- sub("\n$", "", geterrmessage())
    condition <- plain_error(text)
  }
  failure <<- c(condition, list(traceback = calls))
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
drain_input <- function(nonce) {
  rest <- file("stdin", "rb")
  while (length(readBin(rest, raw(), 65536L)) > 0L) NULL
  close(rest)
  answer(nonce, "")
  invisible(unset)
}
