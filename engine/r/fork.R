# Forking: an R that has loaded what sessions need once, and the workers it becomes. Part of
# worker.R.

# Readies this R to be forked. Children share our temporary directory unless it is gone when they
# ask for one, and they must not share the state of the random numbers. We answer with the files
# that change when a preloaded package does.
template <- function(nonce, packages) {
  was_loaded <- isNamespaceLoaded("parallel")
  parallel <- asNamespace("parallel")
  c_fork <<- parallel$C_mc_fork    # mcfork() would turn the byte compiler off in the child
  own_reap <<- parallel$rmChild
  close_fds <<- parallel$closeFD
  # A session that wants the package loads it as Rscript would.
  if (!was_loaded) rm("parallel", envir = .Internal(getNamespaceRegistry()))
  unlink(tempdir(), recursive = TRUE)
  Sys.unsetenv("GLIBC_TUNABLES")
  if (exists(".Random.seed", envir = global, inherits = FALSE)) rm(".Random.seed", envir = global)
  own_connection <<- getConnection
  replace_in_base("getConnection", users_connection)
  replace_in_base("getAllConnections", users_connections)
  exit_wanted <<- FALSE    # what was loaded here is not ours to end
  for (i in 1:3) gc()
  fill_holes()
  gc()
  describes <- function(package) system.file("DESCRIPTION", package = package)
  answer(nonce, paste(vapply(packages, describes, ""), collapse = "\n"))
}

# Lets go of children that have ended. Until then the system keeps how they ended.
reap_workers <- function(nonce, ...) {
  for (child in c(...)) tryCatch(suppressWarnings(own_reap(child)), error = function(e) NULL)
  answer(nonce, "")
}

answer <- function(nonce, text) {
  job <<- paste0("\036", nonce)
  at_end("S", text)
  job <<- NULL
  invisible(unset)
}

# Forks one worker. We answer with its process id, or why there is none; it goes on in become().
fork_worker <- function(nonce, hello, id, dir, pipes) {
  .Internal(interruptsSuspended(TRUE))
  # Not estranged: those are reaped as soon as they end, and nobody learns how.
  child <- tryCatch(.Call(c_fork, FALSE), error = function(e) conditionMessage(e))
  if (identical(child[[1L]], 0L)) become(hello, id, dir, pipes, child[[2L]])
  else answer(nonce, as.character(child[[1L]]))
  .Internal(interruptsSuspended(FALSE))
  invisible(unset)
}

# From here on we are another process. Each file that is opened takes the lowest free descriptor, so
# these become 0 to 4: the input, stdout, stderr, nothing, and the command channel our REPL reads.
become <- function(hello, id, dir, pipes, to_parent) {
  pid <<- Sys.getpid()
  at <- function(name) paste0(dir, "/", name)
  dir.create(at("tmp"))
  dir.create(at("wd"))
  fifo_path <- at("input")
  # Opening the reading end waits for a writer, unless somebody has it open for both.
  both <- fifo(fifo_path, "w+b", blocking = TRUE)
  close_fds(c(0:4, to_parent))
  open_raw <- function(path, mode) file(path, mode, raw = TRUE)
  channels$input <<- open_raw(fifo_path, "rb")
  channels$stdout <<- open_raw(paste0(pipes, "1"), "wb")
  channels$stderr <<- open_raw(paste0(pipes, "2"), "wb")
  nothing <- open_raw("/dev/null", "rb")
  channels$commands <<- open_raw(paste0(pipes, "0"), "rb")
  close(nothing)
  close(both)
  own_dir <<- at("wd")
  setwd(own_dir)
  Sys.setenv(TMPDIR = at("tmp"), RTOOL_WORKER = id)
  tempdir(check = TRUE)
  stop_file <<- at("stop")
  hold_file <<- at("hold")
  worker_nonce <<- hello
  cpu_seen <<- cpu()
  greet()
}

# A forked session's channels are connections too: as far as user code can see, there are none.
users_connections <- function() {
  ours <- vapply(channels, as.integer, 0L)
  setdiff(.Internal(getAllConnections()), ours)
}

users_connection <- function(what) {
  ours <- vapply(channels, as.integer, 0L)
  if (what %in% ours) stop(gettextf("there is no connection %d", what), domain = NA)
  own_connection(what)
}

# What a child allocates would lie in the holes that our garbage has left, a few on each page, and
# each page it writes to is copied. With the holes filled it gets pages of its own.
fill_holes <- function() {
  sizes <- c(1L, 2L, 4L, 6L, 8L, 16L)    # R keeps vectors of so many doubles on pages of their own
  filler <<- list(
    as.pairlist(vector("list", 100000L)),
    lapply(sizes, function(size) lapply(seq_len(3000L), function(i) numeric(size)))
  )
}
