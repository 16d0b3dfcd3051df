# stopifnot failing at the top level
x <- 1:3
stopifnot(length(x) == 3, x < 3)
cat("never\n")
