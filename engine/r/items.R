# What a job hands over beside its output, what comes with it, and what it asks. Part of worker.R.

# `V head`, the item's bytes, `v problem`: until then all that R writes to stdout is the item's.
send_item <- function(head, write) {
  flush(stdout_con)
  out <- file("/dev/fd/1", "wb", raw = TRUE)
  writeBin(charToRaw(marked("V", head)), out)
  problem <- tryCatch({
    write(out)
    ""
  }, error = function(e) conditionMessage(e))
  writeBin(charToRaw(marked("v", problem)), out)
  close(out)
}

send_value <- function() {
  value <- handed
  handed <<- NULL
  send_item("{\"kind\":\"value\"}", function(out) serialize(value, out, xdr = FALSE))
}

send_file <- function(path) {
  head <- paste0("{\"kind\":\"file\",\"path\":", quoted(path), "}")
  send_item(head, function(out) copy_bytes(own_path(path), out))
}

copy_bytes <- function(path, out) {
  if (!file.exists(path)) stop("there is no such file")
  if (dir.exists(path)) stop("it is a directory")
  from <- file(path, "rb", raw = TRUE)
  on.exit(close(from))
  while (length(piece <- readBin(from, raw(), 1048576L)) > 0L) writeBin(piece, out)
}

# A path below the session's directory. The server has seen to its form; a link in it may lead out.
own_path <- function(path) {
  at <- own_dir
  for (part in strsplit(path, "/", fixed = TRUE)[[1L]]) {
    at <- paste0(at, "/", part)
    link <- Sys.readlink(at)
    if (!is.na(link) && link != "") stop("it leads through a symbolic link")
  }
  at
}

# Files and values that came with the job. What goes wrong is said in one sentence.
take_brought <- function(files, data) {
  for (name in names(files)) {
    problem <- tryCatch(put_file(files[[name]], own_path(name)),
      error = function(e) conditionMessage(e))
    if (!is.null(problem)) return(paste0("Cannot put '", name, "': ", problem))
  }
  for (name in names(data)) {
    value <- tryCatch(list(take_value(data[[name]])), error = function(e) NULL)
    if (is.null(value)) return(paste0("Cannot bind '", name, "': R cannot take the value"))
    assign(name, value[[1L]], envir = global)
  }
  NULL
}

put_file <- function(from, to) {
  dir.create(dirname(to), recursive = TRUE, showWarnings = FALSE)
  if (dir.exists(to)) stop("there is a directory of that name")
  if (!suppressWarnings(file.rename(from, to))) stop("R may not write there")
  NULL
}

take_value <- function(path) {
  from <- file(path, "rb", raw = TRUE)
  on.exit({
    close(from)
    unlink(path)
  })
  unserialize(from)
}

# The call of a function by its name, with arguments that are data: bound to names in an environment
# of their own, so that R's messages show the names.
prepare_call <- function(name, path) {
  given <- if (is.null(path)) list() else take_value(path)
  labels <- names(given)
  if (is.null(labels)) labels <- character(length(given))
  bound <- ifelse(labels == "", paste0("arg", seq_along(given)), labels)
  call_env <<- new.env(parent = global)
  for (i in seq_along(given)) assign(bound[[i]], given[[i]], envir = call_env)
  arguments <- lapply(bound, as.name)
  names(arguments) <- labels
  parts <- strsplit(name, "::", fixed = TRUE)[[1L]]
  fun <- if (length(parts) == 2L) call("::", as.name(parts[[1L]]), as.name(parts[[2L]]))
    else as.name(name)
  as.expression(list(as.call(c(list(fun), arguments))))
}

# What readline() is. Where nobody is there, base's own.
ask_line <- function(prompt = "") {
  if (!asking || Sys.getpid() != pid) return(own_readline(prompt))
  emit("P", as.character(prompt)[1L])
  line <- readLines(job_stdin(), 1L)
  if (length(line) == 0L) "" else line
}

# What menu() is.
ask_choice <- function(choices, graphics = FALSE, title = NULL) {
  if (!asking || Sys.getpid() != pid) return(own_menu(choices, graphics, title))
  if (length(title) > 0L && nzchar(title[1L])) cat(title[1L], "", sep = "\n")
  numbers <- format(seq_along(choices))
  cat(paste0(numbers, ": ", choices), "", sep = "\n")
  repeat {
    answer <- suppressWarnings(as.integer(ask_line("Selection: ")))
    if (!is.na(answer) && answer >= 0L && answer <= length(choices)) return(answer)
    cat(gettext("Enter an item from the menu, or 0 to exit\n", domain = "R-utils"))
  }
}

# menu() is another package's: it is replaced when the first job asks for somebody to be asked.
replace_menu <- function() {
  if (!is.null(own_menu) || !isNamespaceLoaded("utils")) return(NULL)
  own_menu <<- utils::menu
  replace_in_package("utils", "menu", ask_choice)
}
