# One job, from its settings to its end. Part of worker.R.

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
  wants_value <<- FALSE
  gives <<- character()
  asking <<- FALSE
  aside <<- FALSE
  plots_made <<- 0L
  plots_sent <<- 0L
  variants <<- list()
  called <<- NULL
  call_env <<- global
  script_name <<- NULL
  known_places <<- NULL
  echoing <<- FALSE
  wrong_line <<- NULL
  tail_line <<- NULL
  names_browser <<- grepl("browser", code, fixed = TRUE)
  if (is.null(getOption("error"))) options(error = handler_call)
  if (!identical(globalCallingHandlers()[handler_names], handlers)) install_handlers()
  arguments <<- NULL
  problem <- if (!is.null(settings)) apply_settings()
  if (is.null(problem)) {
    if (length(canvases) > 0L) resume_plots()
    if (echoing) begin_echo()
    if (is.null(called)) read_code() else exprs <<- prepare_call(called$name, called$args)
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
    expr <- exprs[[at]]
    # The function itself, not its name: no frame is seen, and nothing is printed.
    if (wants_value) expr <- as.call(list(invisible, expr))
    if (!is.null(script_name)) expr <- at_its_line(expr)
    if (echoing) echo_expression()
    .Internal(delayedAssign(name_next, expr, call_env, .AutoloadEnv))
    if (fed <= 0L) {
      fed <<- length(exprs) - at + 1L
      emit("N", sprintf("%d", fed))
    }
    return(NULL)
  }
  if (echoing) echo_rest()
  tail_line <<- wrong_line
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
  failure <<- if (!is.null(signalled)) signalled else plain_error(last_words())
}

# No handler of ours is called when the stack is full.
last_words <- function() {
  text <- geterrmessage()
  if (!grepl("stack|nested too deeply", text)) return("R returned to the top level")
  sub("^Error: ", "", sub("\n$", "", text))
}

skip_line <- function() {
  refs <- places(length(exprs))
  line <- refs[[at]][[last_parsed]]
  while (at < length(exprs) && refs[[at + 1L]][[first_parsed]] <= line) at <<- at + 1L
}

finish <- function(fields = NULL) {
  if (!is.null(failure)) failure$line <<- failure_line()
  arm_nothing()
  if (watching) finish_plots()
  if (wants_value && is.null(failure) && is.null(fields)) send_value()
  for (path in gives) send_file(path)
  if (!is.null(undo)) restore_settings()
  if (asking) {
    set_menu(own_menu)
    forget_typed()
  }
  now <- cpu()
  cpu_ms <- as.integer((now - cpu_seen) * 1000)
  cpu_seen <<- now
  if (last_job && must_quit()) return(leave(end_json(fields, cpu_ms)))
  if (is.null(fields) && is.null(failure) && cpu_ms == 0L && events_dropped == 0L &&
    plots_made == 0L) at_end("K", "")
  else {
    end <- end_json(fields, cpu_ms)    # now: at_end() takes the user's sinks away
    at_end("E", end)
  }
  close_job()
}

# Whether R's end would do anything that others can see: the last job's R is killed otherwise.
must_quit <- function() {
  exit_wanted || exists(".Last", envir = global, inherits = FALSE) ||
    any(unlist(base[[".Devices"]])[-1L] != "") ||
    length(.Internal(getAllConnections())) > 3L + length(channels) + !is.null(input)
}

# As Rscript ends. The server is told with R's last breath, and all that is said before belongs to
# the job.
leave <- function(end) {
  parting <<- paste("end", end)
  .Internal(interruptsSuspended(FALSE))
  quit_function("no", 0L, is.null(failure))
}

end_json <- function(fields, cpu_ms) {
  if (is.null(fields)) {
    fields <- if (is.null(failure)) "\"ok\":true" else
      paste0("\"error\":", condition_json(failure), if (halt_into_sink()) ",\"halted\":true")
  }
  paste0("{", fields, ",\"cpu_ms\":", cpu_ms, ",\"events_dropped\":", events_dropped,
    ",\"plots\":", plots_made, "}")
}

# Where messages are diverted, Rscript's last words go there too.
halt_into_sink <- function() {
  diverted <- .Internal(sink.number(FALSE)) != 2L
  if (diverted) cat("Execution halted\n", file = stderr())
  diverted
}

close_job <- function() {
  code <<- NULL
  exprs <<- no_exprs
  source_lines <<- NULL
  known_places <<- NULL
  failure <<- NULL
  signalled <<- NULL
  handed <<- NULL
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
  last_job <<- isTRUE(given$last)
  wants_value <<- isTRUE(given$value)
  aside <<- isTRUE(given$aside)
  asking <<- isTRUE(given$ask)
  if (asking) set_menu(ask_choice)
  gives <<- given$give
  if (!is.null(given$plots)) wish_plots(given$plots, given$plots_max)
  if (!is.null(given$call)) called <<- list(name = given$call, args = given$call_args)
  arguments <<- if (!is.null(given$args)) c(process_arguments()[[1L]], given$args)
  echoing <<- isTRUE(given$echo)
  script_name <<- given$lines
  if (!is.null(script_name)) {
    undo$keep <<- getOption("keep.source")
    options(keep.source = TRUE)
  }
  if (!is.null(given$width)) {
    undo$width <<- getOption("width")
    width_ours <<- given$width
    options(width = given$width)
  }
  if (!is.null(given$env)) {
    undo$env <<- Sys.getenv(names(given$env), NA, names = TRUE)
    do.call(Sys.setenv, as.list(given$env))
  }
  # Where files come and go, the job runs beside them.
  cwd <- if (length(given$files) + length(given$give) > 0L) own_dir else given$cwd
  if (!is.null(cwd)) {
    back <- tryCatch(setwd(cwd), error = function(e) NULL)
    if (is.null(back)) {
      restore_settings()
      return(paste0("Cannot use the working directory '", cwd, "': R may not enter it"))
    }
    undo$cwd <<- back
  }
  take_brought(given$files, given$data)
}

restore_settings <- function() {
  back <- undo
  undo <<- NULL
  if (!is.null(back$cwd)) try(setwd(back$cwd), silent = TRUE)
  if (!is.null(back$width) && identical(getOption("width"), width_ours)) options(width = back$width)
  if (!is.null(back$keep) && isTRUE(getOption("keep.source"))) options(keep.source = back$keep)
  if (!is.null(back$env)) {
    gone <- names(back$env)[is.na(back$env)]
    kept <- back$env[!is.na(back$env)]
    if (length(gone) > 0L) Sys.unsetenv(gone)
    if (length(kept) > 0L) do.call(Sys.setenv, as.list(kept))
  }
  NULL
}
