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

# What readline() is: where somebody is there to answer, the line that is typed.
ask_line <- function(prompt = "") {
  if (!asking || Sys.getpid() != pid) return(own_readline(prompt))
  line <- answer_to(prompt)
  if (is.null(line)) "" else gsub("^[ \t]+|[ \t]+$", "", line)
}

# The next line of the job's input, or NULL at its end. An interrupt waits until the mark is whole.
answer_to <- function(prompt) {
  text <- substr(enc2utf8(as.character(prompt)[1L]), 1L, 256L)
  old <- .Internal(interruptsSuspended(TRUE))
  emit("P", text)
  .Internal(interruptsSuspended(old))
  line <- readLines(input_connection(), 1L, warn = FALSE, encoding = "UTF-8")
  if (length(line) > 0L) return(line)
  # A stop ends the input, too: the interrupt that belongs to it comes before anything else.
  if (file.exists(stop_file)) Sys.sleep(10)
  NULL
}

# How many lines the function of this frame reads of stdin(); NULL unless it reads lines. -1: all.
lines_read <- function(frame) {
  if (frame < 1L) return(NULL)
  reader <- sys.function(frame)
  if (identical(reader, readLines)) as.integer(sys.frame(frame)$n)
  else if (identical(reader, scan)) -1L
}

# What stdin() is to those while somebody is there: so many lines, or those up to an empty one.
typed_lines <- function(most) {
  lines <- character()
  while (most < 0L || length(lines) < most) {
    line <- answer_to(paste0(length(lines) + 1L, ": "))
    if (is.null(line) || (most < 0L && line == "")) break
    lines <- c(lines, line)
  }
  forget_typed()
  typed <<- textConnection(lines)
}

forget_typed <- function() {
  if (!is.null(typed)) tryCatch(close(typed), error = function(e) NULL)
  typed <<- NULL
}

# What menu() is while somebody is there to answer. A choice may be typed in its own words, too.
ask_choice <- function(choices, graphics = FALSE, title = NULL) {
  if (Sys.getpid() != pid) return(own_menu(choices, FALSE, title))
  if (length(title) > 0L && nzchar(title[1L])) cat(title[1L], "\n")
  cat("", menu_lines(choices), "", sep = "\n")
  repeat {
    line <- answer_to("Selection: ")
    if (is.null(line)) return(0L)
    chosen <- match(line, choices, 0L)
    if (chosen > 0L) return(chosen)
    number <- suppressWarnings(as.integer(line))
    if (!is.na(number) && number >= 0L && number <= length(choices)) return(number)
    cat(gettext("Enter an item from the menu, or 0 to exit\n", domain = "R-utils"))
  }
}

# More than ten choices stand side by side, as many as fit.
menu_lines <- function(choices) {
  lines <- paste0(format(seq_along(choices)), ": ", choices)
  if (length(lines) <= 10L) return(lines)
  padded <- format(lines)
  abreast <- min(length(lines), max(1L, getOption("width") %/% (nchar(padded[1L], "width") + 2L)))
  row <- (seq_along(padded) - 1L) %/% abreast
  c(vapply(split(padded, row), paste, "", collapse = "  "), "")
}

# menu() is another package's, and R's own outside of jobs that ask.
set_menu <- function(value) {
  if (!isNamespaceLoaded("utils")) return(NULL)
  if (is.null(own_menu)) own_menu <<- utils::menu
  replace_in_package("utils", "menu", value)
}
