# options(error = NULL), then an error
options(error = NULL)
f <- function() stop("halts")
cat("before\n")
f()
cat("never\n")
