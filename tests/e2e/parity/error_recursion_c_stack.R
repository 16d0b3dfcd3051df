# a C stack overflow that nobody catches
f <- function(n) f(n + 1)
cat("before\n")
f(1)
