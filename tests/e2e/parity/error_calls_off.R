# errors with the Calls line turned off
options(showErrorCalls = FALSE)
f <- function() g()
g <- function() stop("no Calls line")
f()
