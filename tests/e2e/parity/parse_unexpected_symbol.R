# two symbols side by side in the middle of a function
cat("first\n")
f <- function(a) {
  b <- a
  c d
  e
}
cat("never\n")
