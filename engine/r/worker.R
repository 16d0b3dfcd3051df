# The worker's half of driving R: base R only, evaluated once into an environment of its own
# (`self`) before any user code runs. R's own REPL is the loop: for each job the server writes the
# constant lines this file makes names for (see engine/commands.ts, its other half), and R prints,
# warns and fails in its own words. docs/ENGINE.md draws the conversation.
#
# A guest in the user's session: nothing here is visible from the global environment, and every base
# function called below is a private copy, so user code that rebinds `cat` breaks only itself.

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
behind <- ""                             # the lines behind what does not parse
names_browser <- FALSE                   # whether the code speaks of browser()
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
wants_value <- FALSE
handed <- NULL                           # the value of the last expression, if it is wanted
gives <- character()                     # files that are wanted
asking <- FALSE                          # somebody is there to answer readline()
typed <- NULL                            # the lines readLines() and scan() were given then
aside <- FALSE                           # .Last.value is left alone
plots_made <- 0L
called <- NULL                           # function to call, and the file of its arguments
call_env <- NULL
script_name <- NULL                      # what source references call the code, if they are kept
known_places <- NULL                     # source references of the expressions, if they are wanted
echoing <- FALSE
source_lines <- NULL                     # the code, to be echoed
echoed <- 0L                             # how many of its lines have been
wrong_line <- NULL                       # the first line that does not parse
tail_line <- NULL                        # the same, once everything before it has been evaluated
own_dir <- NULL                          # the session's directory
own_readline <- NULL
own_menu <- NULL
arguments <- NULL
width_ours <- NULL
last_job <- FALSE                        # R is to end with the open job
exit_wanted <- FALSE                     # somebody has asked to be called at R's end
parting <- NULL                          # how the last job ended, when R ends with it
channels <- list()                       # in a forked R, the connections that are its descriptors
c_fork <- NULL
own_reap <- NULL
own_connection <- NULL
filler <- NULL                           # see fill_holes()
greeting <- NULL
close_fds <- NULL
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



install_handlers <- function() do.call(globalCallingHandlers, handlers)

replace_in_base <- function(name, value) {
  unlockBinding(name, base)
  environment(value) <- self
  assign(name, value, envir = base)
  lockBinding(name, base)
}

replace_in_package <- function(package, name, value) {
  attached <- paste0("package:", package)
  places <- list(asNamespace(package), if (attached %in% search()) as.environment(attached))
  for (place in places) {
    if (is.null(place)) next
    unlockBinding(name, place)
    assign(name, value, envir = place)
    lockBinding(name, place)
  }
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
  own_readline <<- readline
  own_dir <<- getwd()
  environment(own_parse) <<- self    # there `stdin` is still base's own
  handlers <<- list(message = on_message, warning = on_warning, error = on_error,
    interrupt = on_interrupt)
  names <- list(begin = "b", add_chunk = "c", set_options = "o", mark = "m", tail_done = "t",
    failed = "h", sync = "s", drain_input = "d", fork_worker = "f", template = "p",
    reap_workers = "w")
  for (f in names(names)) assign(paste0(prefix, names[[f]]), self[[f]], envir = .AutoloadEnv)
  name_next <<- paste0(prefix, "e")
  handler_call <<- call(paste0(prefix, "h"))
  keep_private_copies()
  replace_in_base("stdin", job_stdin)
  replace_in_base("readline", ask_line)
  replace_in_base("commandArgs", job_arguments)
  replace_in_base("reg.finalizer", noting_finalizer)
  arm_nothing()
  install_handlers()
  options(error = handler_call)
  take_device_option()
  .Internal(reg.finalizer(self, leaving, TRUE))
  greeting <<- paste0("{\"r\":", quoted(paste(R.version$major, R.version$minor, sep = ".")),
    ",\"worker\":1}")
  greet()
  invisible(unset)
}

greet <- function() {
  job <<- paste0("\036", worker_nonce)
  at_end("R", greeting)
  job <<- NULL
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
