# an error while a promise is forced
f <- function(x) {
  force(x)
  x
}
g <- function(y) f(y)
g(stop("in the argument"))
