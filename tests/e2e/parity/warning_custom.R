# warnings of a class of one's own
w <- structure(class = c("custom", "warning", "condition"), list(message = "of my own", call = NULL))
warning(w)
f <- function() warning(structure(class = c("custom", "warning", "condition"),
  list(message = "with a call", call = sys.call(-1))))
f()
tryCatch(warning(w), custom = function(c) class(c))
warningCondition("made", class = "made")
warning(warningCondition("raised", class = "made"))
g <- function() .Deprecated("h")
g()
.Defunct("x")
