# an error after several warnings of the same call
f <- function() {
  warning("one")
  warning("two")
  as.integer("x")
  stop("the end")
}
g <- function() f()
g()
