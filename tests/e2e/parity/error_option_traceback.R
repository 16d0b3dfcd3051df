# an error handler that prints the traceback
options(error = quote({
  traceback(2)
  quit(status = 9)
}))
f <- function(x) g(x)
g <- function(x) stop("look where")
f(1)
