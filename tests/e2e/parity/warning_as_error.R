# warnings turned into errors with warn = 2
options(warn = 2)
f <- function() as.integer("x")
r <- try(f(), silent = TRUE)
cat(r)
cat("and now for real\n")
f()
cat("never\n")
