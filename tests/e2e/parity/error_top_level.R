# stop at the top level
cat("before\n")
stop("no call here")
cat("never\n")
