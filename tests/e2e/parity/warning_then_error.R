# an error after warnings of the same top-level call
f <- function() {
  warning("first one")
  stop("and then an error")
}
f()
