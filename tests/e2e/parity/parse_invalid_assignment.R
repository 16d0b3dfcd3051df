# an assignment to a literal inside a block
cat("first\n")
f <- function() {
  "a" + 1 <- 2
}
f()
