# tryCatch with finally, and handlers that fail
tryCatch({
  cat("body\n")
  stop("oops")
}, error = function(e) {
  print(e)
  cat("message:", conditionMessage(e), "\n")
}, finally = cat("finally\n"))
f <- function() stop("inside f")
tryCatch(f(), error = function(e) e)
tryCatch(message("hello"), message = function(m) cat("got", conditionMessage(m)))
withCallingHandlers(
  tryCatch(f(), error = function(e) "inner"),
  error = function(e) cat("outer sees nothing\n"))
try(withCallingHandlers(f(), error = function(e) cat("calling handler\n")))
tryCatch(stop("first"), error = function(e) stop("second, from the handler"), finally = cat("still\n"))
