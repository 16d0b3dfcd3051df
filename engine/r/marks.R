# Marks, which the server cuts out of our output; and what user code sees instead of base's own
# functions. Part of worker.R.

# In the middle of a job: beside R's own stdout, so that the user's sink() stays as it is. The
# connection is made anew each time: R code can close any that stays.
emit <- function(kind, payload = "") {
  flush(stdout_con)
  out <- tryCatch(suppressWarnings(file("/dev/fd/1", "wb", raw = TRUE)), error = function(e) NULL)
  if (is.null(out)) {
    # The code has opened all the files it may.
    write_text(stdout_con, marked(kind, payload))
    return(NULL)
  }
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
  status <- NULL
  for (i in seq_len(sys.nframe())) if (identical(sys.function(i), quit_function)) {
    status <- tryCatch(as.integer(sys.frame(i)$status), error = function(e) 0L)
  }
  if (is.null(job)) job <<- paste0("\036", worker_nonce)
  else if (is.null(parting)) {
    if (watching) finish_plots()
    if (plots_made > 0L) emit("G", sprintf("%d", plots_made))
  }
  emit("L", if (!is.null(parting)) parting else if (!is.null(status)) paste("quit", status)
    else if (is.null(signalled)) "halt" else condition_json(signalled))
}

# What reg.finalizer() is, and a note that R must not end without running these.
noting_finalizer <- function(e, f, onexit = FALSE) {
  if (isTRUE(onexit)) exit_wanted <<- TRUE
  .Internal(reg.finalizer(e, f, onexit))
}

job_stdin <- function() {
  if (identical(sys.function(sys.parent()), parse_function)) return(console())
  if (asking && Sys.getpid() == pid) {
    most <- lines_read(sys.nframe() - 1L)
    if (!is.null(most)) return(typed_lines(most))
  }
  input_connection()
}

input_connection <- function() {
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
