# Reading code: what parses is evaluated, what does not is left to the REPL. Part of worker.R.

# Fills `exprs`. What does not parse is left to the REPL (`raw_tail`), so that R words the error;
# what is only incomplete (`incomplete`) gets the words Rscript has for it.
read_code <- function() {
  text <- code
  parsed <- parse_quietly(text)
  if (is.expression(parsed)) {
    exprs <<- parsed
    keep_places()
    return(NULL)
  }
  good <- parsable(text)
  exprs <<- if (good == 0L) expression() else parse_again(text, good, FALSE)
  if (good == 0L) locate(text, 0L)
  else {
    keep_places()
    rest <- after(text, places(good)[[good]])
    locate(rest$text, rest$lines_before)
  }
  if (asking && incomplete) wait_for_more()
}

# Whoever types is to be asked for the rest: nothing of it is run.
wait_for_more <- function() {
  incomplete <<- FALSE
  exprs <<- no_exprs
  failure <<- plain_error("the code is incomplete")
  failure$classes <<- c("incompleteCode", failure$classes)
}

# The expressions, or what tryCatch() would hand its handler. tryCatch() is built on the same
# primitive, and costs more than parsing a short script does.
parse_quietly <- function(text) {
  .Internal(.addCondHands("error", list(NULL), environment(), environment(), FALSE))
  .Internal(parse(console_con, -1L, text, "?", NULL, "unknown"))
}

parse_text <- function(text, n, keep) {
  if (!keep) return(own_parse(text = text, n = n, keep.source = FALSE))
  name <- if (is.null(script_name)) "<text>" else script_name
  own_parse(text = text, n = n, keep.source = TRUE, srcfile = srcfilecopy(name, text))
}

# What has been parsed before has given its warnings then.
parse_again <- function(text, n, keep) suppressWarnings(parse_text(text, n, keep))

# How many expressions parse before the first that does not.
parsable <- function(text) {
  low <- 0L
  high <- 1L
  works <- function(n) !is.null(tryCatch(parse_again(text, n, FALSE), error = function(e) NULL))
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

# The text behind an expression, with the semicolon or the line end that closes it taken off, and
# how many lines of the code end before it.
after <- function(text, ref) {
  lines <- strsplit(text, "\n", fixed = TRUE, useBytes = TRUE)[[1L]]
  last <- ref[[last_parsed]]
  line <- substring_bytes(lines[[last]], ref[[4L]] + 1L)
  close <- regexpr("^[ \t\f]*;", line, useBytes = TRUE)
  lines <- lines[seq_along(lines) > last]
  if (close > 0L) lines <- c(substring_bytes(line, attr(close, "match.length") + 1L), lines)
  list(text = paste(lines, collapse = "\n"), lines_before = last - (close > 0L))
}

substring_bytes <- function(line, from) {
  bytes <- charToRaw(line)
  text <- rawToChar(bytes[seq_along(bytes) >= from])
  Encoding(text) <- Encoding(line)
  text
}

# Tells a tail that is incomplete from one that is wrong, and cuts the wrong one behind its error.
locate <- function(rest, lines_before) {
  message <- complaint(rest)
  lines <- strsplit(rest, "\n", fixed = TRUE, useBytes = TRUE)[[1L]]
  place <- regmatches(message, regexec("^<text>:([0-9]+):", message))[[1L]]
  line <- if (length(place) == 2L) as.integer(place[[2L]]) else first_wrong(lines, message)
  wrong_line <<- lines_before + min(line, length(lines))
  if (line > length(lines) || grepl("INCOMPLETE_STRING", message, fixed = TRUE)) {
    wrong_line <<- lines_before + length(lines)
    incomplete <<- TRUE
    return(NULL)
  }
  # Empty lines in front: a line keeps its number.
  behind <<- paste(c(character(wrong_line), lines[seq_along(lines) > line]), collapse = "\n")
  text <- sub("^\n+", "", paste(lines[seq_len(line)], collapse = "\n"), useBytes = TRUE)
  if (nchar(text, "bytes") > 262144L) {
    cat("Error: ", message, "\n", sep = "", file = stderr_con)
    failure <<- plain_error(message)
    tail_line <<- wrong_line
    return(NULL)
  }
  raw_tail <<- text
}

complaint <- function(text) {
  tryCatch({
    parse_again(text, 1L, FALSE)
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
