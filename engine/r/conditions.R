# Messages, warnings and errors as JSON, and the handlers that see them. Part of worker.R.

# Seen by our handlers only when nothing above has caught it.
on_message <- function(c) event("message", c)
on_warning <- function(c) event("warning", c)
on_error <- function(c) {
  if (is.null(job) || Sys.getpid() != pid) return(NULL)
  signalled <<- describe("error", c)
}
on_interrupt <- function(c) {
  # An interrupt meant for a job that has ended meanwhile: go on as if it had not come.
  if (!file.exists(stop_file) && !is.null(maybe_restart("resume"))) invokeRestart("resume")
  signalled <<- an_interrupt
}
maybe_restart <- function(name) {
  for (r in computeRestarts()) if (identical(r[[1L]], name)) return(r)
  NULL
}

event <- function(kind, condition) {
  if (is.null(job) || Sys.getpid() != pid) return(NULL)
  if (events_left <= 0L) {
    events_dropped <<- events_dropped + 1L
    return(NULL)
  }
  events_left <<- events_left - 1L
  old <- .Internal(interruptsSuspended(TRUE))
  emit("C", condition_json(describe(kind, condition)))
  .Internal(interruptsSuspended(old))
  NULL
}

plain_error <- function(text) {
  list(kind = "error", text = text, call = NULL, classes = c("simpleError", "error", "condition"))
}

an_interrupt <- list(kind = "interrupt", text = "", call = NULL,
  classes = c("interrupt", "condition"))

# The methods called here may be the user's own: whatever they do, there is a description.
describe <- function(kind, condition) {
  text <- tryCatch(as.character(conditionMessage(condition))[1L], error = function(e) NA_character_)
  call <- tryCatch(conditionCall(condition), error = function(e) NULL)
  classes <- tryCatch(class(condition), error = function(e) kind)
  list(kind = kind, text = text, call = call, classes = classes)
}

condition_json <- function(x) {
  fields <- c(
    paste0("\"kind\":", quoted(x$kind)),
    paste0("\"text\":", quoted(x$text)),
    paste0("\"call\":", if (is.null(x$call)) "null" else quoted(shown(x$call))),
    paste0("\"classes\":[", paste(vapply(x$classes, quoted, ""), collapse = ","), "]")
  )
  if (!is.null(x$line)) fields <- c(fields, paste0("\"line\":", x$line))
  if (!is.null(x$traceback)) {
    calls <- vapply(x$traceback, function(call) quoted(shown_at(call)), "")
    fields <- c(fields, paste0("\"traceback\":[", paste(calls, collapse = ","), "]"))
  }
  paste0("{", paste(fields, collapse = ","), "}")
}

# A JSON string; bytes that are no UTF-8 are shown as R shows them, <ff>.
quoted <- function(x) {
  x <- as.character(x)[1L]
  if (is.na(x)) return("null")
  x <- enc2utf8(x)
  if (!validUTF8(x)) x <- iconv(x, "UTF-8", "UTF-8", sub = "byte")
  if (nchar(x, "bytes") > 16384L) x <- paste0(substr(x, 1L, 4000L), "...")
  x <- gsub("\\", "\\\\", x, fixed = TRUE)
  x <- gsub("\"", "\\\"", x, fixed = TRUE)
  for (code in unique(utf8ToInt(x))) {
    if (!is.na(code) && (code < 32L || code == 127L)) {
      x <- gsub(intToUtf8(code), sprintf("\\u%04x", code), x, fixed = TRUE)
    }
  }
  paste0("\"", x, "\"")
}
