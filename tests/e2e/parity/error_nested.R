# an error in nested calls, with the Calls line
f <- function(x) g(x + 1)
g <- function(x) h(x, "text")
h <- function(x, y) stop("deep trouble")
f(1)
