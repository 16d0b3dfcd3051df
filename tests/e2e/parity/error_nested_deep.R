# an error so deep that the Calls line is cut
f <- function(n, padding) if (n == 0) stop("bottom") else f(n - 1, padding)
f(60, "x")
