# a repeated formal argument
cat("first\n")
f <- function(a, b, a) a
cat("never\n")
