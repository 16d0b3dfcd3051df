# conditions of one's own classes
myCondition <- function(msg, class) structure(class = c(class, "condition"),
  list(message = msg, call = sys.call(-1)))
f <- function() signalCondition(myCondition("signal", "custom"), NULL)
f()
withCallingHandlers(f(), custom = function(c) cat("caught", class(c), "\n"))
r <- withRestarts(invokeRestart("mine", 5), mine = function(x) x * 2)
r
tryCatch(stop(errorCondition("classed", class = "mine", data = 1)), mine = function(e) e$data)
message(myCondition("as a message\n", c("custom", "message")))
rlang_like <- structure(class = c("rlang_error", "error", "condition"),
  list(message = "of a class of its own", call = quote(some_call(x))))
stop(rlang_like)
