# errors with show.error.messages off, and with another length
options(show.error.messages = FALSE)
f <- function() stop("you cannot see this")
try(f())
cat("visible\n")
f()
