# an escape the parser does not know
cat("first\n")
x <- "C:\path\new"
cat("never\n")
