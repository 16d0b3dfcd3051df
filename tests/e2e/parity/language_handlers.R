# global calling handlers
globalCallingHandlers(warning = function(w) cat("global:", conditionMessage(w), "\n"),
  message = function(m) cat("heard:", conditionMessage(m)))
warning("first")
message("hello")
f <- function() as.integer("x")
f()
globalCallingHandlers(NULL) |> invisible()
warning("plain again")
globalCallingHandlers(error = function(e) cat("before it halts:", conditionMessage(e), "\n"))
stop("halts")
