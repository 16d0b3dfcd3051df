# Calls on the stack, for errors: which of them are the user's, and how they read. Part of worker.R.

# The `n` outermost calls on the stack, without ours. Of a deep recursion its beginning and its end.
users_calls <- function(n) {
  frames <- if (n <= 100L) seq_len(n) else c(1:50, seq.int(n - 48L, n))
  parents <- sys.parents()
  from_us <- function(i) {
    parents[[i]] > 0L && identical(environment(sys.function(parents[[i]])), self)
  }
  stack <- sys.calls()
  calls <- stack[Filter(function(i) !from_us(i), frames)]
  if (n <= 100L) return(calls)
  append(calls, as.name(sprintf("... (%d calls)", n - 99L)), 50L)
}

# As R's traceback() shows it: with its place, where there are source references.
shown_at <- function(call) {
  text <- shown(call)
  ref <- if (!is.null(script_name)) attr(call, "srcref")
  if (is.null(ref)) return(text)
  paste0(text, " at ", basename(attr(ref, "srcfile")$filename), "#", ref[[1L]])
}

shown <- function(call) {
  tryCatch({
    text <- deparse(slim(call, 1L), width.cutoff = 200L, nlines = 2L)
    if (nchar(text[[1L]]) > 200L) paste0(substr(text[[1L]], 1L, 200L), "...")
    else if (length(text) > 1L) paste(text[[1L]], "...")
    else text
  }, error = function(e) "?")
}

# A call without the data do.call() has put into it: writing that out can take seconds, each time.
slim <- function(call, depth) {
  if (!is.call(call) || depth > 5L) return(call)
  as.call(lapply(as.list(call), function(part) {
    if (is.call(part)) slim(part, depth + 1L) else if (is_big(part, 1L)) quote(...) else part
  }))
}

is_big <- function(x, depth) {
  n <- tryCatch(length(x), error = function(e) Inf)
  if (typeof(x) == "character" && n <= 1000L) return(sum(nchar(x, "bytes")) > 10000L)
  if (typeof(x) != "list") return(is.atomic(x) && n > 1000L)
  n > 20L || depth > 3L || any(vapply(unclass(x), is_big, NA, depth + 1L))
}
