# everything removed in the middle of a script
x <- 1
rm(list = ls(all.names = TRUE))
invisible(gc())
exists("x")
closeAllConnections()
cat("still here\n")
2 + 2
warning("a warning after that")
f <- function() stop("and an error")
f()
