# a parse error with an error handler of one's own
options(error = quote(cat("my handler\n")))
cat("first\n")
x <- )
cat("does this run?\n")
