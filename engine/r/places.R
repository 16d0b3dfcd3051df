# Where in the code we are: the lines of what fails, source references, the echo. Part of worker.R.

# Which of a source reference's numbers are lines of the code as it was sent, whatever #line says.
first_parsed <- 7L
last_parsed <- 8L

# Parses again, with source references, where they are wanted. To echo is not to keep the source:
# functions print as ever.
keep_places <- function() {
  if (!echoing && is.null(script_name)) return(NULL)
  parsed <- parse_again(code, length(exprs), TRUE)
  known_places <<- attr(parsed, "srcref")
  if (!is.null(script_name)) exprs <<- parsed
}

# Source references of the first `n` expressions. Nobody needs them unless something fails: only
# then are they asked of the parser.
places <- function(n) {
  if (is.null(known_places)) attr(parse_again(code, n, TRUE), "srcref") else known_places
}

# The line at which the code failed, if that can be told.
failure_line <- function() {
  if (!is.null(called) || browsing || failure$kind != "error") return(NULL)
  if (!is.null(tail_line)) return(tail_line)
  if (at > 0L) tryCatch(places(at)[[at]][[first_parsed]], error = function(e) NULL)
}

# The expression in braces, which have no frame of their own: R takes from them where a call stands.
at_its_line <- function(expr) {
  ref <- places(at)[[at]]
  structure(as.call(list(`{`, expr)), srcref = list(ref, ref))
}

begin_echo <- function() {
  source_lines <<- strsplit(code, "\n", fixed = TRUE, useBytes = TRUE)[[1L]]
  Encoding(source_lines) <<- "unknown"    # to be written byte by byte
  echoed <<- 0L
}

# R reads whole lines: up to the one in which the expression ends.
echo_expression <- function() {
  ref <- places(at)[[at]]
  echo_lines(ref[[first_parsed]], ref[[last_parsed]])
}

# What is behind the last expression that parses: nothing, or what R complains about.
echo_rest <- function() {
  total <- length(source_lines)
  if (is.null(wrong_line)) {
    echo_lines(total, total)
    write_text(stdout_con, paste0(getOption("prompt"), "\n"))
    return(NULL)
  }
  rest <- seq_along(source_lines) > echoed &
    !grepl("^[ \t\f]*(#.*)?$", source_lines, useBytes = TRUE)
  echo_lines(match(TRUE, rest, total), if (incomplete) total else wrong_line)
  if (incomplete) write_text(stdout_con, getOption("continue"))
}

# `first` is the line in which the expression begins; before it nothing is open.
echo_lines <- function(first, last) {
  if (last <= echoed) return(NULL)
  lines <- seq.int(echoed + 1L, last)
  prompts <- ifelse(lines <= first, getOption("prompt"), getOption("continue"))
  write_text(stdout_con, paste0(prompts, source_lines[lines], "\n", collapse = ""))
  echoed <<- last
}
