# a run-time error before a parse error
cat("first\n")
stop("this comes first")
x <- )
