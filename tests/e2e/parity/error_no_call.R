# stop(call. = FALSE) inside nested calls
f <- function() stop("no call shown", call. = FALSE)
g <- function() f()
g()
