# an error whose class has a conditionMessage method
conditionMessage.fancy <- function(c) paste("fancy:", c$detail)
e <- structure(class = c("fancy", "error", "condition"), list(message = "plain", call = NULL, detail = 42))
try(stop(e))
cat(geterrmessage())
f <- function() stop(e)
f()
