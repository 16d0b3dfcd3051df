# a tail that is incomplete
cat("runs first\n")
f <- function(x) {
  x + 1
cat("never\n")
